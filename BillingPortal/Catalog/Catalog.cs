using System.Text.Json.Serialization;
using BillingPortal.Primitives;

namespace BillingPortal.Catalog;

// The catalog as a snapshot: immutable values, the same for everybody, replaced whole when it changes (DESIGN §2).
// The file's shape is catalogs/schema.json; these records are its meaning.

/// <summary>Everything that is sold and how it is priced. One version of it is in force at a time.</summary>
public sealed record CatalogDocument
{
    /// <summary>The product's name.</summary>
    public required string Name { get; init; }
    public string? Description { get; init; }
    /// <summary>Currency of the money reserve and of model costs, e.g. <c>usd</c>.</summary>
    public required Unit Currency { get; init; }
    /// <summary>The plan a new account stands on at once.</summary>
    public required string DefaultPlan { get; init; }
    /// <summary>Free uses granted once to each new account, into <c>free_use</c>; 0 for none.</summary>
    public int FreeUses { get; init; }
    public IReadOnlyList<Meter> Meters { get; init; } = [];
    public IReadOnlyList<Feature> Features { get; init; } = [];
    public IReadOnlyList<Provider> Providers { get; init; } = [];
    public IReadOnlyList<Model> Models { get; init; } = [];
    public IReadOnlyList<Tool> Tools { get; init; } = [];
    public IReadOnlyList<Plan> Plans { get; init; } = [];
    public IReadOnlyList<CreditPack> CreditPacks { get; init; } = [];
    public IReadOnlyList<ActionCost> Actions { get; init; } = [];
    public IReadOnlyList<RateCard> RateCards { get; init; } = [];
    public UnpricedModelPolicy UnpricedModel { get; init; } = UnpricedModelPolicy.Block;
    /// <summary>What share of the price each outcome costs, 0 to 1; an outcome not named costs 1.</summary>
    public IReadOnlyDictionary<Outcome, decimal> OutcomeShares { get; init; } = new Dictionary<Outcome, decimal>();
    /// <summary>Limits for a money top-up of a free amount; null where the catalog sells none.</summary>
    public ReserveTopUp? ReserveTopUp { get; init; }
    /// <summary>Days of access after a failed payment.</summary>
    public int PaymentGraceDays { get; init; } = 7;
    /// <summary>Days a refunded part lives on when its grant has expired meanwhile (DESIGN §7.20).</summary>
    public int RefundGraceDays { get; init; } = 30;
    /// <summary>Null: <see cref="Reversals.Usual"/>.</summary>
    public Reversals? Reversals { get; init; }
    public IReadOnlyList<Question> Questions { get; init; } = [];

    private CatalogIndex? index;

    private CatalogIndex Index => index is { } built && ReferenceEquals(built.Document, this) ? built : index = new CatalogIndex(this);

    /// <summary>Makes the lookups now and not at the first question.</summary>
    internal void BuildIndex() => _ = Index;

    public Plan? FindPlan(string id) => Index.Plan(id);
    /// <summary>The plan, or the default one when the catalog no longer has it.</summary>
    public Plan PlanOrDefault(string id) => Index.Plan(id) ?? Index.Plan(DefaultPlan)!;
    /// <summary>What an account stands on: its plan, or the default one when the catalog no longer has it, with what this customer alone has otherwise.</summary>
    /// <param name="overrides">As <see cref="PlanOverrides.Write"/> made it; null: none.</param>
    public Plan PlanFor(string id, string? overrides) => overrides is null ? PlanOrDefault(id) : Index.PlanFor(id, overrides);
    public Meter? FindMeter(string id) => Index.Meter(id);
    public ActionCost? FindAction(string id) => Index.Action(id);
    public Model? FindModel(string id) => Index.Model(id);
    public Provider? FindProvider(string id) => Index.Provider(id);
    public CreditPack? FindCreditPack(string id) => Index.CreditPack(id);
    /// <summary>Least first.</summary>
    public IReadOnlyList<Plan> PlansByRank() => Index.PlansByRank;
    /// <summary>The version of a plan's rate card in force at an instant; null where there is none.</summary>
    internal IndexedRateCard? FindRateCard(Plan plan, DateTimeOffset now) => Index.RateCard(plan.RateCard, now);
    /// <summary>The id of a plan's rate card; null where the catalog has none.</summary>
    public string? RateCardIdOf(Plan plan) => plan.RateCard ?? Index.FirstRateCard;
    /// <summary>The version of a rate card in force at an instant; null where there is none.</summary>
    public RateCard? FindRateCard(string id, DateTimeOffset now) => Index.RateCard(id, now)?.Card;
    /// <summary>A version of a rate card; null where there is none.</summary>
    /// <param name="version">Null: the one in force at <paramref name="at"/>.</param>
    internal IndexedRateCard? FindRateCard(string id, int? version, DateTimeOffset at) => version is { } number ? Index.RateCard(id, number) : Index.RateCard(id, at);
    /// <summary>The version of a plan's rate card in force at an instant; null where there is none.</summary>
    public RateCard? RateCardOf(Plan plan, DateTimeOffset now) => FindRateCard(plan, now)?.Card;
}

