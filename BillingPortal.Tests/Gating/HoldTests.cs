using System.Net;
using BillingPortal.Gating;
using BillingPortal.Ledger;
using BillingPortal.Primitives;
using BillingPortal.Tests.Testing;
using Microsoft.Extensions.DependencyInjection;

namespace BillingPortal.Tests.Gating;

/// <summary>Rows D7 and F4: hold before, capture the true price after, give back the rest.</summary>
[Collection(nameof(SharedAgentCredits))]
public sealed class HoldTests(AgentCreditsPortal portal)
{
    private const string Profile = """ "action":"profile_my_data" """; // 20 credits

    private Task<decimal> HeldAsync(string account, string unit = "credit") => portal.ScalarAsync<decimal>(
        "select w.held from wallets w join accounts a using (account_id) where a.external_id = $1 and w.unit = $2", account, unit);

    private async Task ProvesAsync(string account) => Assert.Null(await portal.Api().LedgerProblemsAsync(account));

    [Fact]
    public async Task A_hold_reserves_and_moves_nothing()
    {
        var api = portal.Api();
        var account = await api.AccountWithAsync(100);

        var hold = await api.HoldAsync(account, Profile + ""","quantity":3,"expires_in":60,"run":"r1" """);

        Assert.Equal((HttpStatusCode.Created, "open", account), (hold.Status, hold.String("status"), hold.String("account")));
        Assert.StartsWith("hold_", hold.String("id"));
        Assert.Equal(60, hold.Paid("credit"));
        Assert.Empty(hold.Json.GetProperty("captured").EnumerateArray());
        Assert.Equal((100m, 60m), (await portal.BalanceAsync(account), await HeldAsync(account)));
        var wallets = (await api.GetReplyAsync($"accounts/{account}/wallets")).Json.GetProperty("data").EnumerateArray().Single(w => w.GetProperty("unit").GetString() == "credit");
        Assert.Equal((100m, 60m, 40m), (wallets.GetProperty("balance").GetDecimal(), wallets.GetProperty("held").GetDecimal(), wallets.GetProperty("available").GetDecimal()));
        Assert.Equal(HttpStatusCode.PaymentRequired, (await api.ChargeAsync(account, """ "unit":"credit","amount":41 """)).Status);
        Assert.Equal(HttpStatusCode.Created, (await api.ChargeAsync(account, """ "unit":"credit","amount":40 """)).Status);
        await ProvesAsync(account);
    }

    [Fact]
    public async Task A_capture_takes_the_true_price_and_gives_back_the_rest()
    {
        var api = portal.Api();
        var account = await api.AccountWithAsync(100);
        var hold = await api.HoldAsync(account, Profile + ""","quantity":4""");

        var charge = await api.CaptureAsync(hold, """{"quantity":1}""");

        Assert.Equal((HttpStatusCode.OK, "succeeded", 20m), (charge.Status, charge.String("status"), charge.Paid("credit")));
        Assert.Equal((account, hold.String("id")), (charge.String("account"), charge.String("hold")));
        Assert.Equal((80m, 0m), (await portal.BalanceAsync(account), await HeldAsync(account)));
        var after = (await api.GetReplyAsync($"holds/{hold.String("id")}")).Json;
        Assert.Equal(("captured", 20m), (after.GetProperty("status").GetString(), after.GetProperty("captured")[0].GetProperty("amount").GetDecimal()));
        var read = (await api.GetReplyAsync($"charges/{charge.String("id")}")).Json;
        Assert.Equal((hold.String("id"), "profile_my_data"), (read.GetProperty("hold").GetString(), read.GetProperty("action").GetString()));
        await ProvesAsync(account);
    }

    [Theory]
    [InlineData("{}", 80, 0)]
    [InlineData("""{"amount":12.5}""", 12.5, 0)]
    [InlineData("""{"action":"clean_my_data"}""", 50, 0)]
    [InlineData("""{"amount":81}""", 80, 1)]
    [InlineData("""{"quantity":5,"over_hold":"cap"}""", 80, 20)]
    [InlineData("""{"quantity":5,"over_hold":"charge"}""", 100, 0)]
    [InlineData("""{"amount":90,"over_hold":"charge"}""", 90, 0)]
    public async Task A_capture_is_priced_by_what_was_done_or_by_an_amount(string body, decimal taken, decimal capped)
    {
        var api = portal.Api();
        var account = await api.AccountWithAsync(100);
        var hold = await api.HoldAsync(account, Profile + ""","quantity":4""");

        var charge = await api.CaptureAsync(hold, body);

        Assert.True(charge.Status == HttpStatusCode.OK, charge.Text);
        Assert.Equal(taken, charge.Paid("credit"));
        Assert.Equal(taken, charge.Json.GetProperty("price").EnumerateArray().Sum(p => p.GetProperty("amount").GetDecimal()));
        Assert.Equal(capped, charge.Json.TryGetProperty("capped", out var above) ? above[0].GetProperty("amount").GetDecimal() : 0m);
        Assert.Equal((100m - taken, 0m), (await portal.BalanceAsync(account), await HeldAsync(account)));
        await ProvesAsync(account);
    }

