using BillingPortal.Catalog;
using BillingPortal.Primitives;
using BillingPortal.Rating;

namespace BillingPortal.Tests.Rating;

/// <summary>Every expected amount below was worked out by hand.</summary>
public class RaterTests
{
    private static readonly Unit Usd = Unit.Of("usd");
    private static readonly DateTimeOffset January = new(2026, 1, 15, 0, 0, 0, TimeSpan.Zero);
    private static readonly DateTimeOffset July = new(2026, 7, 15, 0, 0, 0, TimeSpan.Zero);

    private static RateCard Tiered => new("tiered", 1, DateTimeOffset.UnixEpoch, Usd)
    {
        Models =
        [
            new("anthropic", "*") { MarkupPercent = 20m },
            new("openai", "o-*", new(2m, 8m, 0.5m) { CacheWrite = 2.5m, Reasoning = 4m }),
            new("openai", "gpt-4", new(30m, 60m)) { Minimum = Amount.Of(0.01m) },
        ],
        Meters =
        [
            new("documents") { Tiers = [new(10m, 1m), new(100m, 0.5m), new(null, 0.1m)] },
            new("pages") { Tiers = [new(10m, 1m), new(100m, 0.5m), new(null, 0.1m)], Tiering = Tiering.Volume },
            new("messages", Per: 1_000) { Tiers = [new(1_000m, 0m), new(null, 3m)] },
            new("calls") { Tiers = [new(2.5m, 4m), new(null, 2m)], TiersOver = TierSpan.Charge, Minimum = Amount.Of(5m) },
        ],
    };

    private static readonly CatalogDocument Catalog = new()
    {
        Name = "Rating", Currency = Usd, DefaultPlan = "basic",
        Meters = [new("messages", "Messages"), new("documents", "Documents"), new("pages", "Pages"), new("calls", "Calls"), new("storage", "Storage", MeterKind.Level)],
        Providers = [new("openai", "OpenAI"), new("anthropic", "Anthropic")],
        Models =
        [
            new("gpt-4", "GPT-4", "openai"), new("gpt-4-mini", "GPT-4 mini", "openai"),
            new("opus", "Opus", "anthropic") { Cost = new(5m, 25m, 0.5m) { CacheWrite = 6.25m } }, new("free-model", "No cost known", "anthropic"),
        ],
        Plans = [new("basic", "Basic") { RateCard = "list" }, new("tiers", "Tiers") { RateCard = "tiered", Rank = 3 }, new("cheap", "Cheap") { RateCard = "list", Rank = 1 }, new("bare", "Bare") { RateCard = "empty", Rank = 2 }],
        Actions =
        [
            new("render", "Render", Amount.Of(10m)), new("scan", "Scan", Amount.Of(0.25m)) { Unit = Usd },
            new("retired", "Retired", Amount.Of(1m)) { IsActive = false }, new("gift", "Gift", Amount.Zero),
            new("draw", "Draw", Amount.Of(0.5m)) { Unit = Usd, Cost = 0.125m },
        ],
        RateCards =
        [
            new("list", 1, DateTimeOffset.UnixEpoch, Usd)
            {
                Models = [new("openai", "gpt-4", new(0.03m, 0.06m, 0.015m, 1_000)), new("openai", "gpt-4*", new(1m, 2m)), new("groq", "*", new(0.1m, 0.2m)), new("*", "tiny", new(0.0000001m, 0m, null, 1))],
                Meters = [new("documents", 0.05m), new("messages", 2m, 3)],
            },
            Tiered,
            new("list", 2, July.AddDays(-1), Usd) { Models = [new("*", "*", new(5m, 10m))] },
            new("empty", 1, DateTimeOffset.UnixEpoch, Usd) { Fallback = new(7m, 7m) },
        ],
        OutcomeShares = new Dictionary<Outcome, decimal> { [Outcome.ProviderError] = 0m, [Outcome.ClientAbort] = 0.5m },
    };

