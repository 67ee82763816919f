using BillingPortal.Usage;

namespace BillingPortal.Tests.Usage;

/// <summary>Projections, computed by hand.</summary>
public class ProjectionTests
{
    private static readonly DateTimeOffset Monday = new(2026, 11, 16, 0, 0, 0, TimeSpan.Zero);

    private static Dictionary<DateOnly, decimal> Days(DateTimeOffset first, params decimal[] use) =>
        use.Select((u, i) => (Day: DateOnly.FromDateTime(first.UtcDateTime).AddDays(i), u)).ToDictionary(d => d.Day, d => d.u);

    [Fact]
    public void Weekdays_to_come_are_like_those_that_were()
    {
        // Two weeks of 10 on working days and 0 at the weekend: the week from Monday on brings 50 more.
        var daily = Days(Monday.AddDays(-14), 10, 10, 10, 10, 10, 0, 0, 10, 10, 10, 10, 10, 0, 0);
        Assert.Equal(150m, Projection.Of(100m, daily, DateOnly.FromDateTime(Monday.UtcDateTime).AddDays(-14), Monday, Monday.AddDays(7)));
    }

    [Fact]
    public void The_rest_of_today_counts_as_far_as_it_is_left() =>
        // At noon half a Monday of 10 is to come, then nothing: the period ends at midnight.
        Assert.Equal(8m, Projection.Of(3m, Days(Monday.AddDays(-7), 10, 0, 0, 0, 0, 0, 0), DateOnly.FromDateTime(Monday.UtcDateTime).AddDays(-7), Monday.AddHours(12), Monday.AddDays(1)));

    [Fact]
    public void A_weekday_that_was_not_seen_is_taken_as_any_day() =>
        // Saturday 4 and Sunday 8 are known; Monday and Tuesday are taken as 6 each.
        Assert.Equal(24m, Projection.Of(12m, Days(Monday.AddDays(-2), 4, 8), DateOnly.FromDateTime(Monday.UtcDateTime).AddDays(-2), Monday, Monday.AddDays(2)));

    [Fact]
    public void On_the_first_day_it_is_too_early_to_say() =>
        Assert.Null(Projection.Of(5m, Days(Monday, 5), DateOnly.FromDateTime(Monday.UtcDateTime), Monday.AddHours(9), Monday.AddDays(7)));

    [Fact]
    public void Days_before_the_account_used_anything_say_nothing() =>
        Assert.Equal(20m, Projection.Of(10m, Days(Monday.AddDays(-1), 10), DateOnly.FromDateTime(Monday.UtcDateTime).AddDays(-1), Monday, Monday.AddDays(1)));
}
