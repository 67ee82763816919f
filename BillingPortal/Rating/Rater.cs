using BillingPortal.Catalog;
using BillingPortal.Primitives;

namespace BillingPortal.Rating;

/// <summary>What a thing costs. Pure: the same values in give the same price out.</summary>
/// <remarks>The sum of the lines, times the outcome's share, is rounded once, half away from zero; a price above zero never becomes zero (DESIGN §7.11).</remarks>
public static class Rater
{
    /// <param name="plan">The account's plan with its overrides.</param>
    /// <param name="now">Chooses the version of the rate card in force.</param>
    /// <param name="used">What the account used of the meter so far in its period, ≥ 0: where tiers that count over it begin.</param>
    public static Result<RatedCharge> Rate(CatalogDocument catalog, Plan plan, ChargeSubject subject, DateTimeOffset now, Amount used = default) => subject switch
    {
        { Action: { } action } => RateAction(catalog, plan, subject, action),
        { Meter: { } meter } => RateMeter(catalog, plan, subject, meter, now, used),
        { Unit: { } unit, Amount: { } amount } => RateAmount(catalog, subject, unit, amount),
        { Model: { } model, Tokens: { } tokens } => RateTokens(catalog, plan, subject, model, tokens, now),
        { Model: not null } => Refusal.Invalid("tokens", "A charge for a model names its tokens."),
        _ => new Refusal(ErrorCode.InvalidRequest, "A charge names an action, a meter, a model with tokens, or a unit with an amount."),
    };

    /// <summary>What a past charge comes to by one version of a rate card, whatever is in force now and whatever the customer's own prices are.</summary>
    /// <returns>The refusal names what the version has no rate for.</returns>
    internal static Result<RatedCharge> RateBy(CatalogDocument catalog, IndexedRateCard card, ChargeSubject subject, Amount used) => subject switch
    {
        { Meter: { } meter } when card.MeterRate(meter) is { } rate && catalog.FindMeter(meter) is { } known => RateMeter(catalog, card.Card, rate, known, subject, used),
        { Model: { } model, Tokens: { } tokens } when card.ModelRate(subject.Provider ?? catalog.FindModel(model)?.Provider ?? "", model) is not null || catalog.UnpricedModel == UnpricedModelPolicy.Fallback =>
            RateTokens(catalog, card, subject, model, tokens),
        _ => new Refusal(ErrorCode.UnpricedModel, $"{card.Card.Label} has no rate for '{subject.Meter ?? subject.Model ?? subject.Action}'."),
    };

    private static Result<RatedCharge> RateAction(CatalogDocument catalog, Plan plan, ChargeSubject subject, string action)
    {
        if (catalog.FindAction(action) is not { IsActive: true } cost)
        {
            return new Refusal(ErrorCode.UnknownAction, $"The catalog has no action '{action}'. Nothing was charged.");
        }

        var own = plan.OwnPrices?.Action(action);
        return Priced(catalog, subject, new(cost.Unit, [Line(action, subject.Quantity, (own ?? cost.Price).Value, 1, cost.Unit)])
        {
            Uses = subject.Quantity,
            RateVersion = own is null ? null : plan.OwnPrices!.Card.Card.Label,
            Cost = subject.Quantity * cost.Cost,
        });
    }

    private static Result<RatedCharge> RateMeter(CatalogDocument catalog, Plan plan, ChargeSubject subject, string meter, DateTimeOffset now, Amount used)
    {
        if (catalog.FindMeter(meter) is not { } known)
        {
            return new Refusal(ErrorCode.UnknownMeter, $"The catalog has no meter '{meter}'. Nothing was charged.");
        }

        if (known.Kind == MeterKind.Level)
        {
            return Refusal.Invalid("meter", $"'{meter}' stands at a level: it is paid for at the period's end. Nothing was charged.");
        }

        var quantity = subject.Quantity;
        if (subject.Quantity <= 0m)
        {
            return Refusal.Invalid("quantity", $"Must be above zero: '{meter}' counts up. Nothing was charged.", ErrorCode.InvalidAmount);
        }

        var card = plan.OwnPrices?.Card is { } own && own.MeterRate(meter) is not null ? own : catalog.FindRateCard(plan, now);
        if (card?.MeterRate(meter) is not { } rate)
        {
            return Priced(catalog, subject, new(known.Unit, [Line(meter, quantity, 1m, 1, known.Unit)]) { Uses = quantity });
        }

        return RateMeter(catalog, card.Card, rate, known, subject, used);
    }