    public static TheoryData<string, ChargeSubject, string, decimal> Priced => new()
    {
        { "an action costs its price", new() { Action = "render" }, "credit", 10m },
        { "an action costs its price each time", new() { Action = "render", Quantity = 3m }, "credit", 30m },
        { "an action may cost money", new() { Action = "scan", Quantity = 4m }, "usd", 1m },
        { "a meter with a rate costs money", new() { Meter = "documents", Quantity = 7m }, "usd", 0.35m },
        { "2 for 3 and 1 bought: 0.666…, rounded up", new() { Meter = "messages" }, "usd", 0.666667m },
        { "1,000 in at 0.03 and 200 out at 0.06 per 1,000", new() { Provider = "openai", Model = "gpt-4", Tokens = new(1_000, 200) }, "usd", 0.042m },
        { "the provider follows from the model", new() { Model = "gpt-4", Tokens = new(1_000, 200) }, "usd", 0.042m },
        { "cached tokens have a price of their own", new() { Model = "gpt-4", Tokens = new(1_000, 0, 2_000) }, "usd", 0.06m },
        { "cached tokens without one cost what input costs", new() { Model = "gpt-4-mini", Tokens = new(1_000_000, 0, 1_000_000) }, "usd", 2m },
        { "a beginning of ids covers the rest", new() { Model = "gpt-4-mini", Tokens = new(500_000, 250_000) }, "usd", 1m },
        { "any model of a provider", new() { Provider = "groq", Model = "llama", Tokens = new(1_000_000, 1_000_000) }, "usd", 0.3m },
        { "half a millionth rounds away from zero", new() { Provider = "x", Model = "tiny", Tokens = new(5, 0) }, "usd", 0.000001m },
        { "less than half a millionth is never free", new() { Provider = "x", Model = "tiny", Tokens = new(1, 0) }, "usd", 0.000001m },
        { "a millionth and a half rounds up", new() { Provider = "x", Model = "tiny", Tokens = new(15, 0) }, "usd", 0.000002m },
        { "a raw amount is its own price", new() { Unit = Unit.Credit, Amount = Amount.Of(5.5m) }, "credit", 5.5m },
        { "an aborted call costs its share", new() { Action = "render", Outcome = Outcome.ClientAbort }, "credit", 5m },
        { "an outcome without a share costs all", new() { Action = "render", Outcome = Outcome.Timeout }, "credit", 10m },
    };

    public static TheoryData<string, string, decimal, decimal, decimal> Tiers => new()
    {
        // what, the meter, used before, quantity, price
        { "within the first tier", "documents", 0m, 7m, 7m },
        { "the border belongs to the lower tier", "documents", 0m, 10m, 10m },
        { "the part beyond the border costs the next tier's price: 10 + 0.5", "documents", 0m, 11m, 10.5m },
        { "a millionth beyond", "documents", 0m, 10.000001m, 10.000001m },
        { "through all three: 10 + 45 + 5", "documents", 0m, 150m, 60m },
        { "earlier use moved the start: 3 at 1, 4 at 0.5", "documents", 7m, 7m, 5m },
        { "beginning on the border", "documents", 10m, 2m, 1m },
        { "beginning in the middle tier and ending in the last: 5 at 0.5, 5 at 0.1", "documents", 95m, 10m, 3m },
        { "all in the last tier", "documents", 1_000m, 10m, 1m },
        { "a fraction across a border: 0.5 at 1, 0.5 at 0.5", "documents", 9.5m, 1m, 0.75m },
        { "volume: all at the first price", "pages", 0m, 10m, 10m },
        { "volume: all at the second once it ends there", "pages", 0m, 11m, 5.5m },
        { "volume: the end decides, earlier use included", "pages", 9m, 2m, 1m },
        { "volume: the last border belongs to the lower tier", "pages", 99m, 1m, 0.5m },
        { "volume: all at the last price", "pages", 99m, 1.000001m, 0.1m },
        { "per 1,000, beyond 1,000 free ones: 500 × 3 ÷ 1,000", "messages", 0m, 1_500m, 1.5m },
        { "per 1,000, the free ones used up", "messages", 1_000m, 1m, 0.003m },
        { "per 1,000, one left free", "messages", 999m, 2m, 0.003m },
        { "each charge by itself, whatever was used: 2.5 × 4 + 1.5 × 2", "calls", 1_000m, 4m, 13m },
        { "each charge by itself, first tier only", "calls", 0m, 2m, 8m },
        { "the minimum where the price is below it", "calls", 0m, 1m, 5m },
        { "not where the price is above it", "calls", 0m, 1.25m, 5m },
        { "just above it", "calls", 0m, 1.3m, 5.2m },
    };

