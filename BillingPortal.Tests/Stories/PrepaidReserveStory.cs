using System.Net;
using BillingPortal.Tests.Gating;
using BillingPortal.Tests.Usage;
using GatingApi = BillingPortal.Tests.Gating.Api;

namespace BillingPortal.Tests.Stories;

public sealed class PrepaidReserveStoryPortal() : StoryPortal("prepaid-reserve");

/// <summary>Rows D: customers prepay money, and usage is costed by rate cards.</summary>
public sealed class PrepaidReserveStory(PrepaidReserveStoryPortal portal) : IClassFixture<PrepaidReserveStoryPortal>
{
    private const string Gpt4 = """ "provider":"openai","model":"gpt-4","tokens":{"input":1000,"output":200} """;

    [Fact] // D4
    public async Task Each_tier_has_its_rate_card_with_gpt_4_at_3_and_6_cents()
    {
        var plans = await portal.OpenAsync("plans");
        Assert.Equal(["free", "starter", "professional", "enterprise"], plans.Select(p => p.GetProperty("id").GetString()));
        var cards = (await portal.OpenAsync("rate-cards")).ToDictionary(c => c.GetProperty("id").GetString()!);
        foreach (var card in plans.Select(p => cards[p.GetProperty("rate_card").GetString()!]))
        {
            var gpt4 = card.GetProperty("models").EnumerateArray().Single(m => m.GetProperty("model").GetString() == "gpt-4").GetProperty("prices");
            Assert.Equal((0.03m, 0.06m, 1000), (gpt4.GetProperty("input").GetDecimal(), gpt4.GetProperty("output").GetDecimal(), gpt4.GetProperty("per").GetInt32()));
            Assert.Equal(["storage_gb_days", "api_calls", "documents"], card.GetProperty("meters").EnumerateArray().Select(m => m.GetProperty("meter").GetString()));
            Assert.True(card.GetProperty("in_force").GetBoolean());
        }
    }

    [Fact] // D1, D2, D5, F3
    public async Task Topped_up_money_is_spent_to_the_millionth_and_each_row_says_the_balance_after()
    {
        var api = portal.Api();
        var account = GatingApi.NewAccount();
        await portal.BuyAsync(account, new { kind = "reserve", amount = 25 });
        var call = await api.ChargeAsync(account, Gpt4);
        Assert.Equal((HttpStatusCode.Created, 0.042m), (call.Status, call.Paid("usd")));
        Assert.Equal(0.001m, (await api.ChargeAsync(account, """ "meter":"api_calls","quantity":1 """)).Paid("usd"));
        Assert.Equal(0.000001m, (await api.ChargeAsync(account, """ "model":"llama-3.1-8b-instant","tokens":{"input":1,"output":0} """)).Paid("usd"));

        var rows = await portal.LedgerAsync(account, "usd");
        Assert.Equal([25m, 24.958m, 24.957m, 24.956999m], rows.Select(r => r.GetProperty("balance_after").GetDecimal()));
        Assert.Equal(["top_up", "charge", "charge", "charge"], rows.Select(r => r.GetProperty("kind").GetString()));
        var receipt = await portal.ReadAsync($"charges/{call.String("id")}");
        Assert.Contains("free v1", receipt.ToString(), StringComparison.Ordinal);
    }

    [Fact] // D3
    public async Task The_reserve_may_go_below_zero_with_a_warning_unless_the_account_says_block()
    {
        var api = portal.Api();
        var account = GatingApi.NewAccount();
        Assert.Equal(HttpStatusCode.Created, (await api.ChargeAsync(account, Gpt4)).Status);
        Assert.Equal(-0.042m, await portal.BalanceAsync(account, "usd"));

        var changed = await api.SendAsync(HttpMethod.Patch, $"accounts/{account}", """{"low_balance_policy":"block"}""", null);
        Assert.Equal(HttpStatusCode.OK, changed.Status);
        var refused = await api.ChargeAsync(account, Gpt4);
        Assert.Equal((HttpStatusCode.PaymentRequired, "BILLING_INSUFFICIENT_FUNDS"), (refused.Status, refused.ErrorCode));

        await api.SendAsync(HttpMethod.Patch, $"accounts/{account}", """{"low_balance_policy":"limited","overdraft_limit":0.09}""", null);
        Assert.Equal(HttpStatusCode.Created, (await api.ChargeAsync(account, Gpt4)).Status);
        Assert.Equal("BILLING_INSUFFICIENT_FUNDS", (await api.ChargeAsync(account, Gpt4)).ErrorCode);
    }