    private static Result<RatedCharge> RateMeter(CatalogDocument catalog, RateCard card, MeterRate rate, Meter known, ChargeSubject subject, Amount used)
    {
        var (meter, quantity, unit) = (known.Id, subject.Quantity, card.Unit);
        if (rate.Price is { } price)
        {
            return Priced(catalog, subject, new(unit, [Line(meter, quantity, price, rate.Per, unit)]) { Uses = quantity, RateVersion = card.Label, Minimum = rate.Minimum });
        }

        var overPeriod = rate.TiersOver == TierSpan.Period;
        return Priced(catalog, subject, new(unit, [.. TieredPrice.Parts(rate, overPeriod ? used.Value : 0m, quantity).Select(part => Line(meter, part.Quantity, part.Price, rate.Per, unit))])
        {
            Uses = quantity,
            RateVersion = card.Label,
            Minimum = rate.Minimum,
            TiersFrom = overPeriod ? used : null,
            // A card that prices a meter in itself is counted by the wallet that pays.
            Counted = overPeriod && unit != known.Unit ? new Demand(known.Unit, Amount.Of(quantity), quantity) : null,
        });
    }

    private static Result<RatedCharge> RateAmount(CatalogDocument catalog, ChargeSubject subject, Unit unit, Amount amount)
    {
        if (unit.IsMeter && catalog.FindMeter(unit.Code) is not { Kind: MeterKind.Counter })
        {
            return new Refusal(ErrorCode.UnknownMeter, $"The catalog has no unit '{unit}'. Nothing was charged.");
        }

        if (unit.IsCurrency && unit != catalog.Currency)
        {
            return Refusal.Invalid("unit", $"The catalog's currency is '{catalog.Currency}', not '{unit}'. Nothing was charged.");
        }

        return Priced(catalog, subject, new(unit, [Line(unit.Code, 1m, amount.Value, 1, unit)]) { Uses = subject.Quantity });
    }

    private static Result<RatedCharge> RateTokens(CatalogDocument catalog, Plan plan, ChargeSubject subject, string model, TokenCounts tokens, DateTimeOffset now)
    {
        var provider = subject.Provider ?? catalog.FindModel(model)?.Provider ?? "";
        return RateTokens(catalog, plan.OwnPrices?.Card is { } own && own.ModelRate(provider, model) is not null ? own : catalog.FindRateCard(plan, now), subject, model, tokens);
    }

