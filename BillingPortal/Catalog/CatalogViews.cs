using System.Text.Json.Serialization;
using BillingPortal.Primitives;

namespace BillingPortal.Catalog;

// The catalog as everybody may see it: what is sold, what it costs, and nothing of how we buy it.

internal sealed record NamedView(string Id, string Name, string? Description);

internal sealed record PlanPriceView(BillingInterval Interval, Amount Amount, Unit Currency);

/// <param name="Included">Null: unlimited.</param>
internal sealed record AllowanceView(string Meter, string Name, string UnitLabel, MeterKind Kind,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] Amount? Included, bool Unlimited, Cap Cap, int? GracePercent, OveragePrice? Overage);

internal sealed record PlanView(string Id, string Name, string? Description, bool Default, bool Highlighted, int Rank, IReadOnlyList<PlanPriceView> Prices, int TrialDays,
    IReadOnlyList<AllowanceView> Allowances, Amount IncludedCredits, IReadOnlyList<NamedView> Features, IReadOnlyList<string> Models, IReadOnlyList<string> Tools,
    IReadOnlyList<string> Providers, bool BringYourOwnKey, string? RateCard, LowBalancePolicy LowBalancePolicy)
{
    public static PlanView Of(CatalogDocument catalog, Plan plan) => new(
        plan.Id, plan.Name, plan.Description, plan.Id == catalog.DefaultPlan, plan.IsHighlighted, plan.Rank,
        [.. plan.Prices.Select(p => new PlanPriceView(p.Interval, p.Amount, p.Currency))], plan.TrialDays,
        [.. plan.Allowances.Select(a => Allowance(catalog, a))], plan.IncludedCredits,
        [.. catalog.Features.Where(f => Pattern.AnyMatches(plan.Features, f.Id)).Select(f => new NamedView(f.Id, f.Name, f.Description))],
        plan.Models, plan.Tools, plan.Providers, plan.BringYourOwnKey, catalog.RateCardIdOf(plan), plan.LowBalancePolicy);

    private static AllowanceView Allowance(CatalogDocument catalog, Allowance allowance)
    {
        var meter = catalog.FindMeter(allowance.Meter)!;
        var hasGrace = allowance is { Cap: Cap.Soft, Overage: null, Included: not null };
        return new(meter.Id, meter.Name, meter.UnitLabel, meter.Kind, allowance.Included, allowance.Included is null, allowance.Cap, hasGrace ? allowance.GracePercent : null, allowance.Overage);
    }
}

internal sealed record CreditPackView(string Id, string Name, string? Description, Amount Price, Unit Currency, Amount Credits, Amount Bonus, Amount TotalCredits, int? ExpiresAfterDays)
{
    public static CreditPackView Of(CreditPack pack) =>
        new(pack.Id, pack.Name, pack.Description, pack.Price, pack.Currency, pack.Credits, pack.Bonus, pack.Credits + pack.Bonus, pack.ExpiresAfterDays);
}

internal sealed record ActionCostView(string Action, string Name, string? Description, Amount Price, Unit Unit, bool Active)
{
    public static ActionCostView Of(ActionCost cost) => new(cost.Id, cost.Name, cost.Description, cost.Price, cost.Unit, cost.IsActive);
}

/// <param name="InForce">Whether new charges are priced by this version.</param>
internal sealed record RateCardView(string Id, int Version, DateTimeOffset EffectiveFrom, bool InForce, Unit Unit, IReadOnlyList<ModelRateView> Models, IReadOnlyList<MeterRate> Meters, TokenPrices? Fallback)
{
    public static RateCardView Of(CatalogDocument catalog, RateCard card, DateTimeOffset now) => new(
        card.Id, card.Version, card.EffectiveFrom, catalog.FindRateCard(card.Id, now) == card, card.Unit, [.. card.Models.SelectMany(rate => ModelRateView.Of(catalog, card, rate))], card.Meters, card.Fallback);
}

/// <summary>Token prices as a customer pays them. A markup is told as the prices it comes to, model by model.</summary>
internal sealed record ModelRateView(string Provider, string Model, TokenPrices Prices, Amount? Minimum)
{
    public static IEnumerable<ModelRateView> Of(CatalogDocument catalog, RateCard card, ModelRate rate)
    {
        var minimum = rate.Minimum.IsZero ? (Amount?)null : rate.Minimum;
        if (rate.Prices is { } prices)
        {
            return [new(rate.Provider, rate.Model, prices, minimum)];
        }

        var rates = new IndexedRateCard(card);
        return catalog.Models.Where(model => rates.ModelRate(model.Provider, model.Id) == rate && model.Cost is not null)
            .Select(model => new ModelRateView(model.Provider, model.Id, rate.PricesOf(model)!, minimum));
    }
}

/// <param name="Keys">Whose keys calls may be made with: <c>ours</c>, and <c>yours</c> where a plan allows it.</param>
internal sealed record ProviderView(string Id, string Name, IReadOnlyList<string> Keys, bool BringYourOwnKey, int Models)
{
    public static ProviderView Of(CatalogDocument catalog, Provider provider) =>
        new(provider.Id, provider.Name, KeysOf(provider), provider.BringYourOwnKey, catalog.Models.Count(m => m.Provider == provider.Id));

    public static IReadOnlyList<string> KeysOf(Provider provider) => provider.BringYourOwnKey ? ["ours", "yours"] : ["ours"];
}

/// <summary>Token prices and what they are in.</summary>
internal sealed record ModelPriceView(Unit Unit, decimal Input, decimal Output, decimal CachedInput, int Per, string? RateCard)
{
    public static ModelPriceView Of(Unit unit, TokenPrices prices, string? card) => new(unit, prices.Input, prices.Output, prices.CachedInput ?? prices.Input, prices.Per, card);
}

/// <param name="Price">What a call costs on the plan asked for (else the default plan); absent where the plan does not price by tokens.</param>
/// <param name="ProviderPrice">What the model's provider lists: what a call with a key of one's own costs there.</param>
/// <param name="Plans">Public plans that include it, least first.</param>
internal sealed record ModelView(string Id, string Name, string Provider, bool Available, int? ContextTokens, ModelPriceView? Price, ModelPriceView? ProviderPrice, IReadOnlyList<string> Keys, IReadOnlyList<string> Plans)
{
    public static ModelView Of(CatalogDocument catalog, Model model, Plan plan, DateTimeOffset now)
    {
        var card = catalog.FindRateCard(plan, now);
        var rate = card?.ModelRate(model.Provider, model.Id);
        return new(
            model.Id, model.Name, model.Provider, model.Available, model.ContextTokens,
            rate?.PricesOf(model) is { } prices ? ModelPriceView.Of(card!.Card.Unit, prices, card.Card.Label) : null,
            model.Cost is { } cost ? ModelPriceView.Of(catalog.Currency, cost, null) : null,
            ProviderView.KeysOf(catalog.FindProvider(model.Provider)!),
            [.. catalog.PlansByRank().Where(p => p.IsPublic && Pattern.AnyMatches(p.Models, model.Id) && Pattern.AnyMatches(p.Providers, model.Provider)).Select(p => p.Id)]);
    }
}
