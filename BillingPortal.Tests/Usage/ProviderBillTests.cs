using System.Net;
using System.Text.Json;
using BillingPortal.Analytics.ProviderBills;
using BillingPortal.Tests.Gating;
using GatingApi = BillingPortal.Tests.Gating.Api;

namespace BillingPortal.Tests.Usage;

/// <summary>A provider's bill is imported whole or not at all, and compared with what was recorded.</summary>
public sealed class ProviderBillTests(MidMonthReservePortal portal) : IClassFixture<MidMonthReservePortal>
{
    private const string Header = "day,provider,model,token_kind,tokens,cost\n";

    [Fact]
    public async Task A_bill_is_compared_with_the_records_of_its_days_and_providers()
    {
        var (api, account) = (portal.Api(), GatingApi.NewAccount());
        await api.GrantAsync(account, 100, "usd");
        // GPT-4 costs us 30 and 60 per million; a charge may name the model alone.
        await api.ChargeAsync(account, """ "model":"gpt-4","tokens":{"input":100000,"output":10000} """);
        await api.ChargeAsync(account, """ "provider":"anthropic","model":"claude-haiku","tokens":{"input":10,"output":10} """);
        await portal.SettleAsync();
        var today = $"{portal.Time.GetUtcNow().UtcDateTime:yyyy-MM-dd}";

        var bill = await ImportAsync(api, "November", $"{Header}{today},openai,gpt-4,input,60000,1.8\n{today},openai,gpt-4,input,40000,1.2\r\n{today},openai,gpt-4,output,12000,0.72\n{today},openai,\"dall-e, 3\",other,0,5\n");
        var again = await ImportAsync(api, "November again", $"{Header}{today},openai,gpt-4,input,60000,1.8\n{today},openai,gpt-4,input,40000,1.2\r\n{today},openai,gpt-4,output,12000,0.72\n{today},openai,\"dall-e, 3\",other,0,5\n");
        var rows = (await api.GetReplyAsync($"admin/provider-bills/{bill.String("id")}")).Json.GetProperty("data").EnumerateArray().ToDictionary(r => r.GetProperty("model").GetString()!);

        Assert.Equal((HttpStatusCode.Created, 4m, 8.72m), (bill.Status, bill.Number("lines"), bill.Number("cost")));
        Assert.Equal((HttpStatusCode.Conflict, "CONFLICT"), (again.Status, again.ErrorCode));
        Assert.Equal(["dall-e, 3", "gpt-4"], rows.Keys.Order());
        Assert.Equal((3.72m, 3.6m, 0.12m), Costs(rows["gpt-4"]));
        Assert.Equal((5m, 0m, 5m), Costs(rows["dall-e, 3"]));
        Assert.Equal([("input", 100000m, 100000m), ("output", 12000m, 10000m)],
            rows["gpt-4"].GetProperty("tokens").EnumerateArray().Select(t => (t.GetProperty("kind").GetString(), t.GetProperty("billed").GetDecimal(), t.GetProperty("recorded").GetDecimal())));
        var day = Assert.Single((await api.GetReplyAsync($"admin/provider-bills/{bill.String("id")}?by=day")).Json.GetProperty("data").EnumerateArray());
        Assert.Equal((today, 8.72m, 3.6m), (day.GetProperty("day").GetString(), day.GetProperty("billed_cost").GetDecimal(), day.GetProperty("recorded_cost").GetDecimal()));

        Assert.Equal(HttpStatusCode.NoContent, (await api.SendAsync(HttpMethod.Delete, $"admin/provider-bills/{bill.String("id")}", null, null)).Status);
        Assert.Equal(HttpStatusCode.NotFound, (await api.GetReplyAsync($"admin/provider-bills/{bill.String("id")}")).Status);
        Assert.Equal(["provider_bill.imported", "provider_bill.removed"], (await portal.RowsAsync("select action from audit_entries where subject = $1 order by id", bill.String("id"))).Select(r => (string)r[0]!));
    }