    private static Result<RatedCharge> RateTokens(CatalogDocument catalog, IndexedRateCard? card, ChargeSubject subject, string model, TokenCounts tokens)
    {
        var known = catalog.FindModel(model);
        var provider = subject.Provider ?? known?.Provider ?? "";
        var cost = known?.Cost is { } listed && known.Provider == provider ? AmountOf(listed, tokens) : (decimal?)null;
        if (card?.ModelRate(provider, model) is { } rate && rate.PricesOf(known) is { } prices)
        {
            return Priced(catalog, subject, new(card.Card.Unit, TokenLines(model, tokens, prices, card.Card.Unit)) { RateVersion = card.Card.Label, Minimum = rate.Minimum, Cost = cost });
        }

        if (catalog.UnpricedModel == UnpricedModelPolicy.Fallback && card?.Card.Fallback is { } fallback)
        {
            return Priced(catalog, subject, new(card.Card.Unit, TokenLines(model, tokens, fallback, card.Card.Unit))
            {
                RateVersion = card.Card.Label,
                Cost = cost,
                Unpriced = UnpricedModelPolicy.Fallback,
            });
        }

        if (catalog.UnpricedModel == UnpricedModelPolicy.Suspense)
        {
            var unit = card?.Card.Unit ?? catalog.Currency;
            // What would cost nothing whatever the rate has nothing to wait for.
            var isFree = catalog.OutcomeShares.GetValueOrDefault(subject.Outcome, 1m) == 0m || (subject.Byok && !unit.IsMeter);
            return new RatedCharge([], card?.Card.Label, TokenLines(model, tokens, new(0m, 0m), unit))
            {
                Unpriced = isFree ? null : UnpricedModelPolicy.Suspense,
                Cost = cost is { } ours && !subject.Byok && ours <= Amount.RequestLimit ? Amount.Round(ours) : null,
            };
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
        AddTokens("cached input", tokens.CachedInput, prices.CachedInput ?? prices.Input);
        AddTokens("cache write", tokens.CacheWrite, prices.CacheWrite ?? prices.Input);
        AddTokens("reasoning", tokens.Reasoning, prices.Reasoning ?? prices.Output);
        return lines;

        void AddTokens(string kind, long count, decimal price)
        {
            if (count > 0)
            {
                lines.Add(Line($"{model} {kind} tokens", count, price, prices.Per, unit));
            }
        }
    }

    private static decimal AmountOf(TokenPrices prices, TokenCounts tokens) =>
        (tokens.Input * prices.Input + tokens.Output * prices.Output + tokens.CachedInput * (prices.CachedInput ?? prices.Input)
            + tokens.CacheWrite * (prices.CacheWrite ?? prices.Input) + tokens.Reasoning * (prices.Reasoning ?? prices.Output)) / prices.Per;

    private static RatedLine Line(string what, decimal quantity, decimal price, int per, Unit unit) => new(what, quantity, price, per, quantity * price / per, unit);

    private static Result<RatedCharge> Priced(CatalogDocument catalog, ChargeSubject subject, Basis basis)
    {
        var exact = 0m;
        foreach (var line in basis.Lines)
        {
            exact += line.Amount;
        }

        if (exact < basis.Minimum.Value)
        {
            basis.Lines.Add(Line("up to the minimum charge", 1m, basis.Minimum.Value - exact, 1, basis.Unit));
            exact = basis.Minimum.Value;
        }

        var share = subject.Outcome != Outcome.Success || catalog.OutcomeShares.Count > 0 ? catalog.OutcomeShares.GetValueOrDefault(subject.Outcome, 1m) : 1m;
        exact *= share;

        if (exact > Amount.RequestLimit || basis.Cost > Amount.RequestLimit)
        {
            return Refusal.Invalid("quantity", "The price is above 1,000,000,000, the most that one charge may come to. Nothing was charged.", ErrorCode.InvalidAmount);
        }

        // The customer's own key pays its provider: what is left for us is to count (A8).
        var isFree = exact == 0m || (subject.Byok && !basis.Unit.IsMeter);
        var rounded = Amount.Round(exact);
        return new RatedCharge(isFree ? [] : [new Demand(basis.Unit, rounded.IsZero ? Amount.Least : rounded, basis.Uses, subject.Byok)], basis.RateVersion, basis.Lines)
        {
            Unpriced = basis.Unpriced,
            Cost = basis.Cost is { } cost && !subject.Byok ? Amount.Round(cost) : null,
            Counted = share > 0m ? basis.Counted : null,
            TiersFrom = basis.TiersFrom,
        };
    }

    /// <summary>What the one price of a charge is made from.</summary>
    private readonly record struct Basis(Unit Unit, List<RatedLine> Lines)
    {
        public decimal Uses { get; init; } = 1m;
        public string? RateVersion { get; init; }
        public Amount Minimum { get; init; }
        public decimal? Cost { get; init; }
        public UnpricedModelPolicy? Unpriced { get; init; }
        public Demand? Counted { get; init; }
        public Amount? TiersFrom { get; init; }
    }
}
