using System.Net;
using System.Text.Json.Nodes;
using BillingPortal.Tests.Gating;
using BillingPortal.Tests.Testing;
using GatingApi = BillingPortal.Tests.Gating.Api;

namespace BillingPortal.Tests.Catalog;

/// <summary>A version of a rate card that has begun means for good what its charges were priced by (D4, F13).</summary>
public sealed class BegunVersionTests(PrepaidReservePortal portal) : IClassFixture<PrepaidReservePortal>
{
    [Fact]
    public async Task A_version_that_has_begun_stands_and_every_other_one_may_be_changed()
    {
        var api = portal.Api();
        var correct = await PutAsync(api, cards => Rate(cards, "free")["price"] = 0.07); // nothing was charged yet
        Assert.Equal((HttpStatusCode.OK, 1), (correct.Status, correct.Json.GetProperty("changes").GetArrayLength()));
        var account = GatingApi.NewAccount();
        await api.GrantAsync(account, 10, "usd");
        Assert.Equal(0.07m, (await api.ChargeAsync(account, """ "meter":"documents","quantity":1 """)).Paid("usd"));
        var catalog = await api.GetStringAsync("admin/catalog");

        (Action<JsonArray> Change, string Path)[] wrongs =
        [
            (cards => Rate(cards, "free")["price"] = 0.09, "rate_cards[free v1].meters[documents].price"),
            (cards => Rate(cards, "starter")["minimum"] = 1, "rate_cards[starter v1].meters[documents].minimum"),
            (cards => Card(cards, "free")["effective_from"] = "2026-01-02T00:00:00Z", "rate_cards[free v1].effective_from"),
            (cards => Card(cards, "free")["effective_from"] = "2090-01-02T00:00:00Z", "rate_cards[free v1].effective_from"),
            (cards => Card(cards, "free")["version"] = 2, "rate_cards[free v1]"),
            (cards => Card(cards, "free")["models"]!.AsArray().Clear(), "rate_cards[free v1].models["),
            (cards => Card(cards, "free")["models"]!.AsArray().Add(JsonNode.Parse("""{"provider":"openai","model":"unheard-of","prices":{"input":1,"output":1}}""")), "rate_cards[free v1].models[openai/unheard-of]"),
        ];
        foreach (var (change, path) in wrongs)
        {
            foreach (var dryRun in new[] { true, false })
            {
                var refused = await PutAsync(api, change, dryRun);
                Assert.True((refused.Status, refused.ErrorCode) == (HttpStatusCode.Conflict, "CONFLICT"), refused.Text);
                Assert.StartsWith(path, refused.Json.GetProperty("errors").EnumerateObject().First().Name, StringComparison.Ordinal);
                Assert.Contains("later effective_from", refused.String("detail"), StringComparison.Ordinal);
            }
        }

        Assert.Equal(catalog, await api.GetStringAsync("admin/catalog"));
        Assert.Equal(0.07m, (await api.ChargeAsync(account, """ "meter":"documents","quantity":1 """)).Paid("usd"));
        Assert.Equal(0, (await PutAsync(api, _ => { })).Json.GetProperty("changes").GetArrayLength());

        // A version ahead is added, changed and taken away; one that begins in the past may be added, and stands from then on.
        var later = portal.Time.GetUtcNow().AddDays(1);
        Assert.Equal(HttpStatusCode.OK, (await PutAsync(api, cards => Add(cards, later, 0.5m))).Status);
        Assert.Equal(HttpStatusCode.OK, (await PutAsync(api, cards => Newest(cards)["meters"]![2]!["price"] = 0.6)).Status);
        Assert.Equal(HttpStatusCode.OK, (await PutAsync(api, cards => cards.Remove(Newest(cards)))).Status);
        Assert.Equal(HttpStatusCode.OK, (await PutAsync(api, cards => Add(cards, portal.Time.GetUtcNow().AddHours(-1), 0.5m))).Status);
        Assert.Equal(HttpStatusCode.Conflict, (await PutAsync(api, cards => cards.Remove(Newest(cards)))).Status);
        Assert.Equal(0.5m, (await api.ChargeAsync(account, """ "meter":"documents","quantity":1 """)).Paid("usd"));
    }

    private static async Task<Reply> PutAsync(HttpClient api, Action<JsonArray> change, bool dryRun = false)
    {
        var catalog = JsonNode.Parse(await api.GetStringAsync("admin/catalog"))!;
        change(catalog["rate_cards"]!.AsArray());
        return await api.PutAsync($"admin/catalog?dry_run={(dryRun ? "true" : "false")}", catalog.ToJsonString());
    }

    private static JsonNode Card(JsonArray cards, string id) => cards.First(card => card!["id"]!.ToString() == id)!;

    private static JsonNode Rate(JsonArray cards, string id) => Card(cards, id)["meters"]!.AsArray().Single(rate => rate!["meter"]!.ToString() == "documents")!;

    private static JsonNode Newest(JsonArray cards) => cards.Where(card => card!["id"]!.ToString() == "free").MaxBy(card => (int)card!["version"]!)!;

    private static void Add(JsonArray cards, DateTimeOffset from, decimal price)
    {
        var made = Newest(cards).DeepClone();
        (made["version"], made["effective_from"]) = ((int)made["version"]! + 1, from.ToString("O"));
        made["meters"]!.AsArray().Single(rate => rate!["meter"]!.ToString() == "documents")!["price"] = price;
        cards.Add(made);
    }
}