    [Fact]
    public async Task Above_the_hold_and_the_wallet_a_capture_is_refused_and_the_hold_stays_for_another()
    {
        var api = portal.Api();
        var account = await api.AccountWithAsync(30);
        var hold = await api.HoldAsync(account, Profile);

        var refused = await api.CaptureAsync(hold, """{"quantity":2,"over_hold":"charge"}""", "c1");
        Assert.Equal((HttpStatusCode.PaymentRequired, "BILLING_INSUFFICIENT_CREDITS", 20m, 10m), (refused.Status, refused.ErrorCode, refused.Number("required"), refused.Number("available")));
        Assert.Equal((30m, 20m), (await portal.BalanceAsync(account), await HeldAsync(account)));

        Assert.Equal(20m, (await api.CaptureAsync(hold, """{"quantity":2,"over_hold":"cap"}""", "c1")).Paid("credit"));
        Assert.Equal((10m, 0m), (await portal.BalanceAsync(account), await HeldAsync(account)));
    }

    [Fact]
    public async Task A_repeat_of_each_step_gets_the_same_answer_again_whatever_came_after()
    {
        var api = portal.Api();
        var account = await api.AccountWithAsync(100);
        var hold = await api.HoldAsync(account, Profile + ""","quantity":4""", "h");
        var id = hold.String("id");
        var extended = await api.PostAsync($"holds/{id}/extend", """{"expires_in":3600,"amount":10}""", "e");
        var part = await api.CaptureAsync(hold, """{"amount":30,"final":false}""", "c");
        var released = await api.PostAsync($"holds/{id}/release", "", "r");
        Assert.Equal((90m, 30m, "released"), (extended.Paid("credit"), part.Paid("credit"), released.String("status")));

        foreach (var (first, again) in new[]
        {
            (hold, await api.HoldAsync(account, Profile + ""","quantity":4""", "h")),
            (extended, await api.PostAsync($"holds/{id}/extend", """{"expires_in":3600,"amount":10}""", "e")),
            (part, await api.CaptureAsync(hold, """{"amount":30,"final":false}""", "c")),
            (released, await api.PostAsync($"holds/{id}/release", "", "r")),
        })
        {
            Assert.Equal((first.Text, first.Status, true, false), (again.Text, again.Status, again.IsReplay, first.IsReplay));
        }

        Assert.Equal((70m, 0m), (await portal.BalanceAsync(account), await HeldAsync(account)));
        foreach (var other in new[]
        {
            await api.HoldAsync(account, Profile + ""","quantity":3""", "h"), await api.PostAsync($"holds/{id}/extend", """{"expires_in":3601,"amount":10}""", "e"),
            await api.CaptureAsync(hold, """{"amount":31,"final":false}""", "c"), await api.CaptureAsync(hold, "{}", "h"),
        })
        {
            Assert.Equal((HttpStatusCode.Conflict, "BILLING_IDEMPOTENCY_CONFLICT"), (other.Status, other.ErrorCode));
        }

        await ProvesAsync(account);
    }

    [Fact]
    public async Task A_closed_hold_is_closed()
    {
        var api = portal.Api();
        var account = await api.AccountWithAsync(100);
        var hold = await api.HoldAsync(account, Profile);
        Assert.Equal(HttpStatusCode.OK, (await api.CaptureAsync(hold, "{}")).Status);
        foreach (var step in (string[])["capture", "extend", "release"])
        {
            var refused = await api.PostAsync($"holds/{hold.String("id")}/{step}", "{}", Api.NewKey());
            Assert.Equal((HttpStatusCode.Conflict, "BILLING_HOLD_CLOSED"), (refused.Status, refused.ErrorCode));
        }

        Assert.Equal(80m, await portal.BalanceAsync(account));
    }

