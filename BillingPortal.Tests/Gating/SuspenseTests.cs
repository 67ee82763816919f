using System.Net;
using BillingPortal.Catalog;
using BillingPortal.Tests.Testing;

namespace BillingPortal.Tests.Gating;

/// <summary>The prepaid catalog with models that no rate covers put aside (F6).</summary>
public sealed class SuspensePortal : PortalFixture
{
    private readonly string file = Path.Combine(Path.GetTempPath(), $"catalog-{Guid.NewGuid():N}.json");

    protected override void Configure(IDictionary<string, string?> settings)
    {
        var catalog = CatalogJson.Read(File.ReadAllBytes(Repository.Path("catalogs/prepaid-reserve.json"))).Match(read => read, errors => throw new InvalidOperationException(errors[0].ToString()));
        File.WriteAllText(file, CatalogJson.Write(catalog with { UnpricedModel = UnpricedModelPolicy.Suspense }));
        settings["Catalog:File"] = file;
    }

    public override async Task DisposeAsync()
    {
        await base.DisposeAsync();
        File.Delete(file);
    }
}

public sealed class SuspenseTests(SuspensePortal portal) : IClassFixture<SuspensePortal>
{
    private const string Strange = """ "provider":"nobody","model":"strange-1","tokens":{"input":1000,"output":500},"agent":"x" """;

    [Fact]
    public async Task A_model_without_a_rate_waits_and_is_charged_once_when_it_is_priced()
    {
        var api = portal.Api();
        var (account, charge) = await ChargedAsync(api);
        var waiting = await FindAsync(api, "open", charge);
        Assert.Equal(("strange-1", 1500L), (waiting!.Value.GetProperty("model").GetString(), waiting.Value.GetProperty("tokens").GetInt64()));

        var still = await api.PostAsync($"admin/suspense/{charge}/price", "{}");
        var both = await Task.WhenAll(Enumerable.Range(0, 2).Select(_ => api.PostAsync($"admin/suspense/{charge}/price", """{"unit":"usd","amount":0.25}""")));

        Assert.Equal((HttpStatusCode.UnprocessableEntity, "BILLING_UNPRICED_MODEL"), (still.Status, still.ErrorCode));
        Assert.Equal([HttpStatusCode.OK, HttpStatusCode.NotFound], both.Select(b => b.Status).Order());
        Assert.Equal(0.75m, await portal.BalanceAsync(account, "usd"));
        var price = (await api.GetReplyAsync($"charges/{both.Single(b => b.Status == HttpStatusCode.OK).String("priced_by")}")).Json;
        Assert.Equal(("strange-1", "x", 0.25m), (price.GetProperty("model").GetString(), price.GetProperty("agent").GetString(), price.GetProperty("price")[0].GetProperty("amount").GetDecimal()));
        Assert.Null(await FindAsync(api, "open", charge));
        Assert.NotNull(await FindAsync(api, "priced", charge));
        Assert.Null(await api.LedgerProblemsAsync());
    }

    [Fact]
    public async Task It_may_be_waived_with_a_reason_on_record()
    {
        var api = portal.Api();
        var (account, charge) = await ChargedAsync(api);
        Assert.Equal(HttpStatusCode.BadRequest, (await api.PostAsync($"admin/suspense/{charge}/waive", "{}")).Status);
        Assert.Equal(HttpStatusCode.NoContent, (await api.PostAsync($"admin/suspense/{charge}/waive", """{"reason":"our mistake"}""")).Status);
        Assert.Equal(HttpStatusCode.NotFound, (await api.PostAsync($"admin/suspense/{charge}/price", """{"unit":"usd","amount":1}""")).Status);
        Assert.Equal(1m, await portal.BalanceAsync(account, "usd"));
        Assert.Equal(1, await portal.ScalarAsync<long>("select count(*) from audit_entries where action = 'suspense.waived' and subject = $1 and reason = 'our mistake'", charge));
    }

    [Fact]
    public async Task What_was_used_is_owed_also_beyond_the_balance_and_a_hold_needs_a_price()
    {
        var api = portal.Api();
        var (account, charge) = await ChargedAsync(api);
        Assert.Equal(HttpStatusCode.OK, (await api.PostAsync($"admin/suspense/{charge}/price", """{"unit":"usd","amount":3}""")).Status);
        Assert.Equal(-2m, await portal.BalanceAsync(account, "usd"));
        Assert.Equal("BILLING_UNPRICED_MODEL", (await api.PostAsync("holds", $$"""{"account":"{{account}}",{{Strange}}}""", Api.NewKey())).ErrorCode);
    }

    [Theory]
    [InlineData("""{"unit":"usd"}""")]
    [InlineData("""{"unit":"usd","amount":0}""")]
    [InlineData("""{"unit":"moons","amount":1}""")]
    [InlineData("""{"price":1}""")]
    public async Task A_price_that_means_nothing_leaves_it_waiting(string body)
    {
        var api = portal.Api();
        var (_, charge) = await ChargedAsync(api);
        Assert.InRange((int)(await api.PostAsync($"admin/suspense/{charge}/price", body)).Status, 400, 404);
        Assert.NotNull(await FindAsync(api, "open", charge));
    }

    private static async Task<(string Account, string Charge)> ChargedAsync(HttpClient api)
    {
        var account = Api.NewAccount();
        await api.GrantAsync(account, 1, "usd");
        var taken = await api.ChargeAsync(account, Strange);
        Assert.True(taken.Status == HttpStatusCode.Created, taken.Text);
        Assert.True(taken.Json.GetProperty("suspense").GetBoolean());
        return (account, taken.String("id")!);
    }

    private static async Task<System.Text.Json.JsonElement?> FindAsync(HttpClient api, string state, string charge)
    {
        var found = (await api.GetReplyAsync($"admin/suspense?state={state}&limit=200")).Json.GetProperty("data").EnumerateArray().Where(r => r.GetProperty("charge").GetString() == charge).ToList();
        return found.Count == 0 ? null : found[0];
    }
}