/// <summary>How an attempt ended; each is charged as the catalog says (F5).</summary>
public enum Outcome { Success, ProviderError, ClientAbort, Timeout, Filtered }

/// <summary>What to do with a model that no rate covers (F6).</summary>
public enum UnpricedModelPolicy { Block, Fallback, Suspense }

/// <summary>What becomes of credits and money whose payment is refunded or disputed.</summary>
public sealed record Reversals
{
    public static readonly Reversals Usual = new();

    public SpentReversal Spent { get; init; } = SpentReversal.Debt;
    public DisputePolicy Dispute { get; init; } = DisputePolicy.Freeze;
}

/// <summary>What a reversal makes of the part that the customer has spent already: it becomes debt, or is forgiven.</summary>
public enum SpentReversal { Debt, Forgive }

/// <summary>What happens while a dispute is open.</summary>
public enum DisputePolicy
{
    /// <summary>What the payment bought is taken out of the wallet as far as it is there, and returned when the dispute is won.</summary>
    Freeze,
    /// <summary>As <see cref="Freeze"/>, and the whole account is suspended until the dispute is decided.</summary>
    Suspend,
    /// <summary>Nothing until it is lost.</summary>
    Wait,
}

/// <summary>A question and its answer on the pricing page.</summary>
public sealed record Question([property: JsonPropertyName("question")] string Text, string Answer);

/// <summary>Limits for a top-up of the money reserve by a free amount, in the catalog's currency.</summary>
public sealed record ReserveTopUp(Amount Minimum, Amount Maximum)
{
    public IReadOnlyList<Amount> Suggested { get; init; } = [];
}

public enum MeterKind
{
    /// <summary>Adds up over a period: tokens, messages.</summary>
    Counter,
    /// <summary>Stands at a value: storage, seats.</summary>
    Level,
}

/// <summary>How a level is rated at the period's close (DESIGN §7.10).</summary>
public enum LevelRating { Max, Last, Average }

/// <summary>What is counted. The id is also the unit of its wallet.</summary>
public sealed record Meter(string Id, string Name, MeterKind Kind = MeterKind.Counter)
{
    /// <summary>Singular word for one, e.g. <c>message</c>, <c>GB</c>.</summary>
    public string UnitLabel { get; init; } = "unit";
    public LevelRating LevelRating { get; init; } = LevelRating.Max;
    /// <summary>Quantities of a level are rounded up to a multiple of this when rated.</summary>
    public decimal Step { get; init; } = 1m;
    [JsonIgnore]
    public Unit Unit => Unit.Of(Id);
}

public sealed record Feature(string Id, string Name) { public string? Description { get; init; } }
public sealed record Tool(string Id, string Name);

public sealed record Provider(string Id, string Name)
{
    /// <summary>Whether a customer may bring a key of their own for it.</summary>
    public bool BringYourOwnKey { get; init; }
}

public sealed record Model(string Id, string Name, string Provider)
{
    public bool Available { get; init; } = true;
    public int? ContextTokens { get; init; }
    /// <summary>What the model's provider charges us, in the catalog's currency.</summary>
    public TokenPrices? Cost { get; init; }
    /// <summary>The page where the cost was read, and the day (<c>2026-01-31</c>).</summary>
    public string? Source { get; init; }
    public string? AsOf { get; init; }
}

/// <summary>Prices of token kinds, each per the same number of tokens.</summary>
/// <param name="Input">Per <paramref name="Per"/> input tokens.</param>
/// <param name="Output">Per <paramref name="Per"/> output tokens.</param>
/// <param name="CachedInput">Per <paramref name="Per"/> cached input tokens; null: as input.</param>
/// <param name="Per">1, 1,000 or 1,000,000.</param>
public sealed record TokenPrices(decimal Input, decimal Output, decimal? CachedInput = null, int Per = 1_000_000)
{
    /// <summary>Per <see cref="Per"/> tokens written to the provider's cache; null: as input.</summary>
    public decimal? CacheWrite { get; init; }
    /// <summary>Per <see cref="Per"/> tokens of reasoning; null: as output.</summary>
    public decimal? Reasoning { get; init; }

