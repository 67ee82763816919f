using System.Net;
using System.Text.Json.Nodes;

namespace BillingPortal.Tests.Gating;

/// <summary>Tiers over the period count what was charged before, and give back what is refunded (D4).</summary>
public sealed class TierTests(PrepaidReservePortal portal) : IClassFixture<PrepaidReservePortal>, IAsyncLifetime
{
    /// <summary>Documents: 10 at 1, then 0.5 each; a model at its cost and 50 %.</summary>
    public async Task InitializeAsync()
    {
        var api = portal.Api();
        var catalog = JsonNode.Parse(await api.GetStringAsync("admin/catalog"))!;
        if (catalog["rate_cards"]!.AsArray().Any(card => card!["id"]!.ToString() == "tiers"))
        {
            return; // by the test before
        }

        foreach (var plan in catalog["plans"]!.AsArray())
        {
            plan!["rate_card"] = "tiers";
        }

        catalog["rate_cards"]!.AsArray().Add(JsonNode.Parse("""
            {"id":"tiers","version":1,"effective_from":"2026-01-01T00:00:00Z","unit":"usd","meters":[{"meter":"documents","tiers":[{"up_to":10,"price":1},{"price":0.5}]}],
            "models":[{"provider":"anthropic","model":"*","markup_percent":50}]}
            """));
        Assert.Equal(HttpStatusCode.OK, (await api.PutAsync("admin/catalog", catalog.ToJsonString())).Status);
    }

    public Task DisposeAsync() => Task.CompletedTask;

    [Fact]
    public async Task A_charge_begins_in_the_tier_where_the_one_before_it_ended()
    {
        var api = portal.Api();
        var account = Api.NewAccount();
        await api.GrantAsync(account, 100, "usd");

        var first = await api.ChargeAsync(account, """ "meter":"documents","quantity":8 """);
        var across = await api.ChargeAsync(account, """ "meter":"documents","quantity":4 """);
        Assert.Equal((8m, 3m), (first.Paid("usd"), across.Paid("usd"))); // 2 at 1 and 2 at 0.5

        var refund = await api.PostAsync($"charges/{across.String("id")}/refund", """{"reason":"not wanted"}""", Api.NewKey());
        Assert.Equal(HttpStatusCode.Created, refund.Status);
        Assert.Equal(2m, (await api.ChargeAsync(account, """ "meter":"documents","quantity":2 """)).Paid("usd"));
        Assert.Equal(90m, await portal.BalanceAsync(account, "usd"));
    }

    [Fact]
    public async Task Charges_at_once_never_share_a_tier()
    {
        var api = portal.Api();
        var account = Api.NewAccount();
        await api.GrantAsync(account, 100, "usd");

        await Task.WhenAll(Enumerable.Range(0, 40).Select(_ => api.ChargeAsync(account, """ "meter":"documents" """)));

        Assert.Equal(100m - 10m - 15m, await portal.BalanceAsync(account, "usd"));
    }

    [Fact]
    public async Task A_check_sees_the_tier_and_counts_nothing()
    {
        var api = portal.Api();
        var account = Api.NewAccount();
        await api.GrantAsync(account, 100, "usd");
        await api.ChargeAsync(account, """ "meter":"documents","quantity":10 """);

        for (var i = 0; i < 2; i++)
        {
            Assert.Equal(1.5m, (await api.CheckAsync(account, """ "meter":"documents","quantity":3 """)).Json.GetProperty("price")[0].GetProperty("amount").GetDecimal());
        }
    }

    [Fact]
    public async Task Every_kind_of_token_is_priced_and_what_they_cost_us_is_kept()
    {
        var api = portal.Api();
        var account = Api.NewAccount();
        await api.GrantAsync(account, 100, "usd");

        // Haiku costs 1 in, 5 out and reasoning, 0.1 cached, 1 written: 12.1; and 50 %.
        var charge = await api.ChargeAsync(account, """ "model":"claude-haiku","tokens":{"input":1000000,"output":1000000,"cached_input":1000000,"cache_write":1000000,"reasoning":1000000} """);

        Assert.Equal(18.15m, charge.Paid("usd"));
        Assert.Equal(12.1m, await portal.ScalarAsync<decimal>("select c.cost from charges c join accounts a using (account_id) where a.external_id = $1", account));
        var shown = await api.GetReplyAsync($"charges/{charge.String("id")}");
        Assert.Equal((1_000_000, 1_000_000), (shown.Json.GetProperty("tokens").GetProperty("cache_write").GetInt64(), shown.Json.GetProperty("tokens").GetProperty("reasoning").GetInt64()));
        Assert.False(shown.Json.TryGetProperty("cost", out _), "what it cost us is not the customer's to see");
    }

    [Fact]
    public async Task Everybody_sees_a_markup_as_the_prices_it_comes_to()
    {
        var cards = await portal.Api().GetReplyAsync("rate-cards?limit=200");
        var card = cards.Json.GetProperty("data").EnumerateArray().Single(c => c.GetProperty("id").GetString() == "tiers");
        var haiku = card.GetProperty("models").EnumerateArray().Single(m => m.GetProperty("model").GetString() == "claude-haiku");
        Assert.Equal(1.5m, haiku.GetProperty("prices").GetProperty("input").GetDecimal());
        Assert.DoesNotContain("markup", cards.Text, StringComparison.Ordinal);
    }
}
