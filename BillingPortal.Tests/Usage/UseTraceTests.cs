using System.Net;
using BillingPortal.Tests.Gating;
using GatingApi = BillingPortal.Tests.Gating.Api;

namespace BillingPortal.Tests.Usage;

/// <summary>E7: an event from the report to the rollup, the ledger and the overage; and what was accepted and cannot be charged.</summary>
public sealed class UseTraceTests(MeteredPlansPortal portal) : IClassFixture<MeteredPlansPortal>
{
    [Fact]
    public async Task An_event_is_followed_from_report_to_rollup_and_overage()
    {
        var (api, account) = (portal.Api(), GatingApi.NewAccount());
        await api.PutAsync($"accounts/{account}", "{}");
        await api.PutAsync($"accounts/{account}/overrides", """{"plan":"standard"}""");
        await api.ReportAsync(UsageApi.Event(account, "big", """ "meter":"agent_executions","quantity":5100,"agent":"a" """), UsageApi.Event(account, "big-too", """ "meter":"agent_executions","quantity":1,"agent":"a" """));
        await portal.SettleAsync();

        var trace = (await api.GetReplyAsync($"accounts/{account}/usage/trace?source=tests&id=big")).Json;
        var charge = trace.GetProperty("charge");
        Assert.Equal((5100m, "a", 2), (trace.GetProperty("event").GetProperty("quantity").GetDecimal(), trace.GetProperty("event").GetProperty("agent").GetString(), charge.GetProperty("events").GetInt32()));
        var transfer = Assert.Single(trace.GetProperty("transfers").EnumerateArray());
        Assert.Equal((5101m, -101m), (transfer.GetProperty("amount").GetDecimal(), transfer.GetProperty("balance_after").GetDecimal()));
        Assert.True(trace.GetProperty("rollup").GetProperty("is_counted").GetBoolean());
        Assert.False(Assert.Single(trace.GetProperty("overage").EnumerateArray()).TryGetProperty("at", out _));

        portal.Time.Advance(TimeSpan.FromDays(32));
        await api.GetReplyAsync($"accounts/{account}/wallets");
        var settled = (await api.GetReplyAsync($"accounts/{account}/usage/trace?charge={charge.GetProperty("id").GetString()}")).Json;
        Assert.True(Assert.Single(settled.GetProperty("overage").EnumerateArray()).TryGetProperty("at", out _), settled.ToString());
        Assert.Contains("no invoice of that time", settled.GetProperty("verdict").GetString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("")]
    [InlineData("?source=tests")]
    [InlineData("?source=tests&id=a&charge=chg_1")]
    public async Task A_question_that_names_nothing_or_two_things_is_refused(string query)
    {
        var (api, account) = (portal.Api(), GatingApi.NewAccount());
        await api.PutAsync($"accounts/{account}", "{}");
        Assert.Equal("INVALID_REQUEST", (await api.GetReplyAsync($"accounts/{account}/usage/trace{query}")).ErrorCode);
        Assert.Equal("NOT_FOUND", (await api.GetReplyAsync($"accounts/{account}/usage/trace?source=tests&id=none")).ErrorCode);
        Assert.Equal("NOT_FOUND", (await api.GetReplyAsync($"accounts/{account}/usage/trace?charge=chg_1")).ErrorCode);
    }

    [Fact]
    public async Task What_cannot_be_charged_is_parked_and_listed_and_charged_once_its_hindrance_is_gone()
    {
        var (api, account) = (portal.Api(), GatingApi.NewAccount());
        await api.ReportAsync(UsageApi.Event(account, "stuck", """ "meter":"api_calls","quantity":3 """));
        await portal.SettleAsync();
        // A row as it stands when a rule refused it: under a key that is not taken yet.
        var usage = Guid.NewGuid();
        await portal.ExecuteAsync("""
            insert into uncharged_usage (account_id, id, time, events, meter, quantity, byok, refusal)
            select account_id, $2, now(), 1, 'api_calls', 4, false, 'BILLING_UNKNOWN_METER: gone for a day' from accounts where external_id = $1
            """, account, usage);

        var parked = (await api.GetReplyAsync("admin/uncharged-usage?state=parked")).Json;
        var row = Assert.Single(parked.GetProperty("data").EnumerateArray());
        Assert.Equal((1, "BILLING_UNKNOWN_METER: gone for a day", 4m), (parked.GetProperty("parked").GetInt32(), row.GetProperty("refusal").GetString(), row.GetProperty("quantity").GetDecimal()));
        Assert.Equal(HttpStatusCode.NoContent, (await api.PostAsync($"admin/uncharged-usage/{row.GetProperty("id").GetString()}/retry", "{}")).Status);
        await portal.SettleAsync();

        Assert.Equal(7, await portal.UsedAsync(account, "api_calls"));
        Assert.Equal("NOT_FOUND", (await api.PostAsync($"admin/uncharged-usage/{row.GetProperty("id").GetString()}/retry", "{}")).ErrorCode);
        Assert.Equal("NOT_FOUND", (await api.PostAsync("admin/uncharged-usage/usage_1/retry", "{}")).ErrorCode);
        Assert.Equal("INVALID_REQUEST", (await api.GetReplyAsync("admin/uncharged-usage?state=lost")).ErrorCode);
        Assert.Empty((await api.GetReplyAsync("admin/uncharged-usage?state=parked")).Json.GetProperty("data").EnumerateArray());
    }
}