    public TokenPrices Times(decimal factor) =>
        new(Input * factor, Output * factor, CachedInput * factor, Per) { CacheWrite = CacheWrite * factor, Reasoning = Reasoning * factor };
}

public enum BillingInterval { Month, Year }

/// <summary>When a plan's monthly periods begin.</summary>
public enum PeriodRule
{
    /// <summary>On the day and at the time of day of the first, the last day of a month that is too short; in UTC.</summary>
    Anniversary,
    /// <summary>With the calendar month of the account's time zone.</summary>
    Calendar,
}

/// <summary>What a plan costs for an interval; 0 for a free one.</summary>
/// <param name="StripePrice">An existing Stripe price id to bind to, where there is one; otherwise the price is found by lookup key <c>{plan}_{interval}_{currency}</c>.</param>
public sealed record PlanPrice(BillingInterval Interval, Amount Amount, Unit Currency, string? StripePrice = null);

public enum Cap
{
    /// <summary>Refuses at the limit.</summary>
    Hard,
    /// <summary>Passes with a warning: without end where overage is billed, else up to <see cref="Allowance.GracePercent"/>.</summary>
    Soft,
}

/// <summary>What a plan includes of one meter each month.</summary>
/// <param name="Meter">The meter's id.</param>
/// <param name="Included">Quantity a month (counter) or standing limit (level); null: unlimited, counted and never refused.</param>
public sealed record Allowance(string Meter, Amount? Included)
{
    public Cap Cap { get; init; } = Cap.Hard;
    /// <summary>Soft cap without overage: refuses beyond this share of the allowance, in percent.</summary>
    public int GracePercent { get; init; } = 120;
    /// <summary>Price of use beyond the allowance; null: none is sold.</summary>
    public OveragePrice? Overage { get; init; }
    /// <summary>Share of what is left that lives on into the next period, in percent.</summary>
    public int RolloverPercent { get; init; }
}

/// <summary>A price per so many of a meter, in a currency.</summary>
public sealed record OveragePrice(decimal Price, Unit Currency, int Per = 1);

/// <summary>What a customer stands on: prices, allowances, entitlements and who pays for what.</summary>
public sealed record Plan(string Id, string Name)
{
    public string? Description { get; init; }
    /// <summary>Shown on the pricing page.</summary>
    [JsonPropertyName("public")]
    public bool IsPublic { get; init; } = true;
    /// <summary>Marked as the one to take.</summary>
    [JsonPropertyName("highlighted")]
    public bool IsHighlighted { get; init; }
    /// <summary>Order on the pricing page and of upgrades, least first.</summary>
    public int Rank { get; init; }
    /// <summary>Empty: free.</summary>
    public IReadOnlyList<PlanPrice> Prices { get; init; } = [];
    public int TrialDays { get; init; }
    public PeriodRule Period { get; init; }
    public IReadOnlyList<Allowance> Allowances { get; init; } = [];
    public IReadOnlyList<string> Features { get; init; } = [];
    /// <summary>Ids, beginnings of ids (<c>claude-haiku*</c>), or <c>*</c> for all, now and later.</summary>
    public IReadOnlyList<string> Models { get; init; } = ["*"];
    public IReadOnlyList<string> Tools { get; init; } = ["*"];
    public IReadOnlyList<string> Providers { get; init; } = ["*"];
    public bool BringYourOwnKey { get; init; }
    /// <summary>By what is to be paid for (a unit: a meter, <c>credit</c>, a currency): which wallets may pay, in order. A unit not named is paid from its own wallet alone.</summary>
    public IReadOnlyDictionary<Unit, IReadOnlyList<FundingStep>> Funding { get; init; } = new Dictionary<Unit, IReadOnlyList<FundingStep>>();
    /// <summary>The rate card's id; null: the catalog's first.</summary>
    public string? RateCard { get; init; }
    /// <summary>Credits granted with each paid period, expiring with it.</summary>
    public Amount IncludedCredits { get; init; }
    public LowBalancePolicy LowBalancePolicy { get; init; } = LowBalancePolicy.Block;
    /// <summary>How far below zero <see cref="Catalog.LowBalancePolicy.Limited"/> lets credits and money go.</summary>
    public Amount OverdraftLimit { get; init; }

    public Allowance? AllowanceOf(string meter) => Allowances.FirstOrDefault(a => a.Meter == meter);
    /// <summary>Prices of one customer alone, which come before the rate card's; null: none.</summary>
    [JsonIgnore]
    internal IndexedOwnPrices? OwnPrices { get; init; }
    [JsonIgnore]
    public bool IsFree => Prices.All(p => p.Amount.IsZero);
}

