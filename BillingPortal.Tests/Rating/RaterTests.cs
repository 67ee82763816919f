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

    private static readonly CatalogDocument Catalog = new()
    {
        Name = "Rating", Currency = Usd, DefaultPlan = "basic",
        Meters = [new("messages", "Messages"), new("documents", "Documents"), new("storage", "Storage", MeterKind.Level)],
        Providers = [new("openai", "OpenAI")],
        Models = [new("gpt-4", "GPT-4", "openai"), new("gpt-4-mini", "GPT-4 mini", "openai")],
        Plans = [new("basic", "Basic") { RateCard = "list" }, new("cheap", "Cheap") { RateCard = "list", Rank = 1 }, new("bare", "Bare") { RateCard = "empty", Rank = 2 }],
        Actions =
        [
            new("render", "Render", Amount.Of(10m)), new("scan", "Scan", Amount.Of(0.25m)) { Unit = Usd },
            new("retired", "Retired", Amount.Of(1m)) { IsActive = false }, new("gift", "Gift", Amount.Zero),
        ],
        RateCards =
        [
            new("list", 1, DateTimeOffset.UnixEpoch, Usd)
            {
                Models = [new("openai", "gpt-4", new(0.03m, 0.06m, 0.015m, 1_000)), new("openai", "gpt-4*", new(1m, 2m)), new("groq", "*", new(0.1m, 0.2m)), new("*", "tiny", new(0.0000001m, 0m, null, 1))],
                Meters = [new("documents", 0.05m), new("messages", 2m, 3)],
            },
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
        Assert.False(Rater.Rate(Catalog, Catalog.FindPlan("basic")!, subject, January).IsRated(out _, out var refusal));
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

    private static RatedCharge Rated(ChargeSubject subject, string plan = "basic", DateTimeOffset? now = null, CatalogDocument? catalog = null)
    {
        catalog ??= Catalog;
        return Rater.Rate(catalog, catalog.FindPlan(plan)!, subject, now ?? January).Match(rated => rated, refusal => throw new InvalidOperationException(refusal.Detail));
    }
}
