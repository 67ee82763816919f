using BillingPortal.Catalog;
using BillingPortal.Ledger;
using BillingPortal.Primitives;
using BillingPortal.Rating;

namespace BillingPortal.Charging;

/// <summary>What a charge comes to by another version of its rate card: worked out once, for the preview, and posted as it stands.</summary>
/// <param name="Price">What is to be paid now, in its unit; null: nothing.</param>
/// <param name="RateVersion">Label of the version.</param>
/// <param name="Counted">What is counted beside the price.</param>
/// <param name="TiersFrom">Where its tiers began.</param>
/// <param name="Whole">What all of the work comes to, where the price is that of a share; null: it is of all.</param>
public sealed record NewRating(UnitAmount? Price, string RateVersion, IReadOnlyList<ReceiptLine> Lines, UnitAmount? Counted, Amount? TiersFrom, Amount? Whole = null);

/// <summary>A charge rated again. Closed: it comes to something else, to the same, or cannot be rated so.</summary>
public abstract record Rerating
{
    private Rerating()
    {
    }

    public T Match<T>(Func<Different, T> different, Func<T> same, Func<LeftOut, T> leftOut) => this switch
    {
        Different other => different(other),
        Same => same(),
        LeftOut why => leftOut(why),
        _ => throw new InvalidOperationException("A charge rated again is different, the same or left out."),
    };

    /// <param name="Before">What is left of the price that stands.</param>
    public sealed record Different(UnitAmount? Before, NewRating Rating) : Rerating;

    public sealed record Same : Rerating;

    public sealed record LeftOut(string Why) : Rerating;

    /// <summary>Rates a past charge by a version of its rate card. Pure.</summary>
    /// <param name="card">Null: no version of the card was in force then.</param>
    /// <param name="refunds">All of the charge, oldest first.</param>
    /// <param name="tiersFrom">Where tiers over the period begin for it; null: that is not known.</param>
    internal static Rerating Of(CatalogDocument catalog, IndexedRateCard? card, Charge charge, IReadOnlyList<ChargeRefund> refunds, Amount? tiersFrom)
    {
        var receipt = StoredReceipt.Read(charge);
        if (IsSettled(receipt, refunds))
        {
            return new Same(); // all of it went back, or it was rated again before
        }

        if (WhyNot(card, charge, receipt, tiersFrom) is { } why)
        {
            return new LeftOut(why);
        }

        return Rater.RateBy(catalog, card!, SubjectOf(charge, receipt), tiersFrom ?? Amount.Zero).Match(
            rated => Compare(receipt, PaidPrice.Left(receipt, refunds), rated),
            refusal => new LeftOut(refusal.Detail));
    }

    /// <summary>Nothing of it is left to be rated again.</summary>
    internal static bool IsSettled(Receipt receipt, IReadOnlyList<ChargeRefund> refunds) =>
        PaidPrice.Of(receipt).IsZero ? refunds.Count > 0 : PaidPrice.Left(receipt, refunds).IsZero;

    /// <summary>Whether a version prices a meter by tiers that count over the period.</summary>
    internal static bool HasPeriodTiers(IndexedRateCard card, string meter) => card.MeterRate(meter) is { Tiers.Count: > 0, TiersOver: TierSpan.Period };

    private static string? WhyNot(IndexedRateCard? card, Charge charge, Receipt receipt, Amount? tiersFrom) => card switch
    {
        _ when receipt.IsSuspense => "It waits for its price.",
        _ when receipt is { Hold: not null, Lines: [{ } line] } && receipt.Price.Count > 0 && line.What == receipt.Price[0].Unit.Code => "It was captured from a hold as an amount.",
        null => "No version of the card was in force then.",
        _ when charge.Meter is { } meter && tiersFrom is null && HasPeriodTiers(card, meter) => "That version has tiers over the period, and there are too many charges in it to follow their order.",
        _ => null,
    };

    private static Rerating Compare(Receipt receipt, Amount left, RatedCharge rated)
    {
        var price = receipt.Whole ?? PaidPrice.Of(receipt);
        Amount? ofAll = null;
        var demand = rated.Demands.Count == 0 ? (UnitAmount?)null : new(rated.Demands[0].Unit, rated.Demands[0].Amount);
        var lines = rated.Lines.Select(l => new ReceiptLine(l.What, l.Quantity, l.Price, l.Per, l.Amount, l.Unit.Code)).ToList();
        if (demand is { } whole && left < price)
        {
            // What was given back before stays given back.
            var share = PaidPrice.ShareOf(whole.Amount, price, left);
            lines.Add(new("given back before", 1m, (share - whole.Amount).Value, 1, (share - whole.Amount).Value, whole.Unit.Code));
            (demand, ofAll) = (whole with { Amount = share }, whole.Amount);
        }

        if (demand is { } asked && receipt.Capped is not null && receipt.Price.Count > 0 && receipt.Price[0].Unit == asked.Unit && asked.Amount > left)
        {
            // The hold had promised that it would not be more.
            lines.Add(new("capped by its hold", 1m, (left - asked.Amount).Value, 1, (left - asked.Amount).Value, asked.Unit.Code));
            demand = asked with { Amount = left };
        }

        var before = left.IsPositive ? new UnitAmount(receipt.Price[0].Unit, left) : (UnitAmount?)null;
        var after = demand is { Amount.IsPositive: true } ? demand : null;
        // Where tiers begin is what those of later charges are counted by, so it counts as a difference too.
        return before == after && rated.TiersFrom == receipt.TiersFrom ? new Same() : new Different(before, new(after, rated.RateVersion!, lines, rated.Counted is { } counted ? new(counted.Unit, counted.Amount) : null, rated.TiersFrom, ofAll));
    }

    private static ChargeSubject SubjectOf(Charge charge, Receipt receipt) => new()
    {
        Meter = charge.Meter,
        Quantity = charge.Quantity,
        Provider = charge.Provider,
        Model = charge.Model,
        Tool = charge.Tool,
        Feature = charge.Feature,
        Tokens = charge.Meter is null && charge.InputTokens is { } input ? new(input, charge.OutputTokens ?? 0, charge.CachedInputTokens ?? 0, charge.CacheWriteTokens ?? 0, charge.ReasoningTokens ?? 0) : null,
        Outcome = OutcomeNames.Find(charge.Outcome) ?? Outcome.Success,
        // What had a price in its lines and cost nothing was paid by the customer's own key.
        Byok = receipt.OwnKey || (receipt.Price.Count == 0 && receipt.Lines.Sum(line => line.Amount) > 0m),
    };
}
