using System.Globalization;
using BillingPortal.Ledger;

namespace BillingPortal.Tests.Ledger;

public class BudgetWindowTests
{
    [Theory]
    [InlineData(BudgetWindow.Hour, "2026-03-29T00:59:59Z", "Europe/Oslo", "2026-03-29T00:00Z", "2026-03-29T01:00Z")]
    [InlineData(BudgetWindow.Hour, "2026-06-01T10:10:00Z", "Asia/Kolkata", "2026-06-01T09:30Z", "2026-06-01T10:30Z")]
    // The day on which the clock goes forward has 23 hours, the one on which it goes back 25.
    [InlineData(BudgetWindow.Day, "2026-03-29T12:00:00Z", "Europe/Oslo", "2026-03-28T23:00Z", "2026-03-29T22:00Z")]
    [InlineData(BudgetWindow.Day, "2026-10-25T12:00:00Z", "Europe/Oslo", "2026-10-24T22:00Z", "2026-10-25T23:00Z")]
    [InlineData(BudgetWindow.Day, "2026-01-01T10:30:00Z", "Pacific/Kiritimati", "2026-01-01T10:00Z", "2026-01-02T10:00Z")]
    [InlineData(BudgetWindow.Day, "2026-01-01T10:30:00Z", "Pacific/Niue", "2025-12-31T11:00Z", "2026-01-01T11:00Z")]
    // In Beirut midnight itself is skipped.
    [InlineData(BudgetWindow.Day, "2026-03-29T12:00:00Z", "Asia/Beirut", "2026-03-28T22:00Z", "2026-03-29T21:00Z")]
    [InlineData(BudgetWindow.Month, "2028-02-29T23:59:59Z", "UTC", "2028-02-01T00:00Z", "2028-03-01T00:00Z")]
    [InlineData(BudgetWindow.Month, "2026-12-31T23:30:00Z", "Europe/Oslo", "2026-12-31T23:00Z", "2027-01-31T23:00Z")]
    public void A_window_goes_by_the_clock_of_the_zone(BudgetWindow window, string now, string zone, string start, string end)
    {
        var period = BudgetWindows.Of(window, DateTimeOffset.Parse(now, CultureInfo.InvariantCulture), TimeZoneInfo.FindSystemTimeZoneById(zone));
        Assert.Equal(DateTimeOffset.Parse(start, CultureInfo.InvariantCulture), period.Start);
        Assert.Equal(DateTimeOffset.Parse(end, CultureInfo.InvariantCulture), period.End);
    }

    [Theory]
    [InlineData("Australia/Lord_Howe")] // by half an hour
    [InlineData("Europe/Oslo")]
    [InlineData("America/Havana")]
    [InlineData("Asia/Kathmandu")]
    public void Windows_follow_each_other_without_gap_or_overlap_also_where_the_clock_is_changed(string name)
    {
        var zone = TimeZoneInfo.FindSystemTimeZoneById(name);
        foreach (var window in new[] { BudgetWindow.Hour, BudgetWindow.Day, BudgetWindow.Month })
        {
            var start = new DateTimeOffset(2028, 1, 1, 12, 0, 0, TimeSpan.Zero);
            for (var period = BudgetWindows.Of(window, start, zone); period.End < start.AddYears(1);)
            {
                var next = BudgetWindows.Of(window, period.End, zone);
                Assert.Equal(period.End, next.Start);
                Assert.Equal(next, BudgetWindows.Of(window, next.End.AddTicks(-1), zone));
                period = next;
            }
        }
    }

    [Theory]
    [InlineData("agent:x", BudgetWindow.Day, null, "x", "r", "agent:x|")]
    [InlineData("agent:x", BudgetWindow.Day, null, "y", "r", null)]
    [InlineData("agent:*", BudgetWindow.Day, null, "y", null, "agent:y|")]
    [InlineData("agent:x", BudgetWindow.Run, null, "x", "r", "agent:x|r")]
    [InlineData("agent:x", BudgetWindow.Run, null, "x", null, null)]
    [InlineData("run:*", BudgetWindow.Run, null, null, "r", "run:r|")]
    [InlineData("run:*", BudgetWindow.Hour, "m", "x", null, null)]
    [InlineData("member:a:b", BudgetWindow.Month, "a:b", null, null, "member:a:b|")]
    public void A_budget_counts_for_whom_its_scope_names(string scope, BudgetWindow window, string? member, string? agent, string? run, string? subject)
    {
        var found = new Budget { Scope = scope, Window = window }.SubjectOf(new(member, agent, run));
        Assert.Equal(subject, found is { } known ? $"{known.Name}|{known.Run}" : null);
    }
}