    [Theory, MemberData(nameof(Tiers))]
    public void Tiers_price_what_falls_into_them(string why, string meter, decimal used, decimal quantity, decimal amount)
    {
        var rated = Rated(new() { Meter = meter, Quantity = quantity }, "tiers", used: used);
        Assert.True(Assert.Single(rated.Demands) == new Demand(Usd, Amount.Of(amount), quantity), $"{why}: {rated.Demands[0]}");
        Assert.Equal(Amount.Of(amount), Amount.Round(rated.Lines.Sum(l => l.Amount)));
    }

    public static TheoryData<string, ChargeSubject, decimal> ByModel => new()
    {
        { "seed price: 1,000 prompt tokens of GPT-4 at 0.03 per 1 K", new() { Model = "gpt-4", Tokens = new(1_000, 0) }, 0.03m },
        { "the minimum: 100 in at 30 per million are 0.003", new() { Model = "gpt-4", Tokens = new(100, 0) }, 0.01m },
        { "cost and 20 %: 1 M in at 5", new() { Model = "opus", Tokens = new(1_000_000, 0) }, 6m },
        { "cost and 20 %: 1 M out at 25", new() { Model = "opus", Tokens = new(0, 1_000_000) }, 30m },
        { "cost and 20 %: 1 M cached at 0.5", new() { Model = "opus", Tokens = new(0, 0, 1_000_000) }, 0.6m },
        { "cost and 20 %: 1 M written to the cache at 6.25", new() { Model = "opus", Tokens = new(0, 0, 0, 1_000_000) }, 7.5m },
        { "cost and 20 %: reasoning without a price of its own costs what output does", new() { Model = "opus", Tokens = new(0, 0, 0, 0, 1_000) }, 0.03m },
        { "cost and 20 %: one token is 0.000006", new() { Model = "opus", Tokens = new(1, 0) }, 0.000006m },
        { "each kind at its own price: 2 + 8 + 0.5 + 2.5 + 4", new() { Provider = "openai", Model = "o-4", Tokens = new(1_000_000, 1_000_000, 1_000_000, 1_000_000, 1_000_000) }, 17m },
        { "reasoning alone: 250,000 at 4 per million", new() { Provider = "openai", Model = "o-4", Tokens = new(0, 0, 0, 0, 250_000) }, 1m },
        { "writing to the cache alone: 3 at 2.5 per million is 0.0000075", new() { Provider = "openai", Model = "o-4", Tokens = new(0, 0, 0, 3) }, 0.000008m },
    };

    [Theory, MemberData(nameof(ByModel))]
    public void A_model_costs_its_rate_or_its_cost_with_the_markup(string why, ChargeSubject subject, decimal amount)
    {
        var demand = Assert.Single(Rated(subject, "tiers").Demands);
        Assert.True(demand.Amount == Amount.Of(amount) && demand.Unit == Usd, $"{why}: {demand}");
    }

    [Fact]
    public void A_markup_on_a_cost_nobody_knows_is_no_price()
    {
        Assert.False(Rater.Rate(Catalog, Catalog.FindPlan("tiers")!, new() { Model = "free-model", Tokens = new(1, 1) }, January).TryGet(out _, out var refusal));
        Assert.Equal("BILLING_UNPRICED_MODEL", refusal.Code.Name);
    }

