using System.Globalization;
using BillingPortal.Components.AccountParts;
using BillingPortal.Primitives;

namespace BillingPortal.Tests.Components;

/// <summary>Every hour of use stands in exactly one bar, in every zone and when the clock is changed.</summary>
public class UsageChartTests
{
    private static DateTimeOffset At(string text) => DateTimeOffset.Parse(text, CultureInfo.InvariantCulture);

    [Theory]
    [InlineData("UTC")]
    [InlineData("Europe/Oslo")]
    [InlineData("America/Havana")]
    [InlineData("Asia/Beirut")]
    [InlineData("Asia/Kolkata")]
    [InlineData("Asia/Kathmandu")]
    [InlineData("Australia/Lord_Howe")]
    [InlineData("Pacific/Niue")]
    [InlineData("Pacific/Kiritimati")]
    public void No_hour_is_lost_and_no_bar_is_named_twice(string name)
    {
        var zone = TimeZoneInfo.FindSystemTimeZoneById(name);
        for (var end = At("2028-01-01T00:30:00Z"); end < At("2029-01-01T00:00:00Z"); end = end.AddHours(67))
        {
            foreach (var (hours, hourly) in new[] { (24, true), (7 * 24, false) })
            {
                var start = end.AddHours(-hours);
                var first = start.AddMinutes(-30);
                var points = Enumerable.Range(0, hours + 1).Select(i => first.AddHours(i)).Select(hour => new UsagePoint(hourly ? hour : new(Zones.Instant(UsageChart.DayOf(hour, zone), zone).UtcDateTime), "x", 1m, 1)).ToList();
                var (labels, series) = UsageChart.Of(points, start, end, hourly, zone);
                Assert.Equal(points.Count, series.Single().Values.Sum());
                Assert.True(hourly ? labels.Count == 25 : labels.Distinct().Count() == labels.Count, $"{name} {end:O}: {string.Join(", ", labels)}");
            }
        }
    }

    [Fact]
    public void An_hour_is_named_by_when_it_begins_on_the_viewer_s_clock()
    {
        var (labels, series) = UsageChart.Of([new(At("2028-06-01T18:00:00Z"), "x", 5m, 1)], At("2028-06-01T17:20:00Z"), At("2028-06-01T19:10:00Z"), hourly: true, TimeZoneInfo.FindSystemTimeZoneById("Asia/Kolkata"));
        Assert.Equal(["1 Jun 22:30", "1 Jun 23:30", "2 Jun 00:30"], labels);
        Assert.Equal([0m, 5m, 0m], series.Single().Values);
    }

    [Fact]
    public void Hours_of_one_name_are_two_bars_when_the_clock_is_set_back()
    {
        var (labels, series) = UsageChart.Of([new(At("2028-10-29T00:00:00Z"), "x", 1m, 1), new(At("2028-10-29T01:00:00Z"), "x", 2m, 1)], At("2028-10-29T00:00:00Z"), At("2028-10-29T01:30:00Z"), hourly: true, TimeZoneInfo.FindSystemTimeZoneById("Europe/Oslo"));
        Assert.Equal(["29 Oct 02:00", "29 Oct 02:00"], labels);
        Assert.Equal([1m, 2m], series.Single().Values);
    }
}
