using BillingPortal.Catalog;
using BillingPortal.Ledger;
using BillingPortal.Primitives;
using BillingPortal.Rating;

namespace BillingPortal.Charging;

/// <summary>Charges a hold with its true price, whole or in parts. Within the hold nothing is refused: that was promised. What goes above it is capped, or decided like a charge of its own.</summary>
/// <param name="mode">The mode in force. Of it and the hold's own the laxer counts, so that nobody is charged more strictly than either moment would have.</param>
public sealed class CaptureOperation(Hold asked, Origin origin, string key, CaptureRequest request, EnforcementMode mode) : Operation(asked.AccountId, origin, key)
{
    private readonly ChargeRequest work = request.For(asked);

    public override string Kind => "capture";
    public override Spender Spender => work.Spender;
    public override Guid? HoldToLoad => asked.Id;
    public override byte[] BodyHash => Hash();
    public override string? Details { get; } = request.Sent.Details();
    internal override bool IsCharge => true;
    /// <summary>The receipt of the last decision, so that the first answer need not read it back from the charge's JSON.</summary>
    internal Receipt? Receipt { get; private set; }

    public override Refusal? Decide(AccountState account)
    {
        var hold = account.FindHold(asked.Id);
        if (HoldRefusals.WhyNot(hold) is { } closed)
        {
            return closed;
        }

        var (rated, invalid) = Rate(account, hold!);
        return rated is null ? invalid : Capture(account, hold!, rated);
    }

    private (RatedCharge? Rated, Refusal? Refusal) Rate(AccountState account, Hold hold)
    {
        var (subject, invalid) = request.ToRate(hold, work.Subject);
        if (subject is null)
        {
            return (invalid is null ? new([], null, []) : null, invalid);
        }

        if (!ChargeDecision.Rate(account, subject).TryGet(out var rated, out var refusal))
        {
            return (null, refusal);
        }

        return hold.Asked.Unit is { } unit && rated.Demands.Count > 0 && rated.Demands[0].Unit != unit
            ? (null, Refusal.Invalid("body", $"The hold is priced in {unit}, this would be in {rated.Demands[0].Unit}. Nothing was captured."))
            : (rated, null);
    }

    private Refusal? Capture(AccountState account, Hold hold, RatedCharge rated)
    {
        var demand = rated.Demands.Count == 0 ? default : rated.Demands[0];
        var before = hold.State;
        var price = request.Over == OverHold.Cap ? Amount.Min(demand.Amount, before.PriceLeft) : demand.Amount;
        var applied = mode > hold.Enforcement ? mode : hold.Enforcement;
        var moves = applied != EnforcementMode.Off;
        var covers = Amount.Min(price, before.Covered);
        var beyond = moves ? price - covers : Amount.Zero;
        var (decision, invalid) = DecideBeyond(account, demand, beyond);
        if ((invalid ?? (applied == EnforcementMode.Enforce ? decision?.Refusal : null)) is { } refusal)
        {
            return refusal;
        }

        var (funding, conflict) = account.CaptureHold(hold, Amount.Min(price, before.PriceLeft), covers, decision?.Quotes ?? [], request.IsFinal, moves);
        if (conflict is not null)
        {
            return conflict;
        }

        var isWhole = !request.NamesPart && before.PriceCaptured.IsZero;
        if (moves && (isWhole ? hold.Asked.Counted : rated.Counted is { } beside ? new UnitAmount(beside.Unit, beside.Amount) : null) is { } counted)
        {
            funding.Add(account.CountUnlimited(counted.Unit, counted.Amount));
        }

        var capture = new HoldCapture(hold, Id, work.Subject, price)
        {
            Cost = isWhole ? hold.Asked.Cost : rated.Cost,
            IsPart = !isWhole && !request.IsRated,
            Unit = rated.Demands.Count == 0 ? hold.Asked.Unit : demand.Unit,
            Outcome = OutcomeNames.Of(work.Subject.Outcome),
            Member = work.Member,
            Agent = work.Agent,
            Run = work.Run,
            OccurredAt = work.OccurredAt,
            Enforcement = applied,
            WouldRefuse = applied == EnforcementMode.Observe ? decision?.Refusal?.Code.Name : null,
        };
        var uncovered = !moves ? price : decision?.Quotes.Aggregate(Amount.Zero, (sum, quote) => sum + quote.Uncovered) ?? Amount.Zero;
        Receipt = capture.ToReceipt(isWhole && work.Subject.Outcome == Outcome.Success ? hold.Asked.Lines : LinesOf(rated), funding, uncovered, demand.Amount - price, rated.RateVersion) with
        {
            IsSuspense = moves && rated.Unpriced == UnpricedModelPolicy.Suspense,
            OwnKey = work.Subject.Byok,
            TiersFrom = rated.TiersFrom,
        };
        var charge = capture.ToCharge(account, Receipt);
        account.Record(charge);
        if (Receipt.IsSuspense)
        {
            account.Record(ChargeOperation.WaitingOf(charge));
        }

        if (work.Subject.Outcome == Outcome.Success || price.IsPositive)
        {
            account.CountUses(capture.UsesAfter(before));
        }

        return null;
    }

    /// <summary>Asks about what the hold does not pay as about a charge of that amount.</summary>
    private (ChargeDecision? Decision, Refusal? Invalid) DecideBeyond(AccountState account, Demand demand, Amount beyond)
    {
        if (!beyond.IsPositive)
        {
            return (null, null);
        }

        // Rated already: the outcome's share is in the amount.
        var subject = CaptureRequest.Raw(work.Subject, demand.Unit, beyond, demand.Uses * beyond.Value / demand.Amount.Value) with { Outcome = Outcome.Success };
        var invalid = ChargeDecision.Decide(account, work with { Subject = subject }, out var decision);
        return (decision, invalid);
    }

    private static ReceiptLine[] LinesOf(RatedCharge rated) => [.. rated.Lines.Select(l => new ReceiptLine(l.What, l.Quantity, l.Price, l.Per, l.Amount, l.Unit.Code))];

    private byte[] Hash()
    {
        var digest = new DigestWriter(stackalloc byte[192]);
        digest.Add(Convert.ToHexString(request.Sent.Hash(Kind)));
        digest.Add(asked.Id);
        digest.Add(request.HasQuantity ? 1L : 0L);
        digest.Add(request.IsFinal ? 1L : 0L);
        digest.Add((long)request.Over);
        return digest.Sha256();
    }
}