    public static TheoryData<string, ChargeSubject, decimal?> Costs => new()
    {
        { "1 M in at 5 and 1 M out at 25", new() { Model = "opus", Tokens = new(1_000_000, 1_000_000) }, 30m },
        { "1 M cached at 0.5 and 1 M written at 6.25", new() { Model = "opus", Tokens = new(0, 0, 1_000_000, 1_000_000) }, 6.75m },
        { "whatever came of it: the provider charges all the same", new() { Model = "opus", Tokens = new(1_000_000, 0), Outcome = Outcome.ProviderError }, 5m },
        { "an action's cost, as often as it was done", new() { Action = "draw", Quantity = 3m }, 0.375m },
        { "the customer's own key costs us nothing", new() { Model = "opus", Tokens = new(1_000, 0), Byok = true }, null },
        { "a model whose cost nobody told", new() { Model = "gpt-4", Tokens = new(1_000, 0) }, null },
        { "the same name at another provider", new() { Provider = "openai", Model = "gpt-4", Tokens = new(1_000, 0) }, null },
    };

    [Theory, MemberData(nameof(Costs))]
    public void What_a_charge_costs_us_is_known_beside_its_price(string why, ChargeSubject subject, decimal? cost)
    {
        var rated = Rated(subject, "tiers");
        Assert.True(rated.Cost?.Value == cost, $"{why}: {rated.Cost}");
    }

    [Fact]
    public void Use_under_tiers_is_counted_unless_it_came_to_nothing()
    {
        Assert.Equal(new Demand(Unit.Of("messages"), Amount.Of(5m), 5m), Rated(new() { Meter = "messages", Quantity = 5m }, "tiers").Counted);
        Assert.Null(Rated(new() { Meter = "messages", Quantity = 5m, Outcome = Outcome.ProviderError }, "tiers").Counted);
        Assert.Null(Rated(new() { Meter = "calls" }, "tiers").Counted);
        Assert.Null(Rated(new() { Meter = "documents" }, "basic").Counted);
    }

    public static TheoryData<long, string> Borders => new() { { -10, "list v1" }, { -1, "list v1" }, { 0, "list v2" }, { 10, "list v2" } };

    [Theory, MemberData(nameof(Borders))]
    public void A_version_prices_from_its_very_microsecond_on(long ticks, string version) =>
        Assert.Equal(version, Rated(new() { Model = "gpt-4", Tokens = new(1_000, 0) }, now: July.AddDays(-1).AddTicks(ticks)).RateVersion);

    [Theory, MemberData(nameof(Priced))]
    public void A_price_is_what_the_catalog_says(string why, ChargeSubject subject, string unit, decimal amount)
    {
        var demand = Assert.Single(Rated(subject).Demands);
        Assert.True(demand.Amount == Amount.Of(amount) && demand.Unit.Code == unit, $"{why}: {demand}");
    }

    [Fact]
    public void A_meter_without_a_rate_is_paid_in_its_own_unit()
    {
        var demand = Assert.Single(Rated(new() { Meter = "messages", Quantity = 2m }, plan: "bare").Demands);
        Assert.Equal(new Demand(Unit.Of("messages"), Amount.Of(2m), 2m), demand);
    }

    [Fact]
    public void Uses_are_the_quantity_of_an_action()
    {
        Assert.Equal(3m, Rated(new() { Action = "render", Quantity = 3m }).Demands[0].Uses);
        Assert.Equal(1m, Rated(new() { Model = "gpt-4", Tokens = new(1_000, 0) }).Demands[0].Uses);
    }

    [Fact]
    public void Nothing_is_asked_for_what_costs_nothing()
    {
        Assert.Empty(Rated(new() { Action = "gift" }).Demands);
        Assert.Empty(Rated(new() { Model = "gpt-4", Tokens = new(0, 0) }).Demands);
        Assert.Empty(Rated(new() { Action = "render", Outcome = Outcome.ProviderError }).Demands);
    }

    [Fact]
    public void A_call_with_the_customers_own_key_is_counted_and_costs_no_credits()
    {
        Assert.Equal([new(Unit.Of("messages"), Amount.Of(1m), 1m, OwnKey: true)], Rated(new() { Meter = "messages", Byok = true }, plan: "bare").Demands);
        Assert.Empty(Rated(new() { Action = "render", Byok = true }).Demands);
        Assert.Empty(Rated(new() { Model = "gpt-4", Tokens = new(1_000, 200), Byok = true }).Demands);
    }