    [Theory]
    [InlineData("""{"amount":0}""", 400, "INVALID_AMOUNT")]
    [InlineData("""{"amount":1,"quantity":1}""", 400, "INVALID_REQUEST")]
    [InlineData("""{"unit":"usd","amount":1}""", 400, "INVALID_REQUEST")]
    [InlineData("""{"over_hold":"double"}""", 400, "INVALID_REQUEST")]
    [InlineData("""{"final":"yes"}""", 400, "INVALID_REQUEST")]
    [InlineData("""{"price":1}""", 400, "INVALID_REQUEST")]
    [InlineData("""{"action":"nothing_such"}""", 404, "BILLING_UNKNOWN_ACTION")]
    [InlineData("""{"account":"somebody-else"}""", 400, "INVALID_REQUEST")]
    [InlineData("[]", 400, "INVALID_REQUEST")]
    public async Task A_capture_that_cannot_be_meant_leaves_the_hold_as_it_is(string body, int status, string code)
    {
        var api = portal.Api();
        var account = await api.AccountWithAsync(100);
        var hold = await api.HoldAsync(account, Profile);
        var refused = await api.CaptureAsync(hold, body);
        Assert.Equal(((HttpStatusCode)status, code), (refused.Status, refused.ErrorCode));
        Assert.Equal((100m, 20m), (await portal.BalanceAsync(account), await HeldAsync(account)));
        Assert.Equal("open", (await api.GetReplyAsync($"holds/{hold.String("id")}")).String("status"));
    }

    [Theory]
    [InlineData(""","expires_in":0""")]
    [InlineData(""","expires_in":86401""")]
    [InlineData(""","expires_in":1.5""")]
    [InlineData(""","on_expiry":"keep" """)]
    [InlineData(""","final":true""")]
    [InlineData(""","over_hold":"cap" """)]
    public async Task A_hold_with_a_wrong_field_is_refused(string fields)
    {
        var api = portal.Api();
        var account = await api.AccountWithAsync(100);
        Assert.Equal(HttpStatusCode.BadRequest, (await api.HoldAsync(account, Profile + fields)).Status);
        Assert.Equal(0m, await HeldAsync(account));
    }

    [Fact]
    public async Task Without_a_key_or_for_a_hold_that_is_not_there_nothing_is_done()
    {
        var api = portal.Api();
        var account = await api.AccountWithAsync(100);
        var hold = await api.HoldAsync(account, Profile);
        foreach (var step in (string[])["capture", "extend", "release"])
        {
            Assert.Equal(HttpStatusCode.BadRequest, (await api.PostAsync($"holds/{hold.String("id")}/{step}", "{}")).Status);
            Assert.Equal(HttpStatusCode.NotFound, (await api.PostAsync($"holds/hold_{Guid.NewGuid():N}{Guid.NewGuid():N}/{step}", "{}", Api.NewKey())).Status);
            Assert.Equal(HttpStatusCode.NotFound, (await api.PostAsync($"holds/nonsense/{step}", "{}", Api.NewKey())).Status);
        }

        Assert.Equal(HttpStatusCode.BadRequest, (await api.PostAsync("holds", $$"""{"account":"{{account}}",{{Profile}}}""")).Status);
        Assert.Equal(HttpStatusCode.NotFound, (await api.GetReplyAsync("holds/nonsense")).Status);
        Assert.Equal((100m, 20m), (await portal.BalanceAsync(account), await HeldAsync(account)));
    }

    [Fact]
    public async Task Five_hundred_holds_of_one_at_once_on_a_hundred_are_exactly_a_hundred()
    {
        var api = portal.Api();
        var account = await api.AccountWithAsync(100);

        var replies = await Task.WhenAll(Enumerable.Range(0, 500).Select(_ => api.HoldAsync(account, """ "unit":"credit","amount":1 """)));

        Assert.Equal(100, replies.Count(r => r.Status == HttpStatusCode.Created));
        Assert.All(replies.Where(r => r.Status != HttpStatusCode.Created), r => Assert.Equal(HttpStatusCode.PaymentRequired, r.Status));
        Assert.Equal((100m, 100m), (await portal.BalanceAsync(account), await HeldAsync(account)));
        await ProvesAsync(account);
    }

    [Fact]
    public async Task Two_captures_at_once_are_one_charge()
    {
        var api = portal.Api();
        var account = await api.AccountWithAsync(1000);
        for (var i = 0; i < 20; i++)
        {
            var hold = await api.HoldAsync(account, Profile);
            var replies = await Task.WhenAll(api.CaptureAsync(hold, "{}"), api.CaptureAsync(hold, "{}"));
            Assert.Equal([HttpStatusCode.OK, HttpStatusCode.Conflict], replies.Select(r => r.Status).Order());
        }

        Assert.Equal((600m, 0m), (await portal.BalanceAsync(account), await HeldAsync(account)));
        await ProvesAsync(account);
    }

    [Fact]
    public async Task A_captured_charge_is_refunded_like_any_other()
    {
        var api = portal.Api();
        var account = await api.AccountWithAsync(100);
        var charge = await api.CaptureAsync(await api.HoldAsync(account, Profile), """{"quantity":2,"over_hold":"charge"}""");
        Assert.Equal(60m, await portal.BalanceAsync(account));

        var refund = await api.PostAsync($"charges/{charge.String("id")}/refund", """{"reason":"bad"}""", Api.NewKey());

        Assert.Equal(HttpStatusCode.Created, refund.Status);
        Assert.Equal((100m, 0m), (await portal.BalanceAsync(account), await HeldAsync(account)));
        await ProvesAsync(account);
    }

