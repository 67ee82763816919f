using System.Net;
using BillingPortal.Tests.Gating;
using GatingApi = BillingPortal.Tests.Gating.Api;

namespace BillingPortal.Tests.Stories;

/// <summary>Rows D7 and F4: an answer that streams, held before, charged in parts as it goes, and closed with what it truly cost.</summary>
public sealed class StreamHoldStory(PrepaidReserveStoryPortal portal) : IClassFixture<PrepaidReserveStoryPortal>
{
    private const string Gpt4 = """ "provider":"openai","model":"gpt-4" """; // 0.03 in, 0.06 out, per thousand

    private async Task<string> AccountAsync(decimal money)
    {
        var (api, account) = (portal.Api(), GatingApi.NewAccount());
        await api.GrantAsync(account, money, "usd");
        await api.SendAsync(HttpMethod.Patch, $"accounts/{account}", """{"low_balance_policy":"block"}""", null);
        return account;
    }

    private async Task<(decimal Balance, decimal Held)> MoneyAsync(string account)
    {
        var wallet = (await portal.ReadAsync($"accounts/{account}/wallets")).GetProperty("data").EnumerateArray().Single(w => w.GetProperty("unit").GetString() == "usd");
        return (wallet.GetProperty("balance").GetDecimal(), wallet.GetProperty("held").GetDecimal());
    }

    [Fact]
    public async Task A_stream_is_held_charged_in_parts_extended_and_capped_at_the_hold()
    {
        var api = portal.Api();
        var account = await AccountAsync(1m);
        var hold = await api.HoldAsync(account, Gpt4 + ""","tokens":{"input":1000,"output":2000},"run":"stream-1","expires_in":60""");
        Assert.Equal(0.15m, hold.Paid("usd"));
        Assert.Equal((1m, 0.15m), await MoneyAsync(account));

        Assert.Equal(0.06m, (await api.CaptureAsync(hold, """{"tokens":{"input":1000,"output":500},"final":false}""")).Paid("usd"));
        var second = await api.CaptureAsync(hold, """{"tokens":{"output":500},"final":false}""");
        Assert.Equal((0.03m, "stream-1"), (second.Paid("usd"), (await api.GetReplyAsync($"charges/{second.String("id")}")).String("run")));
        Assert.Equal((0.91m, 0.06m), await MoneyAsync(account));

        // It writes more than was thought: more time, and a thousand tokens more.
        var extended = await api.PostAsync($"holds/{hold.String("id")}/extend", """{"expires_in":300,"amount":0.06}""", GatingApi.NewKey());
        Assert.Equal((HttpStatusCode.OK, 0.21m), (extended.Status, extended.Paid("usd")));
        portal.Time.Advance(TimeSpan.FromSeconds(100));
        Assert.Equal((0.91m, 0.12m), await MoneyAsync(account));

        var last = await api.CaptureAsync(hold, """{"tokens":{"output":2500}}""");
        Assert.Equal((0.12m, 0.03m), (last.Paid("usd"), last.Json.GetProperty("capped")[0].GetProperty("amount").GetDecimal()));
        Assert.Equal((0.79m, 0m), await MoneyAsync(account));
        var closed = await portal.ReadAsync($"holds/{hold.String("id")}");
        Assert.Equal(("captured", 0.21m), (closed.GetProperty("status").GetString(), closed.GetProperty("captured")[0].GetProperty("amount").GetDecimal()));
        var run = await portal.ReadAsync($"accounts/{account}/charges?run=stream-1");
        Assert.Equal(3, run.GetProperty("data").EnumerateArray().Count(c => c.GetProperty("hold").GetString() == hold.String("id") && c.GetProperty("model").GetString() == "gpt-4"));
        Assert.Null(await api.LedgerProblemsAsync(account));
    }

    [Fact]
    public async Task A_stream_that_runs_over_is_charged_above_its_hold_as_far_as_the_money_goes()
    {
        var api = portal.Api();
        var account = await AccountAsync(0.2m);
        var hold = await api.HoldAsync(account, Gpt4 + ""","tokens":{"input":1000,"output":2000}""");

        var tooMuch = await api.CaptureAsync(hold, """{"tokens":{"input":1000,"output":5000},"over_hold":"charge"}""");
        Assert.Equal((HttpStatusCode.PaymentRequired, "BILLING_INSUFFICIENT_FUNDS", 0.18m, 0.05m), (tooMuch.Status, tooMuch.ErrorCode, tooMuch.Number("required"), tooMuch.Number("available")));
        Assert.Equal((0.2m, 0.15m), await MoneyAsync(account));

        var charge = await api.CaptureAsync(hold, """{"tokens":{"input":1000,"output":2500},"over_hold":"charge"}""");
        Assert.Equal((HttpStatusCode.OK, 0.18m), (charge.Status, charge.Paid("usd")));
        Assert.Equal((0.02m, 0m), await MoneyAsync(account));
        Assert.Equal(2500, (await portal.ReadAsync($"charges/{charge.String("id")}")).GetProperty("tokens").GetProperty("output").GetInt64());
    }
}
