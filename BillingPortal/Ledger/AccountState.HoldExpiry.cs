using BillingPortal.Primitives;

namespace BillingPortal.Ledger;

// What becomes of a hold when its time is over.
public sealed partial class AccountState
{
    private DateTimeOffset? border;

    /// <summary>The instant whose grants count: a border that is being crossed, else now.</summary>
    private DateTimeOffset Moment => border ?? Now;

    private void ExpireHold(Hold hold)
    {
        border = hold.ExpiresAt;
        if (hold.OnExpiry == HoldExpiry.Capture)
        {
            CaptureRest(hold);
        }
        else
        {
            ReleaseHold(hold, HoldStatus.Expired);
        }

        border = null;
    }

    /// <summary>Charges what a hold still holds. The charge stands in its own name: nobody asked for it by an operation.</summary>
    private void CaptureRest(Hold hold)
    {
        var (operation, isCharge, before) = (operationId, ofCharge, hold.State);
        (operationId, ofCharge) = (Guid.CreateVersion7(), true);
        var covers = Amount.Min(before.PriceLeft, before.Covered);
        var (funding, _) = CaptureHold(hold, before.PriceLeft, covers, [], isFinal: true);
        var isWhole = before.PriceCaptured.IsZero;
        if (isWhole && hold.Asked.Counted is { } counted && hold.Enforcement != EnforcementMode.Off)
        {
            funding.Add(CountUnlimited(counted.Unit, counted.Amount));
        }

        var capture = new HoldCapture(hold, operationId, hold.Asked.Subject, before.PriceLeft) { OccurredAt = hold.ExpiresAt, IsPart = !isWhole, Cost = isWhole ? hold.Asked.Cost : null };
        Record(capture.ToCharge(this, capture.ToReceipt(hold.LinesOf(before), funding, before.PriceLeft - covers)));
        CountUses(capture.UsesAfter(before));
        (operationId, ofCharge) = (operation, isCharge);
    }
}
