using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using BillingPortal.Tests.Testing;

namespace BillingPortal.Tests.Gating;

/// <summary>An answer as it came.</summary>
internal sealed record Reply(HttpStatusCode Status, string Text, HttpResponseHeaders Headers)
{
    public JsonElement Json => JsonDocument.Parse(Text).RootElement;
    public string? ErrorCode => Json.TryGetProperty("error_code", out var code) ? code.GetString() : null;
    public bool IsReplay => Headers.TryGetValues("Idempotent-Replayed", out var values) && values.Single() == "true";
    public decimal Number(string field) => Json.GetProperty(field).GetDecimal();
    public string? String(string field) => Json.TryGetProperty(field, out var value) ? value.GetString() : null;

    /// <summary>What a wallet paid.</summary>
    public decimal Paid(string unit) => Json.GetProperty("funding").EnumerateArray().Where(f => f.GetProperty("unit").GetString() == unit).Sum(f => f.GetProperty("amount").GetDecimal());
}

/// <summary>Calls of the API as programs make them.</summary>
internal static class Api
{
    private static int made;

    public static string NewAccount() => $"customer-{Interlocked.Increment(ref made)}-{Guid.NewGuid():N}"[..30];

    public static string NewKey() => $"key-{Guid.NewGuid():N}";

    public static Task<Reply> PostAsync(this HttpClient api, string path, string json, string? key = null) => SendAsync(api, HttpMethod.Post, path, json, key);

    public static Task<Reply> PutAsync(this HttpClient api, string path, string json) => SendAsync(api, HttpMethod.Put, path, json, null);

    public static Task<Reply> GetReplyAsync(this HttpClient api, string path) => SendAsync(api, HttpMethod.Get, path, null, null);

    /// <summary>Charges with a key of its own where none is given.</summary>
    public static Task<Reply> ChargeAsync(this HttpClient api, string account, string fields, string? key = null) =>
        api.PostAsync("charges", $$"""{"account":"{{account}}",{{fields}}}""", key ?? NewKey());

    /// <summary>Holds with a key of its own where none is given.</summary>
    public static Task<Reply> HoldAsync(this HttpClient api, string account, string fields, string? key = null) =>
        api.PostAsync("holds", $$"""{"account":"{{account}}",{{fields}}}""", key ?? NewKey());

    public static Task<Reply> CaptureAsync(this HttpClient api, Reply hold, string body, string? key = null) => api.PostAsync($"holds/{hold.String("id")}/capture", body, key ?? NewKey());

    public static Task<Reply> CheckAsync(this HttpClient api, string account, string fields) => api.PostAsync("check", $$"""{"account":"{{account}}",{{fields}}}""");

    public static async Task<Reply> GrantAsync(this HttpClient api, string account, decimal amount, string unit = "credit", string? key = null)
    {
        var reply = await api.PostAsync("admin/grants", string.Create(System.Globalization.CultureInfo.InvariantCulture, $$"""{"account":"{{account}}","amount":{{amount}},"unit":"{{unit}}","reason":"a test"}"""), key ?? NewKey());
        Assert.Equal(HttpStatusCode.Created, reply.Status);
        return reply;
    }

    /// <summary>Verifies an account's ledger, or the whole one.</summary>
    /// <returns>Null when it is as it should be; else what the answer says.</returns>
    public static async Task<string?> LedgerProblemsAsync(this HttpClient api, string? account = null)
    {
        var verified = await api.PostAsync(account is null ? "admin/ledger/verify" : $"admin/ledger/verify?account={account}", "{}");
        return verified.Status == HttpStatusCode.OK && verified.Json.GetProperty("ok").GetBoolean() ? null : verified.Text;
    }

    /// <summary>An account with so many credits.</summary>
    public static async Task<string> AccountWithAsync(this HttpClient api, decimal credits)
    {
        var account = NewAccount();
        await api.GrantAsync(account, credits);
        return account;
    }

    /// <summary>The balance as it stands in the database; 0 where the wallet was never touched.</summary>
    public static Task<decimal> BalanceAsync(this PortalFixture portal, string account, string unit = "credit") => portal.ScalarAsync<decimal>(
        "select w.balance from wallets w join accounts a using (account_id) where a.external_id = $1 and w.unit = $2", account, unit);

    public static Task<long> CountAsync(this PortalFixture portal, string table, string account) => portal.ScalarAsync<long>(
        $"select count(*) from {table} t join accounts a using (account_id) where a.external_id = $1", account);

    public static async Task<Reply> SendAsync(this HttpClient api, HttpMethod method, string path, string? json, string? key, string contentType = "application/json")
    {
        using var request = new HttpRequestMessage(method, path);
        if (json is not null)
        {
            request.Content = new ByteArrayContent(Encoding.UTF8.GetBytes(json)) { Headers = { ContentType = MediaTypeHeaderValue.Parse(contentType) } };
        }

        if (key is not null)
        {
            request.Headers.TryAddWithoutValidation("Idempotency-Key", key);
        }

        // The server refuses a large body without reading it: whoever is still sending would see a broken connection and not the answer.
        request.Headers.ExpectContinue = json?.Length > 1_000_000;
        using var response = await api.SendAsync(request);
        return new(response.StatusCode, await response.Content.ReadAsStringAsync(), response.Headers);
    }
}

/// <summary>A portal that sells by one of the example catalogs.</summary>
public class CatalogPortal(string name) : PortalFixture
{
    protected override void Configure(IDictionary<string, string?> settings) => settings["Catalog:File"] = $"catalogs/{name}.json";
}

public sealed class AgentCreditsPortal() : CatalogPortal("agent-credits");
public sealed class ChatTiersPortal() : CatalogPortal("chat-tiers");
public sealed class CreditGatePortal() : CatalogPortal("credit-gate");
public sealed class PrepaidReservePortal() : CatalogPortal("prepaid-reserve");
/// <summary>For what is summed up by the day.</summary>
public sealed class MidMonthReservePortal : CatalogPortal
{
    public MidMonthReservePortal() : base("prepaid-reserve") => Time.AwayFromBorders();
}

public sealed class MeteredPlansPortal() : CatalogPortal("metered-plans");