/// <summary>How far below zero credit and money wallets may go (D3).</summary>
public enum LowBalancePolicy { Block, Warn, Limited }

/// <summary>One link of a funding chain.</summary>
/// <param name="Wallet">The wallet that pays.</param>
/// <param name="Price">How much of that wallet one unit of what is paid for takes.</param>
/// <param name="PerUse">True: the wallet pays whole uses (the charge's quantity) and not amounts, as free uses do.</param>
public sealed record FundingStep(Unit Wallet, decimal Price = 1m, bool PerUse = false);

/// <summary>Credits for money, once.</summary>
public sealed record CreditPack(string Id, string Name, Amount Price, Unit Currency, Amount Credits)
{
    /// <summary>Credits on top of <see cref="Credits"/>, as a grant of their own.</summary>
    public Amount Bonus { get; init; }
    public int? ExpiresAfterDays { get; init; }
    public string? StripePrice { get; init; }
    public string? Description { get; init; }
}

/// <summary>What one use of an action costs.</summary>
public sealed record ActionCost(string Id, string Name, Amount Price)
{
    /// <summary>What the price is in: <c>credit</c>, a currency or a meter.</summary>
    public Unit Unit { get; init; } = Unit.Credit;
    /// <summary>What one use costs us, in the catalog's currency; null: not known.</summary>
    public decimal? Cost { get; init; }
    public string? Description { get; init; }
    [JsonPropertyName("active")]
    public bool IsActive { get; init; } = true;
}

/// <summary>Prices in force from an instant on. A new version never changes past charges.</summary>
public sealed record RateCard(string Id, int Version, DateTimeOffset EffectiveFrom, Unit Unit)
{
    public IReadOnlyList<ModelRate> Models { get; init; } = [];
    public IReadOnlyList<MeterRate> Meters { get; init; } = [];
    /// <summary>Prices of models that no rate covers, where the catalog's policy is <see cref="UnpricedModelPolicy.Fallback"/>.</summary>
    public TokenPrices? Fallback { get; init; }
    [JsonIgnore]
    public string Label => $"{Id} v{Version}";
}

/// <summary>A model's token prices, given or as a markup over its cost. Model and provider are ids, beginnings of ids (<c>gpt-4*</c>) or <c>*</c>; the most exact wins.</summary>
/// <param name="Prices">Null: <see cref="Model.Cost"/> and <see cref="MarkupPercent"/> on top. A model without a known cost is then unpriced.</param>
public sealed record ModelRate(string Provider, string Model, TokenPrices? Prices = null)
{
    /// <summary>On top of the model's cost, in percent, ≥ 0; null where prices are given.</summary>
    public decimal? MarkupPercent { get; init; }
    /// <summary>The least that a call with any tokens costs, in the card's unit.</summary>
    public Amount Minimum { get; init; }

    /// <summary>The prices given, or the markup on what the model costs us.</summary>
    /// <returns>Null when the rate is a markup and the model's cost is not known: such a model is unpriced.</returns>
    public TokenPrices? PricesOf(Model? model) => Prices ?? model?.Cost?.Times(1m + (MarkupPercent ?? 0m) / 100m);
}

/// <summary>A price per so many of a meter, one for all or by tiers.</summary>
/// <param name="Price">Null where there are tiers.</param>
/// <param name="Per">How many of the meter every price here is for.</param>
public sealed record MeterRate(string Meter, decimal? Price = null, int Per = 1)
{
    /// <summary>Ascending; the last has no end.</summary>
    public IReadOnlyList<PriceTier> Tiers { get; init; } = [];
    public Tiering Tiering { get; init; } = Tiering.Graduated;
    public TierSpan TiersOver { get; init; } = TierSpan.Period;
    /// <summary>The least that a charge for any quantity costs, in the card's unit.</summary>
    public Amount Minimum { get; init; }
}

/// <summary>A price up to and including a quantity.</summary>
/// <param name="UpTo">The last quantity that has this price; null: no end.</param>
/// <param name="Price">Per the rate's <see cref="MeterRate.Per"/>.</param>
public sealed record PriceTier(decimal? UpTo, decimal Price);

public enum Tiering
{
    /// <summary>Each part of the quantity costs what its own tier says.</summary>
    Graduated,
    /// <summary>The whole quantity costs what the tier says that its end falls into.</summary>
    Volume,
}

/// <summary>What a tier's quantities are counted over.</summary>
public enum TierSpan
{
    /// <summary>The account's use of the meter in its period, earlier charges included.</summary>
    Period,
    /// <summary>Each charge by itself.</summary>
    Charge,
}
