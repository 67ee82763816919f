using System.Collections.Concurrent;
using System.Collections.Frozen;

namespace BillingPortal.Catalog;

/// <summary>Lookups over one <see cref="CatalogDocument"/>, made once when it comes into force, so that the hot path never walks a list.</summary>
internal sealed class CatalogIndex
{
    private const int MostOwnPlans = 20_000;

    private readonly FrozenDictionary<string, Plan> plans;
    private readonly FrozenDictionary<string, Meter> meters;
    private readonly FrozenDictionary<string, ActionCost> actions;
    private readonly FrozenDictionary<string, Model> models;
    private readonly FrozenDictionary<string, Provider> providers;
    private readonly FrozenDictionary<string, CreditPack> creditPacks;
    private readonly FrozenDictionary<string, IndexedRateCard[]> cardsNewestFirst;
    private readonly ConcurrentDictionary<(string Plan, string Overrides), Plan> ownPlans = new();

    public CatalogIndex(CatalogDocument document)
    {
        Document = document;
        plans = document.Plans.ToFrozenDictionary(p => p.Id, StringComparer.Ordinal);
        meters = document.Meters.ToFrozenDictionary(m => m.Id, StringComparer.Ordinal);
        actions = document.Actions.ToFrozenDictionary(a => a.Id, StringComparer.Ordinal);
        models = document.Models.ToFrozenDictionary(m => m.Id, StringComparer.Ordinal);
        providers = document.Providers.ToFrozenDictionary(p => p.Id, StringComparer.Ordinal);
        creditPacks = document.CreditPacks.ToFrozenDictionary(p => p.Id, StringComparer.Ordinal);
        FirstRateCard = document.RateCards.Count > 0 ? document.RateCards[0].Id : null;
        cardsNewestFirst = document.RateCards.GroupBy(c => c.Id).ToFrozenDictionary(
            versions => versions.Key,
            versions => versions.OrderByDescending(c => c.EffectiveFrom).ThenByDescending(c => c.Version).Select(c => new IndexedRateCard(c)).ToArray(),
            StringComparer.Ordinal);
        PlansByRank = [.. document.Plans.OrderBy(p => p.Rank)];
    }

    /// <summary>The document this was made from: a copy made by <c>with</c> is another one and needs an index of its own.</summary>
    public CatalogDocument Document { get; }
    public IReadOnlyList<Plan> PlansByRank { get; }
    public string? FirstRateCard { get; }

    public Plan? Plan(string id) => plans.GetValueOrDefault(id);

    /// <summary>A plan with one customer's overrides, made once and kept.</summary>
    public Plan PlanFor(string id, string overrides)
    {
        if (ownPlans.TryGetValue((id, overrides), out var known))
        {
            return known;
        }

        if (ownPlans.Count >= MostOwnPlans)
        {
            ownPlans.Clear();
        }

        return ownPlans.GetOrAdd((id, overrides), key => PlanOverrides.Parse(key.Overrides).ApplyTo(Document, key.Plan));
    }

    public Meter? Meter(string id) => meters.GetValueOrDefault(id);
    public ActionCost? Action(string id) => actions.GetValueOrDefault(id);
    public Model? Model(string id) => models.GetValueOrDefault(id);
    public Provider? Provider(string id) => providers.GetValueOrDefault(id);
    public CreditPack? CreditPack(string id) => creditPacks.GetValueOrDefault(id);

    public IndexedRateCard? RateCard(string id, int version) => cardsNewestFirst.TryGetValue(id, out var versions) ? Array.Find(versions, v => v.Card.Version == version) : null;

    public IndexedRateCard? RateCard(string? id, DateTimeOffset now)
    {
        if ((id ?? FirstRateCard) is not { } wanted || !cardsNewestFirst.TryGetValue(wanted, out var versions))
        {
            return null;
        }

        foreach (var version in versions)
        {
            if (version.Card.EffectiveFrom <= now)
            {
                return version;
            }
        }

        return null;
    }
}

/// <summary>One version of a rate card with its rates by key.</summary>
internal sealed class IndexedRateCard
{
    private readonly FrozenDictionary<(string Provider, string Model), ModelRate> exact;
    private readonly ModelRate[] patternsMostExactFirst;
    private readonly FrozenDictionary<string, MeterRate> meters;

    public IndexedRateCard(RateCard card)
    {
        Card = card;
        exact = card.Models.Where(r => !IsPattern(r)).ToFrozenDictionary(r => (r.Provider, r.Model));
        patternsMostExactFirst = [.. card.Models.Where(IsPattern)
            .OrderByDescending(r => Exactness(r.Model)).ThenByDescending(r => Exactness(r.Provider))];
        meters = card.Meters.ToFrozenDictionary(r => r.Meter, StringComparer.Ordinal);
    }

    public RateCard Card { get; }

    public MeterRate? MeterRate(string meter) => meters.GetValueOrDefault(meter);

    /// <summary>The rate for a model: the exact one, else the pattern that says most about the model, then about the provider.</summary>
    public ModelRate? ModelRate(string provider, string model)
    {
        if (exact.TryGetValue((provider, model), out var rate))
        {
            return rate;
        }

        foreach (var pattern in patternsMostExactFirst)
        {
            if (Pattern.Matches(pattern.Model, model) && Pattern.Matches(pattern.Provider, provider))
            {
                return pattern;
            }
        }

        return null;
    }

    private static bool IsPattern(ModelRate rate) => rate.Model.EndsWith('*') || rate.Provider.EndsWith('*');
    private static int Exactness(string pattern) => pattern.EndsWith('*') ? pattern.Length - 1 : int.MaxValue;
}

/// <summary>An id, a beginning of ids (<c>claude-haiku*</c>) or all of them (<c>*</c>).</summary>
public static class Pattern
{
    public static bool Matches(string pattern, string id) =>
        pattern.EndsWith('*') ? id.AsSpan().StartsWith(pattern.AsSpan(0, pattern.Length - 1), StringComparison.Ordinal) : string.Equals(pattern, id, StringComparison.Ordinal);

    public static bool AnyMatches(IReadOnlyList<string> patterns, string id)
    {
        for (var i = 0; i < patterns.Count; i++)
        {
            if (Matches(patterns[i], id))
            {
                return true;
            }
        }

        return false;
    }
}
