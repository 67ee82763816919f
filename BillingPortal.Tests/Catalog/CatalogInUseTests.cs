using System.Net;
using System.Text.Json.Nodes;
using BillingPortal.Tests.Gating;
using BillingPortal.Tests.Testing;

namespace BillingPortal.Tests.Catalog;

/// <summary>A new catalog does not take from accounts what they stand on.</summary>
public sealed class CatalogInUseTests(CatalogInUseTests.MeteredPortal portal) : IClassFixture<CatalogInUseTests.MeteredPortal>
{
    public sealed class MeteredPortal() : CatalogPortal("metered-plans");

    [Fact]
    public async Task A_plan_with_accounts_on_it_stays_and_the_refusal_counts_them()
    {
        var api = portal.Api();
        await api.GetReplyAsync($"accounts/{Gating.Api.NewAccount()}/wallets"); // opens it on the free plan
        await api.GetReplyAsync($"accounts/{Gating.Api.NewAccount()}/wallets");
        var catalog = await ReadAsync(api);
        var on = await portal.ScalarAsync<long>("select count(*) from ledger_heads where plan = 'free'");
        var free = catalog["plans"]!.AsArray().Single(p => p!["id"]!.ToString() == "free")!;
        free["id"] = "gratis";
        catalog["default_plan"] = "gratis";

        var (refused, dry) = (await api.PutAsync("admin/catalog", catalog.ToJsonString()), await api.PutAsync("admin/catalog?dry_run=true", catalog.ToJsonString()));

        Assert.Equal((HttpStatusCode.Conflict, "CONFLICT"), (refused.Status, refused.ErrorCode));
        Assert.Equal($"{on} accounts are on this plan", refused.Json.GetProperty("errors").GetProperty("plans[free]")[0].GetString());
        Assert.Equal(HttpStatusCode.Conflict, dry.Status);
        Assert.Contains("\"free\"", (await api.GetReplyAsync("plans")).Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_plan_that_nobody_is_on_may_go()
    {
        var api = portal.Api();
        var catalog = await ReadAsync(api);
        Remove(catalog["plans"]!, "enterprise");
        Assert.Equal(HttpStatusCode.OK, (await api.PutAsync("admin/catalog", catalog.ToJsonString())).Status);
    }

    private static async Task<JsonObject> ReadAsync(HttpClient api)
    {
        var answer = JsonNode.Parse((await api.GetReplyAsync("admin/catalog")).Text)!.AsObject();
        return (answer["catalog"] ?? answer).DeepClone().AsObject();
    }

    private static void Remove(JsonNode list, string id) => list.AsArray().Remove(list.AsArray().Single(e => e!["id"]!.ToString() == id));
}