    [Fact]
    public void The_version_in_force_prices_and_is_named()
    {
        Assert.Equal("list v1", Rated(new() { Model = "gpt-4", Tokens = new(1_000, 0) }).RateVersion);
        var later = Rated(new() { Model = "gpt-4", Tokens = new(1_000_000, 1_000_000) }, now: July);
        Assert.Equal("list v2", later.RateVersion);
        Assert.Equal(Amount.Of(15m), later.Demands[0].Amount);
    }

    [Fact]
    public void The_receipt_has_a_line_for_each_kind_of_token()
    {
        var lines = Rated(new() { Model = "gpt-4", Tokens = new(1_000, 200, 50) }).Lines;
        Assert.Equal([0.03m, 0.012m, 0.00075m], lines.Select(l => l.Amount));
    }

    public static TheoryData<ChargeSubject, string> Refused => new()
    {
        { new() { Action = "nothing" }, "BILLING_UNKNOWN_ACTION" },
        { new() { Action = "retired" }, "BILLING_UNKNOWN_ACTION" },
        { new() { Meter = "mesages" }, "BILLING_UNKNOWN_METER" },
        { new() { Meter = "storage" }, "INVALID_REQUEST" },
        { new() { Unit = Unit.Of("mesages"), Amount = Amount.Of(1m) }, "BILLING_UNKNOWN_METER" },
        { new() { Unit = Unit.Of("eur"), Amount = Amount.Of(1m) }, "INVALID_REQUEST" },
        { new() { Provider = "nobody", Model = "nothing", Tokens = new(1, 1) }, "BILLING_UNPRICED_MODEL" },
        { new() { Model = "gpt-4" }, "INVALID_REQUEST" },
        { new(), "INVALID_REQUEST" },
        { new() { Action = "render", Quantity = 1_000_000_000m }, "INVALID_AMOUNT" },
        { new() { Model = "gpt-4", Tokens = new(long.MaxValue, long.MaxValue, long.MaxValue) }, "INVALID_AMOUNT" },
    };

    [Theory, MemberData(nameof(Refused))]
    public void What_cannot_be_priced_is_refused(ChargeSubject subject, string code)
    {
        Assert.False(Rater.Rate(Catalog, Catalog.FindPlan("basic")!, subject, January).TryGet(out _, out var refusal));
        Assert.Equal(code, refusal.Code.Name);
    }

    [Fact]
    public void A_model_without_a_rate_costs_the_fallback_where_the_catalog_says_so()
    {
        var catalog = Catalog with { UnpricedModel = UnpricedModelPolicy.Fallback };
        var rated = Rated(new() { Model = "gpt-4", Tokens = new(1_000_000, 0) }, plan: "bare", catalog: catalog);
        Assert.Equal(Amount.Of(7m), rated.Demands[0].Amount);
        Assert.Equal(UnpricedModelPolicy.Fallback, rated.Unpriced);
    }

    [Fact]
    public void A_model_without_a_rate_waits_in_suspense_where_the_catalog_says_so()
    {
        var catalog = Catalog with { UnpricedModel = UnpricedModelPolicy.Suspense };
        var rated = Rated(new() { Model = "gpt-4", Tokens = new(1_000_000, 0) }, plan: "bare", catalog: catalog);
        Assert.Empty(rated.Demands);
        Assert.Equal(UnpricedModelPolicy.Suspense, rated.Unpriced);
    }

    private static RatedCharge Rated(ChargeSubject subject, string plan = "basic", DateTimeOffset? now = null, CatalogDocument? catalog = null, decimal used = 0m)
    {
        catalog ??= Catalog;
        return Rater.Rate(catalog, catalog.FindPlan(plan)!, subject, now ?? January, Amount.Of(used)).Match(rated => rated, refusal => throw new InvalidOperationException(refusal.Detail));
    }
}
