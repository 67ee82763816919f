using System.Net;
using System.Text.Json;
using BillingPortal.Tests.Gating;
using BillingPortal.Tests.Payments;

namespace BillingPortal.Tests.Stories;

/// <summary>A portal that sells by one example catalog, with the simulator to pay at. A story is what that catalog's system promised, played over HTTP.</summary>
public abstract class StoryPortal(string catalog) : StripeFixture
{
    protected override void Configure(IDictionary<string, string?> settings)
    {
        base.Configure(settings);
        settings["Catalog:File"] = $"catalogs/{catalog}.json";
    }

    /// <summary>What anybody may read of the catalog.</summary>
    internal async Task<List<JsonElement>> OpenAsync(string list)
    {
        using var stream = await Client().GetStreamAsync($"/api/v1/{list}");
        using var page = await JsonDocument.ParseAsync(stream);
        return [.. page.RootElement.GetProperty("data").EnumerateArray().Select(e => e.Clone())];
    }

    internal async Task<JsonElement> ReadAsync(string path)
    {
        var reply = await Api().GetReplyAsync(path);
        Assert.True(reply.Status == HttpStatusCode.OK, $"{path}: {reply.Text}");
        return reply.Json;
    }

    internal Task<JsonElement> StatusAsync(string account) => ReadAsync($"accounts/{account}/billing-status");

    /// <summary>Rows of the account's ledger, oldest first.</summary>
    internal async Task<List<JsonElement>> LedgerAsync(string account, string? unit = null)
    {
        var rows = (await ReadAsync($"accounts/{account}/ledger?limit=200{(unit is null ? "" : $"&unit={unit}")}")).GetProperty("data").EnumerateArray().ToList();
        rows.Reverse();
        return rows;
    }

    /// <summary>Goes through the checkout as a person would, and waits until what was bought is there.</summary>
    internal async Task BuyAsync(string account, object body, string card = Works)
    {
        using var paid = await PayAsync(await CheckoutAsync(account, body), card);
        Assert.Equal(HttpStatusCode.Redirect, paid.StatusCode);
        await SettledAsync();
    }
}
