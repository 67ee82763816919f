using BillingPortal.Primitives;
using BillingPortal.Usage.ReRatings;

namespace BillingPortal.Tests.Usage;

/// <summary>Where tiers begin for the charges of a period that was not priced by tiers, or only in part.</summary>
public sealed class TierStartTests
{
    private static readonly DateTimeOffset noon = new(2026, 3, 1, 12, 0, 0, TimeSpan.Zero);

    [Fact]
    public void Use_adds_up_within_a_period_and_what_was_given_back_by_then_does_not_count()
    {
        MeterCharge[] charges = [Flat(1, 0, 5m), Flat(2, 1, 2m), Flat(3, 3, 1m), Flat(4, 24 * 40, 7m), Flat(5, 24 * 41, 7m)];
        MeterRefund[] refunds = [new(Id(2), At(2), Amount.Of(2m)), new(Id(1), At(24 * 40.5), Amount.Of(5m))];
        Assert.Equal([0m, 5m, 5m, 0m, 7m], Starts(charges, refunds));
    }

    [Fact]
    public void A_charge_keeps_where_it_began_until_one_before_it_was_not_counted()
    {
        MeterCharge[] charges = [Tiered(1, 0, 5m, 3m), Tiered(2, 1, 2m, 8m), Flat(3, 2, 4m), Tiered(4, 3, 1m, 10m)];
        Assert.Equal([3m, 8m, 10m, 14m], Starts(charges, []));
    }

    [Fact]
    public void What_was_rated_again_is_found_as_it_was_posted_also_at_one_instant()
    {
        MeterCharge[] charges = [Flat(1, 0, 5m), Flat(2, 0, 2m), Flat(3, 0, 4m)];
        Assert.Equal([0m, 5m, 7m], Starts(charges, []));
        // Posted in another order, and the second not at all.
        MeterCharge[] posted = [.. charges, Tiered(9, 0, 5m, 0m) with { Rerates = Id(1) }, Tiered(8, 0, 4m, 7m) with { Rerates = Id(3) }];
        var again = TierStarts.Of(posted, [new(Id(1), At(50), Amount.Of(5m)), new(Id(3), At(50), Amount.Of(4m))], PeriodOf);
        Assert.Equal([(Id(9), 0m), (Id(2), 5m), (Id(8), 7m)], again.OrderBy(s => s.Value).Select(s => (s.Key, s.Value.Value)));
    }

    private static IEnumerable<decimal> Starts(MeterCharge[] charges, MeterRefund[] refunds)
    {
        var starts = TierStarts.Of(charges, refunds, PeriodOf);
        return charges.Select(c => starts[c.Id].Value);
    }

    private static Period PeriodOf(DateTimeOffset instant) => Period.Monthly(noon, instant);

    private static MeterCharge Flat(int id, double hours, decimal counts) => new(Id(id), null, At(hours), Amount.Of(counts), null, IsCounted: false);

    private static MeterCharge Tiered(int id, double hours, decimal counts, decimal from) => new(Id(id), null, At(hours), Amount.Of(counts), Amount.Of(from), IsCounted: true);

    private static DateTimeOffset At(double hours) => noon.AddHours(hours);

    private static Guid Id(int number) => new(number, 0, 0, [0, 0, 0, 0, 0, 0, 0, 0]);
}
