using System.Collections.Frozen;
using System.Text.Json.Serialization;
using BillingPortal.Primitives;

namespace BillingPortal.Catalog;

/// <summary>What one customer has otherwise than the plan (E12). What is null or not named is as the plan says.</summary>
public sealed record PlanOverrides
{
    public static readonly PlanOverrides None = new();

    /// <summary>Counts up with every change; in a body: the version that it was made of, 0 for whichever.</summary>
    public int Version { get; init; }
    /// <summary>The plan to stand on, whatever is subscribed to.</summary>
    public string? Plan { get; init; }
    /// <summary>Each stands for the plan's own of the same meter.</summary>
    public IReadOnlyList<Allowance> Allowances { get; init; } = [];
    public IReadOnlyList<string>? Features { get; init; }
    public IReadOnlyList<string>? Models { get; init; }
    public IReadOnlyList<string>? Tools { get; init; }
    public IReadOnlyList<string>? Providers { get; init; }
    public bool? BringYourOwnKey { get; init; }
    /// <summary>Each chain stands for the plan's own of the same unit.</summary>
    public IReadOnlyDictionary<Unit, IReadOnlyList<FundingStep>> Funding { get; init; } = new Dictionary<Unit, IReadOnlyList<FundingStep>>();
    public string? RateCard { get; init; }
    /// <summary>When this customer's monthly periods begin.</summary>
    public PeriodRule? Period { get; init; }
    public Amount? IncludedCredits { get; init; }
    public OwnPrices? Prices { get; init; }

    /// <summary>True: nothing is otherwise than the plan says.</summary>
    [JsonIgnore]
    public bool IsEmpty => (this with { Version = 0 }).Write() == None.Write();

    /// <param name="json">As <see cref="Write"/> made it; null: none.</param>
    public static PlanOverrides Parse(string? json) => json is null ? None : CatalogJson.ParseOverrides(json);

    public string Write() => CatalogJson.Write(this);

    /// <summary>The plan that results. A plan that the catalog no longer has is the default one; what else it no longer has means nothing.</summary>
    internal Plan ApplyTo(CatalogDocument catalog, string subscribed)
    {
        var plan = catalog.PlanOrDefault(Plan ?? subscribed);
        var card = RateCard is { } own && catalog.RateCards.Any(c => c.Id == own) ? own : plan.RateCard;
        return plan with
        {
            Allowances = [.. plan.Allowances.Select(a => Allowances.FirstOrDefault(o => o.Meter == a.Meter) ?? a), .. Allowances.Where(o => plan.AllowanceOf(o.Meter) is null)],
            Features = Features ?? plan.Features,
            Models = Models ?? plan.Models,
            Tools = Tools ?? plan.Tools,
            Providers = Providers ?? plan.Providers,
            BringYourOwnKey = BringYourOwnKey ?? plan.BringYourOwnKey,
            Funding = Funding.Count == 0 ? plan.Funding : plan.Funding.Where(f => !Funding.ContainsKey(f.Key)).Concat(Funding).ToFrozenDictionary(),
            RateCard = card,
            Period = Period ?? plan.Period,
            IncludedCredits = IncludedCredits ?? plan.IncludedCredits,
            OwnPrices = Prices is null ? null : new(Prices, Version, Prices.Unit ?? catalog.RateCards.FirstOrDefault(c => c.Id == (card ?? c.Id))?.Unit ?? catalog.Currency),
        };
    }
}

/// <summary>Prices of one customer alone. A model, meter or action not named has the price that everybody has.</summary>
public sealed record OwnPrices
{
    /// <summary>Of models and meters; null: the rate card's.</summary>
    public Unit? Unit { get; init; }
    public IReadOnlyList<OwnActionPrice> Actions { get; init; } = [];
    public IReadOnlyList<ModelRate> Models { get; init; } = [];
    public IReadOnlyList<MeterRate> Meters { get; init; } = [];
}

/// <param name="Price">In the unit of the action's cost.</param>
public sealed record OwnActionPrice(string Action, Amount Price);

/// <summary>One customer's prices by key.</summary>
internal sealed class IndexedOwnPrices(OwnPrices prices, int version, Unit unit)
{
    private readonly FrozenDictionary<string, Amount> actions = prices.Actions.ToFrozenDictionary(a => a.Action, a => a.Price, StringComparer.Ordinal);

    /// <summary>Model and meter rates as a card, so that a receipt names them like one: <c>own v3</c>.</summary>
    public IndexedRateCard Card { get; } = new(new RateCard("own", version, DateTimeOffset.UnixEpoch, unit) { Models = prices.Models, Meters = prices.Meters });

    public Amount? Action(string id) => actions.TryGetValue(id, out var price) ? price : null;
}