    [Fact]
    public async Task Open_holds_count_against_budgets_and_a_capture_turns_them_into_spending()
    {
        var api = portal.Api();
        var account = await api.AccountWithAsync(1000);
        await api.PutAsync($"accounts/{account}/budgets/b", """{"scope":"agent:x","unit":"credit","limit":50,"window":"day"}""");
        var hold = await api.HoldAsync(account, """ "unit":"credit","amount":30,"agent":"x" """);

        var refused = await api.HoldAsync(account, """ "unit":"credit","amount":30,"agent":"x" """);
        Assert.Equal(("BILLING_BUDGET_EXCEEDED", "agent:x", 20m), (refused.ErrorCode, refused.String("blocking_scope"), refused.Number("available")));
        Assert.Equal(HttpStatusCode.Created, (await api.HoldAsync(account, """ "unit":"credit","amount":30,"agent":"y" """)).Status);

        Assert.Equal(10m, (await api.CaptureAsync(hold, """{"amount":10}""")).Paid("credit"));
        var spent = await api.ChargeAsync(account, """ "unit":"credit","amount":41,"agent":"x" """);
        Assert.Equal(("BILLING_BUDGET_EXCEEDED", 40m), (spent.ErrorCode, spent.Number("available")));
    }

    [Theory]
    [InlineData("update holds set state = jsonb_set(state, '{parts,0,amount}', '19')", "its open holds have 19")]
    [InlineData("update holds set state = jsonb_set(state, '{parts,0,grants,0,amount}', '19')", "open holds name it for 19")]
    [InlineData("update holds set status = 'Released', state = jsonb_set(state, '{parts}', '[]')", "its open holds have 0")]
    [InlineData("update grants set reserved = reserved - 1 where reserved > 0 and", "has 19 reserved")]
    [InlineData("update wallets set held = held + 1 where unit = 'credit' and", "21 is held")]
    public async Task A_hold_that_was_tampered_with_is_found(string sql, string what)
    {
        var api = portal.Api();
        var account = await api.AccountWithAsync(100);
        await api.HoldAsync(account, Profile);
        await ProvesAsync(account);
        await portal.ExecuteAsync($"{sql}{(sql.EndsWith("and", StringComparison.Ordinal) ? "" : " where")} account_id = (select account_id from accounts where external_id = $1)", account);
        Assert.Contains(what, await api.LedgerProblemsAsync(account), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Staff_release_a_hold_on_record()
    {
        var api = portal.Api();
        var account = await api.AccountWithAsync(100);
        var hold = await api.HoldAsync(account, Profile);
        Assert.True(HoldId.TryParse(hold.String("id"), out var id));
        Assert.True(IdempotencyKey.TryParse("page:1", out var key));
        var rule = portal.Services.GetRequiredService<StaffPostings>();

        Assert.IsType<PostResult.Posted>(await rule.ReleaseHoldAsync("user:ada", id, key));
        Assert.IsType<PostResult.Posted>(await rule.ReleaseHoldAsync("user:ada", id, key));

        Assert.Equal("released", (await api.GetReplyAsync($"holds/{hold.String("id")}")).String("status"));
        Assert.Equal(1L, await portal.ScalarAsync<long>("select count(*) from audit_entries where action = 'hold.released' and account_id = $1", id.Account.Value));
    }

    [Fact]
    public async Task Holds_are_listed_by_run_and_status()
    {
        var api = portal.Api();
        var account = await api.AccountWithAsync(100);
        var first = await api.HoldAsync(account, Profile + ""","run":"a" """);
        await api.HoldAsync(account, Profile + ""","run":"b" """);
        await api.PostAsync($"holds/{first.String("id")}/release", "{}", Api.NewKey());

        async Task<string[]> ListAsync(string query) => [.. (await api.GetReplyAsync($"accounts/{account}/holds{query}")).Json.GetProperty("data").EnumerateArray().Select(h => $"{h.GetProperty("run")} {h.GetProperty("status")}")];

        Assert.Equal(["b open", "a released"], await ListAsync(""));
        Assert.Equal(["a released"], await ListAsync("?run=a"));
        Assert.Equal(["b open"], await ListAsync("?status=open"));
        Assert.Equal(HttpStatusCode.BadRequest, (await api.GetReplyAsync($"accounts/{account}/holds?status=lost")).Status);
        Assert.Equal(HttpStatusCode.NotFound, (await api.GetReplyAsync("accounts/nobody-such/holds")).Status);
    }
}
