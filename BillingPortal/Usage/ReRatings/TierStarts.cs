using BillingPortal.Primitives;

namespace BillingPortal.Usage.ReRatings;

/// <summary>A charge of a meter, as far as tiers over the period ask.</summary>
/// <param name="Rerates">The charge that it stands for since that was rated again.</param>
/// <param name="Counts">How much of the meter it used, ≥ 0.</param>
/// <param name="TiersFrom">Where its tiers began when it was priced; null: no tiers over the period priced it.</param>
/// <param name="IsCounted">The wallet of the meter has counted it.</param>
internal readonly record struct MeterCharge(Guid Id, Guid? Rerates, DateTimeOffset At, Amount Counts, Amount? TiersFrom, bool IsCounted);

/// <param name="Amount">How much of the meter it gave back, ≥ 0.</param>
internal readonly record struct MeterRefund(Guid Charge, DateTimeOffset At, Amount Amount);

/// <summary>Where the tiers of each charge begin when a whole period is rated by tiers: behind all that was used of the meter before it, less what had been given back by then. Pure.</summary>
/// <remarks>
/// While every charge before it was counted for tiers too, a charge keeps where it began: nothing is more exact. Behind one that was not, the quantities are added up in the order of the first
/// charges, which rating again does not change. So a second re-rating finds what the first one has posted.
/// </remarks>
internal static class TierStarts
{
    /// <param name="charges">All of one account and meter from the start of a period on, in any order.</param>
    /// <param name="periodOf">The account's period around an instant.</param>
    /// <returns>By the charge's id; what was rated again has none.</returns>
    public static Dictionary<Guid, Amount> Of(IReadOnlyList<MeterCharge> charges, IReadOnlyList<MeterRefund> refunds, Func<DateTimeOffset, Period> periodOf)
    {
        var byId = charges.ToDictionary(c => c.Id);
        var gone = charges.Where(c => c.Rerates is not null).Select(c => c.Rerates!.Value).ToHashSet();
        var back = new Queue<MeterRefund>(refunds.Where(r => !gone.Contains(r.Charge) && byId.ContainsKey(r.Charge)).OrderBy(r => r.At).ThenBy(r => r.Charge));
        var starts = new Dictionary<Guid, Amount>(charges.Count);
        var (period, used, isExact) = (default(Period), Amount.Zero, true);
        foreach (var (charge, _) in charges.Where(c => !gone.Contains(c.Id)).Select(c => (Charge: c, First: FirstOf(c, byId))).OrderBy(c => c.Charge.At).ThenBy(c => c.First.TiersFrom ?? Amount.Zero).ThenBy(c => c.First.Id))
        {
            while (back.TryPeek(out var refund) && refund.At < charge.At)
            {
                back.Dequeue();
                used = period.Contains(byId[refund.Charge].At) ? Amount.Max(Amount.Zero, used - refund.Amount) : used;
            }

            if (!period.Contains(charge.At))
            {
                (period, used, isExact) = (periodOf(charge.At), Amount.Zero, true);
            }

            starts[charge.Id] = isExact && charge.TiersFrom is { } known ? known : used;
            used = starts[charge.Id] + charge.Counts;
            isExact &= charge.IsCounted || charge.Counts.IsZero;
        }

        return starts;
    }

    private static MeterCharge FirstOf(MeterCharge charge, Dictionary<Guid, MeterCharge> byId)
    {
        while (charge.Rerates is { } stood && byId.TryGetValue(stood, out var earlier))
        {
            charge = earlier;
        }

        return charge;
    }
}