    [Fact]
    public async Task A_bill_that_cannot_be_read_imports_nothing_and_names_line_and_reason()
    {
        var api = portal.Api();
        var reply = await ImportAsync(api, "Broken", $"{Header}2026-11-01,openai,gpt-4,input,1,1\n2026-11-02,openai,gpt-4,input,1.5,1\n");
        Assert.Equal((HttpStatusCode.BadRequest, "Line 3 tokens: '1.5' is not a whole number from 0 to 10¹⁵. Nothing was imported."), (reply.Status, reply.String("detail")));
        Assert.True(reply.Json.GetProperty("errors").TryGetProperty("line 3", out _));
        Assert.Equal(0, await portal.ScalarAsync<long>("select count(*) from provider_bills where name = 'Broken'"));
        Assert.Equal(HttpStatusCode.UnsupportedMediaType, (await api.PostAsync("admin/provider-bills?name=x", "{}")).Status);
        Assert.Equal(HttpStatusCode.BadRequest, (await ImportAsync(api, "", $"{Header}2026-11-01,openai,gpt-4,input,1,1\n")).Status);
        Assert.Equal(HttpStatusCode.BadRequest, (await api.GetReplyAsync("admin/provider-bills/bill_00000000000000000000000000000000?by=colour")).Status);
    }

    [Theory]
    [InlineData("", "Line 1 is not the header day,provider,model,token_kind,tokens,cost")]
    [InlineData("a,b\n", "Line 1 is not the header day,provider,model,token_kind,tokens,cost")]
    [InlineData("HEADER", "Line 2 is missing: the bill has no lines")]
    [InlineData("HEADER2026-11-31,openai,gpt-4,input,1,1", "Line 2 day: '2026-11-31' is not a day such as 2026-11-20")]
    [InlineData("HEADER2026-11-01,openai,gpt-4,input,1", "Line 2 has 5 fields instead of 6")]
    [InlineData("HEADER2026-11-01,openai,\"gpt-4,input,1,1", "Line 2 has a quote that is not closed")]
    [InlineData("HEADER2026-11-01,,gpt-4,input,1,1", "Line 2 provider: must be a name of 1 to 200 characters")]
    [InlineData("HEADER2026-11-01,openai,,input,1,1", "Line 2 model: must be a name of 1 to 200 characters")]
    [InlineData("HEADER2026-11-01,openai,gpt-4,in,1,1", "Line 2 token_kind: 'in' is not one of input, output, cached_input, cache_write, reasoning, other")]
    [InlineData("HEADER2026-11-01,openai,gpt-4,input,-1,1", "Line 2 tokens: '-1' is not a whole number from 0 to 10¹⁵")]
    [InlineData("HEADER\n\n2026-11-01,openai,gpt-4,input,1,0.0000001", "Line 4 cost: '0.0000001' is not an amount with at most six decimals")]
    [InlineData("HEADER2026-11-01,openai,gpt-4,input,1,NaN", "Line 2 cost: 'NaN' is not an amount with at most six decimals")]
    public void Every_line_says_what_is_wrong_with_it(string csv, string expected) =>
        Assert.Equal($"{expected}. Nothing was imported.", ProviderBillCsv.Read(csv.Replace("HEADER", Header, StringComparison.Ordinal)).Match(_ => "", refusal => refusal.Detail));

    private static (decimal, decimal, decimal) Costs(JsonElement row) => (row.GetProperty("billed_cost").GetDecimal(), row.GetProperty("recorded_cost").GetDecimal(), row.GetProperty("difference").GetDecimal());

    private static Task<Reply> ImportAsync(HttpClient api, string name, string csv) => api.SendAsync(HttpMethod.Post, $"admin/provider-bills?name={Uri.EscapeDataString(name)}", csv, null, "text/csv");
}