    [Fact] // D6
    public async Task An_estimate_says_the_price_and_whether_the_balance_covers_it()
    {
        var account = GatingApi.NewAccount();
        await portal.Api().GrantAsync(account, 1, "usd");
        var estimate = await portal.Api().PostAsync("estimates", "{\"account\":\"" + account + "\",\"model\":\"gpt-4\",\"tokens\":{\"input\":10000,\"output\":2000}}");
        Assert.Equal(0.42m, estimate.Json.GetProperty("price")[0].GetProperty("amount").GetDecimal());
        Assert.True(estimate.Json.GetProperty("covered").GetBoolean());
        Assert.Equal(1m, await portal.BalanceAsync(account, "usd"));
    }

    [Fact] // D5, D5b, D7
    public async Task Everything_of_one_run_stands_in_one_place()
    {
        var (api, account) = (portal.Api(), GatingApi.NewAccount());
        await api.GrantAsync(account, 10, "usd");
        var charged = await api.ChargeAsync(account, """ "model":"gpt-4","tokens":{"input":1000,"output":200},"run":"job-7" """);
        var hold = await api.HoldAsync(account, """ "model":"gpt-4","tokens":{"input":10000,"output":2000},"run":"job-7" """);
        await api.CaptureAsync(hold, $$"""{"account":"{{account}}","model":"gpt-4","tokens":{"input":2000,"output":0},"final":false}""");
        await api.ReportAsync(UsageApi.Event(account, "1", """ "meter":"documents","quantity":2,"properties":{"job":"job-7"} """));
        await api.ChargeAsync(account, """ "model":"gpt-4","tokens":{"input":1000,"output":0},"run":"job-8" """);
        await portal.SettleAsync();
        await api.PostAsync($"charges/{charged.String("id")}/refund", """{"funding":[{"unit":"usd","amount":0.002}],"reason":"goodwill"}""", GatingApi.NewKey());

        var run = await portal.ReadAsync($"accounts/{account}/runs/job-7");
        var (usage, spent) = (run.GetProperty("usage"), run.GetProperty("spent")[0].GetProperty("amount").GetDecimal());
        Assert.Equal((3, 3000, 200), (usage.GetProperty("charges").GetInt32(), usage.GetProperty("input_tokens").GetInt32(), usage.GetProperty("output_tokens").GetInt32()));
        Assert.Equal(3, run.GetProperty("charges").GetArrayLength());
        Assert.Equal(hold.String("id"), run.GetProperty("holds")[0].GetProperty("id").GetString());
        Assert.Equal(0.42m - 0.06m, run.GetProperty("held")[0].GetProperty("amount").GetDecimal());
        Assert.Equal(run.GetProperty("charges").EnumerateArray().Sum(c => c.GetProperty("funding")[0].GetProperty("amount").GetDecimal()) - 0.002m, spent);
        Assert.Equal(10m - spent - 0.03m, await portal.BalanceAsync(account, "usd"));
        Assert.Equal(HttpStatusCode.NotFound, (await api.GetReplyAsync($"accounts/{account}/runs/job-9")).Status);
    }

    [Fact] // D9
    public async Task An_adjustment_needs_a_reason_which_stands_in_ledger_and_audit_log()
    {
        var api = portal.Api();
        var account = GatingApi.NewAccount();
        await api.GrantAsync(account, 10, "usd");
        Task<Reply> Adjust(string reason) => api.PostAsync("admin/adjustments", $$"""{"account":"{{account}}","unit":"usd","amount":-2.5{{reason}}}""", GatingApi.NewKey());

        Assert.Equal(HttpStatusCode.BadRequest, (await Adjust("")).Status);
        Assert.Equal(7.5m, (await Adjust(""","reason":"counted twice" """)).Number("new_balance"));

        var row = (await portal.LedgerAsync(account, "usd"))[^1];
        Assert.Equal(("adjustment", "counted twice", 7.5m), (row.GetProperty("kind").GetString(), row.GetProperty("reason").GetString(), row.GetProperty("balance_after").GetDecimal()));
        Assert.Equal(1L, await portal.ScalarAsync<long>("select count(*) from audit_entries e join accounts a using (account_id) where a.external_id = $1 and e.action = 'adjustment.made' and e.reason = 'counted twice'", account));
    }

    [Fact] // D10
    public async Task The_ledger_is_a_file_with_every_row()
    {
        var api = portal.Api();
        var account = GatingApi.NewAccount();
        await api.GrantAsync(account, 10, "usd");
        await api.ChargeAsync(account, Gpt4);
        var csv = await api.GetStringAsync($"admin/ledger.csv?account={account}");
        var lines = csv.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(3, lines.Length);
        Assert.Contains("9.958", csv, StringComparison.Ordinal);
    }
}
