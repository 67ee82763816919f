using BillingPortal.Primitives;

namespace BillingPortal.Ledger;

// How what was put back of a charge is taken again at another price.
public sealed partial class AccountState
{
    /// <summary>Takes of a wallet what a charge comes to now, out of the very grants that it had drawn, as far as they were just refilled; then like any debit, past the floor if need be: it happened.</summary>
    /// <param name="drawn">What the charge had drawn, in that order.</param>
    /// <param name="chargedAt">When it was charged first: what belongs to an earlier period does not count as use of this one.</param>
    /// <param name="reference">Of the grant that <see cref="PutBack"/> opened for what had expired meanwhile.</param>
    public FundingPart TakeAgain(Unit unit, Amount amount, IReadOnlyList<GrantDraw> drawn, DateTimeOffset chargedAt, string reference)
    {
        var wallet = Touch(unit);
        var (used, left, draws) = (wallet.UsedInPeriod, amount, new List<GrantDraw>(drawn.Count));
        foreach (var draw in drawn)
        {
            if (grants.TryGetValue(draw.Grant, out var grant) && grant.Unit == unit)
            {
                left -= Amount.Min(left, draw.Amount) - DrawFrom(grant, Amount.Min(left, draw.Amount), draws);
            }
        }

        var part = Pay(wallet, amount, left, Book.Revenue, TransferKind.Charge, reference, draws);
        if (unit.IsMeter && chargedAt < Head.PeriodStart)
        {
            wallet.UsedInPeriod = used;
        }

        return part;
    }

    /// <summary>Counts again what a charge counts beside its price or of an unlimited allowance, where that was in this period: nothing moves.</summary>
    public FundingPart CountAgain(Unit meter, Amount amount, DateTimeOffset chargedAt) =>
        chargedAt >= Head.PeriodStart ? CountUnlimited(meter, amount) : new(meter, amount, WalletOf(meter).Balance, 0, [], Unlimited: true);
}
