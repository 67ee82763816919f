using BillingPortal.Catalog;
using BillingPortal.Primitives;

namespace BillingPortal.Rating;

/// <summary>What a thing costs. Pure: the same values in give the same price out.</summary>
/// <remarks>The sum of the lines, times the outcome's share, is rounded once, half away from zero; a price above zero never becomes zero (DESIGN §7.11).</remarks>
public static class Rater
{
    /// <param name="plan">The account's plan with its overrides.</param>
    /// <param name="now">Chooses the version of the rate card in force.</param>
    public static RatingResult Rate(CatalogDocument catalog, Plan plan, ChargeSubject subject, DateTimeOffset now) => subject switch
    {
        { Action: { } action } => RateAction(catalog, plan, subject, action),
        { Meter: { } meter } => RateMeter(catalog, plan, subject, meter, now),
        { Unit: { } unit, Amount: { } amount } => RateAmount(catalog, subject, unit, amount),
        { Model: { } model, Tokens: { } tokens } => RateTokens(catalog, plan, subject, model, tokens, now),
        { Model: not null } => Refusal.Invalid("tokens", "A charge for a model names its tokens."),
        _ => new Refusal(ErrorCode.InvalidRequest, "A charge names an action, a meter, a model with tokens, or a unit with an amount."),
    };

    private static RatingResult RateAction(CatalogDocument catalog, Plan plan, ChargeSubject subject, string action)
    {
        if (catalog.FindAction(action) is not { IsActive: true } cost)
        {
            return new Refusal(ErrorCode.UnknownAction, $"The catalog has no action '{action}'. Nothing was charged.");
        }

        var own = plan.OwnPrices?.Action(action);
        return Priced(catalog, subject, cost.Unit, subject.Quantity, own is null ? null : plan.OwnPrices!.Card.Card.Label, [Line(action, subject.Quantity, (own ?? cost.Price).Value, 1, cost.Unit)]);
    }

    private static RatingResult RateMeter(CatalogDocument catalog, Plan plan, ChargeSubject subject, string meter, DateTimeOffset now)
    {
        if (catalog.FindMeter(meter) is not { } known)
        {
            return new Refusal(ErrorCode.UnknownMeter, $"The catalog has no meter '{meter}'. Nothing was charged.");
        }

        if (known.Kind == MeterKind.Level)
        {
            return Refusal.Invalid("meter", $"'{meter}' stands at a level: report its value as a usage event. Nothing was charged.");
        }

        var card = plan.OwnPrices?.Card is { } own && own.MeterRate(meter) is not null ? own : catalog.FindRateCard(plan, now);
        if (card?.MeterRate(meter) is { } rate)
        {
            return Priced(catalog, subject, card.Card.Unit, subject.Quantity, card.Card.Label, [Line(meter, subject.Quantity, rate.Price, rate.Per, card.Card.Unit)]);
        }

        return Priced(catalog, subject, known.Unit, subject.Quantity, null, [Line(meter, subject.Quantity, 1m, 1, known.Unit)]);
    }

    private static RatingResult RateAmount(CatalogDocument catalog, ChargeSubject subject, Unit unit, Amount amount)
    {
        if (unit.IsMeter && catalog.FindMeter(unit.Code) is not { Kind: MeterKind.Counter })
        {
            return new Refusal(ErrorCode.UnknownMeter, $"The catalog has no unit '{unit}'. Nothing was charged.");
        }

        if (unit.IsCurrency && unit != catalog.Currency)
        {
            return Refusal.Invalid("unit", $"The catalog's currency is '{catalog.Currency}', not '{unit}'. Nothing was charged.");
        }

        return Priced(catalog, subject, unit, 1m, null, [Line(unit.Code, 1m, amount.Value, 1, unit)]);
    }

    private static RatingResult RateTokens(CatalogDocument catalog, Plan plan, ChargeSubject subject, string model, TokenCounts tokens, DateTimeOffset now)
    {
        var provider = subject.Provider ?? catalog.FindModel(model)?.Provider ?? "";
        var card = plan.OwnPrices?.Card is { } own && own.ModelRate(provider, model) is not null ? own : catalog.FindRateCard(plan, now);
        if (card?.ModelRate(provider, model) is { } rate)
        {
            return Priced(catalog, subject, card.Card.Unit, 1m, card.Card.Label, TokenLines(model, tokens, rate.Prices, card.Card.Unit));
        }

        if (catalog.UnpricedModel == UnpricedModelPolicy.Fallback && card?.Card.Fallback is { } fallback)
        {
            return Priced(catalog, subject, card.Card.Unit, 1m, card.Card.Label, TokenLines(model, tokens, fallback, card.Card.Unit), UnpricedModelPolicy.Fallback);
        }

        if (catalog.UnpricedModel == UnpricedModelPolicy.Suspense)
        {
            return new RatedCharge([], card?.Card.Label, TokenLines(model, tokens, new(0m, 0m), card?.Card.Unit ?? catalog.Currency)) { Unpriced = UnpricedModelPolicy.Suspense };
        }

        return new Refusal(ErrorCode.UnpricedModel, $"No rate is known for the model '{model}'. Nothing was charged; add a rate to the rate card, or name a model that has one.");
    }

    private static List<RatedLine> TokenLines(string model, TokenCounts tokens, TokenPrices prices, Unit unit)
    {
        var lines = new List<RatedLine>(3)
        {
            Line($"{model} input tokens", tokens.Input, prices.Input, prices.Per, unit),
            Line($"{model} output tokens", tokens.Output, prices.Output, prices.Per, unit),
        };
        if (tokens.CachedInput > 0)
        {
            lines.Add(Line($"{model} cached input tokens", tokens.CachedInput, prices.CachedInput ?? prices.Input, prices.Per, unit));
        }

        return lines;
    }

    private static RatedLine Line(string what, decimal quantity, decimal price, int per, Unit unit) => new(what, quantity, price, per, quantity * price / per, unit);

    private static RatingResult Priced(CatalogDocument catalog, ChargeSubject subject, Unit unit, decimal uses, string? rateVersion, IReadOnlyList<RatedLine> lines, UnpricedModelPolicy? unpriced = null)
    {
        var exact = 0m;
        foreach (var line in lines)
        {
            exact += line.Amount;
        }

        if (subject.Outcome != Outcome.Success || catalog.OutcomeShares.Count > 0)
        {
            exact *= catalog.OutcomeShares.GetValueOrDefault(subject.Outcome, 1m);
        }

        if (exact > Amount.RequestLimit)
        {
            return Refusal.Invalid("quantity", "The price is above 1,000,000,000, the most that one charge may come to. Nothing was charged.", ErrorCode.InvalidAmount);
        }

        // The customer's own key pays its provider: what is left for us is to count (A8).
        var isFree = exact == 0m || (subject.Byok && !unit.IsMeter);
        var rounded = Amount.Round(exact);
        return new RatedCharge(isFree ? [] : [new Demand(unit, rounded.IsZero ? Amount.Least : rounded, uses, subject.Byok)], rateVersion, lines) { Unpriced = unpriced };
    }
}
