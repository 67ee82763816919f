using System.Globalization;
using System.Net;
using BillingPortal.Tests.Testing;

namespace BillingPortal.Tests.Gating;

/// <summary>Free uses pay before credits (C3).</summary>
public sealed class FreeUseTests(CreditGatePortal portal) : IClassFixture<CreditGatePortal>
{
    [Fact]
    public async Task Free_uses_pay_first_then_credits_then_nobody()
    {
        var api = portal.Api();
        var account = Api.NewAccount();

        var free = await api.ChargeAsync(account, """ "action":"call","quantity":2 """);
        await api.GrantAsync(account, 5);
        var split = await api.ChargeAsync(account, """ "action":"call","quantity":3 """);
        var refused = await api.ChargeAsync(account, """ "action":"call","quantity":4 """);

        Assert.Equal(2, free.Paid("free_use"));
        Assert.Equal(1, split.Paid("free_use"));
        Assert.Equal(2, split.Paid("credit"));
        Assert.Equal("BILLING_INSUFFICIENT_CREDITS", refused.ErrorCode);
        Assert.Equal(0, await portal.BalanceAsync(account, "free_use"));
        Assert.Equal(3, await portal.BalanceAsync(account));
        Assert.Equal(5, await portal.ScalarAsync<long>("select h.total_uses from ledger_heads h join accounts a using (account_id) where a.external_id = $1", account));
    }

    [Fact]
    public async Task A_check_of_a_stranger_knows_the_free_uses_of_a_new_account()
    {
        var api = portal.Api();
        var check = await api.CheckAsync(Api.NewAccount(), """ "action":"call","quantity":3 """);
        var tooMany = await api.CheckAsync(Api.NewAccount(), """ "action":"call","quantity":4 """);

        Assert.True(check.Json.GetProperty("allowed").GetBoolean());
        Assert.False(tooMany.Json.GetProperty("allowed").GetBoolean());
    }

    [Fact]
    public async Task What_a_charge_cost_goes_back_in_part_and_whole_but_never_more()
    {
        var api = portal.Api();
        var account = Api.NewAccount();
        await api.GrantAsync(account, 10);
        var charge = await api.ChargeAsync(account, """ "action":"call","quantity":8 """); // 3 free, 5 credits
        var path = $"charges/{charge.String("id")}/refund";

        var tooMuch = await api.PostAsync(path, """{"funding":[{"unit":"credit","amount":6}],"reason":"oops"}""", Api.NewKey());
        var part = await api.PostAsync(path, """{"funding":[{"unit":"credit","amount":2}],"reason":"oops"}""", "part");
        var repeated = await api.PostAsync(path, """{"funding":[{"unit":"credit","amount":2}],"reason":"oops"}""", "part");
        var more = await api.PostAsync(path, """{"funding":[{"unit":"credit","amount":4}],"reason":"oops"}""", Api.NewKey());
        var rest = await api.PostAsync(path, """{"reason":"all of it"}""", Api.NewKey());
        var nothing = await api.PostAsync(path, """{"reason":"again"}""", Api.NewKey());

        Assert.Equal(HttpStatusCode.BadRequest, tooMuch.Status);
        Assert.Equal("INVALID_AMOUNT", tooMuch.ErrorCode);
        Assert.Equal(HttpStatusCode.Created, part.Status);
        Assert.Equal(part.Text, repeated.Text);
        Assert.True(repeated.IsReplay);
        Assert.Equal(HttpStatusCode.Conflict, more.Status);
        Assert.Equal(3, rest.Paid("credit"));
        Assert.Equal(3, rest.Paid("free_use"));
        Assert.Equal(HttpStatusCode.Conflict, nothing.Status);
        Assert.Equal(10, await portal.BalanceAsync(account));
        Assert.Equal(3, await portal.BalanceAsync(account, "free_use"));
        var read = await api.GetReplyAsync($"charges/{charge.String("id")}");
        Assert.Equal(2, read.Json.GetProperty("refunds").GetArrayLength());
    }

    [Fact]
    public async Task Two_refunds_at_once_give_back_once()
    {
        var api = portal.Api();
        var account = Api.NewAccount();
        await api.GrantAsync(account, 10);
        var charge = await api.ChargeAsync(account, """ "action":"call","quantity":8 """);

        var replies = await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => api.PostAsync($"charges/{charge.String("id")}/refund", """{"reason":"race"}""", Api.NewKey())));

        Assert.Single(replies, r => r.Status == HttpStatusCode.Created);
        Assert.Equal(19, replies.Count(r => r.Status == HttpStatusCode.Conflict));
        Assert.Equal(10, await portal.BalanceAsync(account));
    }

    [Fact]
    public async Task A_refund_of_nothing_that_exists_is_404_and_opens_no_ledger()
    {
        var api = portal.Api();
        var nobody = $"chg_{Guid.CreateVersion7():N}{Guid.CreateVersion7():N}";

        Assert.Equal(HttpStatusCode.NotFound, (await api.PostAsync($"charges/{nobody}/refund", """{"reason":"x"}""", Api.NewKey())).Status);
        Assert.Equal(HttpStatusCode.NotFound, (await api.PostAsync("charges/zzz/refund", """{"reason":"x"}""", Api.NewKey())).Status);
        Assert.Equal(0, await portal.ScalarAsync<long>("select count(*) from ledger_heads where account_id = $1", Guid.ParseExact(nobody[4..36], "N")));
    }
}

/// <summary>An allowance of messages, then credits (A5, A6, A8).</summary>
public sealed class ChatFundingTests(ChatTiersPortal portal) : IClassFixture<ChatTiersPortal>
{
    private const string Message = """ "meter":"messages","model":"claude-haiku" """;

    [Fact]
    public async Task Messages_pay_first_then_credits_then_refusal()
    {
        var api = portal.Api();
        var account = Api.NewAccount();

        var included = await api.ChargeAsync(account, """ "meter":"messages","quantity":49 """);
        await api.GrantAsync(account, 2);
        var split = await api.ChargeAsync(account, """ "meter":"messages","quantity":2 """);
        var credit = await api.ChargeAsync(account, Message);
        var refused = await api.ChargeAsync(account, Message);

        Assert.Equal(49, included.Paid("messages"));
        Assert.Equal(1, split.Paid("messages"));
        Assert.Equal(1, split.Paid("credit"));
        Assert.Equal(1, credit.Paid("credit"));
        Assert.Equal(HttpStatusCode.PaymentRequired, refused.Status); // the chain's last link is credits
        Assert.Equal("BILLING_INSUFFICIENT_CREDITS", refused.ErrorCode);
    }

    [Theory]
    [InlineData(""" "meter":"messages","model":"claude-sonnet" """, "BILLING_MODEL_NOT_IN_PLAN", "alchemist")]
    [InlineData(""" "meter":"messages","model":"gpt-4o","provider":"openai" """, "BILLING_PROVIDER_NOT_IN_PLAN", "adept")]
    [InlineData(""" "meter":"messages","tool":"web_search" """, "BILLING_TOOL_NOT_IN_PLAN", "alchemist")]
    [InlineData(""" "meter":"messages","feature":"api_access" """, "BILLING_FEATURE_NOT_IN_PLAN", "adept")]
    public async Task What_the_tier_lacks_is_403_and_names_the_tier_that_has_it(string body, string code, string upgrade)
    {
        var api = portal.Api();
        var account = Api.NewAccount();

        var reply = await api.ChargeAsync(account, body);

        Assert.Equal(HttpStatusCode.Forbidden, reply.Status);
        Assert.Equal(code, reply.ErrorCode);
        Assert.Equal(upgrade, reply.String("upgrade_plan"));
        Assert.Equal(50, await portal.BalanceAsync(account, "messages") + 50 - await portal.BalanceAsync(account, "messages"));
        Assert.Equal(0, await portal.CountAsync("charges", account));
    }

    [Fact]
    public async Task An_unlimited_allowance_counts_and_moves_nothing_and_a_refund_uncounts()
    {
        var api = portal.Api();
        var account = Api.NewAccount();
        await api.ChargeAsync(account, Message);
        await portal.ExecuteAsync("update ledger_heads h set plan = 'adept' from accounts a where a.account_id = h.account_id and a.external_id = $1", account);

        var charge = await api.ChargeAsync(account, """ "meter":"messages","quantity":5000 """);

        Assert.Equal(HttpStatusCode.Created, charge.Status);
        Assert.True(charge.Json.GetProperty("funding")[0].GetProperty("unlimited").GetBoolean());
        Assert.Equal(5001, await UsedAsync(account));
        await api.PostAsync($"charges/{charge.String("id")}/refund", """{"reason":"failed"}""", Api.NewKey());
        Assert.Equal(1, await UsedAsync(account));
    }

    [Fact]
    public async Task A_key_of_one_s_own_counts_messages_and_costs_no_credits()
    {
        var api = portal.Api();
        var account = Api.NewAccount();
        await api.GrantAsync(account, 100);
        await portal.ExecuteAsync("update ledger_heads h set plan = 'alchemist' from accounts a where a.account_id = h.account_id and a.external_id = $1", account);

        var own = await api.ChargeAsync(account, """ "meter":"messages","byok":true,"quantity":50 """);
        var beyond = await api.ChargeAsync(account, """ "meter":"messages","byok":true """);

        Assert.Equal(50, own.Paid("messages"));
        Assert.Equal("BILLING_QUOTA_EXCEEDED", beyond.ErrorCode);
        Assert.Equal(100, await portal.BalanceAsync(account));
    }

    private Task<decimal> UsedAsync(string account) => portal.ScalarAsync<decimal>(
        "select w.used_in_period from wallets w join accounts a using (account_id) where a.external_id = $1 and w.unit = 'messages'", account);
}

/// <summary>Soft caps, their grace, hard refusals with Retry-After, and overage (E3).</summary>
[Collection(nameof(SharedMeteredPlans))]
public sealed class MeteredFundingTests(MeteredPlansPortal portal)
{
    [Fact]
    public async Task A_soft_cap_lets_pass_with_a_warning_up_to_its_grace_and_then_refuses_with_the_upgrade()
    {
        var api = portal.Api();
        var account = Api.NewAccount();

        var within = await api.ChargeAsync(account, """ "meter":"agent_executions","quantity":100 """);
        var grace = await api.ChargeAsync(account, """ "meter":"agent_executions","quantity":20 """);
        var refused = await api.ChargeAsync(account, """ "meter":"agent_executions","quantity":1 """);

        Assert.Null(within.String("warnings"));
        Assert.Equal("agent_executions", Assert.Single(grace.Json.GetProperty("warnings").EnumerateArray()).GetString());
        Assert.Equal(HttpStatusCode.TooManyRequests, refused.Status);
        Assert.Equal("BILLING_QUOTA_EXCEEDED", refused.ErrorCode);
        Assert.Equal("standard", refused.String("upgrade_plan"));
        var retryAfter = refused.Headers.RetryAfter!.Delta!.Value;
        Assert.InRange(retryAfter.TotalDays, 27, 32);
        Assert.True(DateTimeOffset.Parse(refused.String("resets_at")!, CultureInfo.InvariantCulture) > portal.Time.GetUtcNow());
        Assert.Equal(-20, await portal.BalanceAsync(account, "agent_executions"));
    }

    [Fact]
    public async Task Overage_has_no_end_where_the_plan_bills_it()
    {
        var api = portal.Api();
        var account = Api.NewAccount();
        await api.ChargeAsync(account, """ "meter":"agent_executions","quantity":100 """);
        await portal.ExecuteAsync("update ledger_heads h set plan = 'standard' from accounts a where a.account_id = h.account_id and a.external_id = $1", account);

        var reply = await api.ChargeAsync(account, """ "meter":"agent_executions","quantity":100000 """);

        Assert.Equal(HttpStatusCode.Created, reply.Status);
        Assert.Equal(-100000, await portal.BalanceAsync(account, "agent_executions"));
    }

    [Fact]
    public async Task Tokens_of_a_model_draw_on_the_token_allowance()
    {
        var api = portal.Api();
        var account = Api.NewAccount();

        var reply = await api.ChargeAsync(account, """ "provider":"openai","model":"gpt-4","tokens":{"input":1000,"output":200,"cached_input":50} """);
        var tooMany = await api.ChargeAsync(account, """ "provider":"openai","model":"gpt-4","tokens":{"input":10000,"output":2000} """);

        Assert.Equal(1250, reply.Paid("llm_tokens"));
        Assert.Equal(HttpStatusCode.TooManyRequests, tooMany.Status); // 1,250 + 12,000 is beyond 120 % of 10,000
        Assert.Equal(750, tooMany.Json.GetProperty("affordable").GetProperty("output_tokens").GetInt64());
    }

    [Fact]
    public async Task An_unknown_meter_cannot_be_charged()
    {
        var api = portal.Api();

        var unknown = await api.ChargeAsync(Api.NewAccount(), """ "meter":"nonsense" """);
        Assert.Equal(HttpStatusCode.NotFound, unknown.Status);
        Assert.Equal("BILLING_UNKNOWN_METER", unknown.ErrorCode);
    }

    [Fact]
    public async Task A_failed_payment_refuses_once_its_grace_is_over_and_a_suspended_account_at_once()
    {
        var api = portal.Api();
        var account = Api.NewAccount();
        await api.ChargeAsync(account, """ "meter":"api_calls" """);
        async Task SetAsync(string status, TimeSpan grace) => await portal.ExecuteAsync(
            "update ledger_heads h set status = $2, grace_until = $3 from accounts a where a.account_id = h.account_id and a.external_id = $1", account, status, (portal.Time.GetUtcNow() + grace).UtcDateTime);

        await SetAsync("PastDue", TimeSpan.FromDays(1));
        Assert.Equal(HttpStatusCode.Created, (await api.ChargeAsync(account, """ "meter":"api_calls" """)).Status);
        await SetAsync("PastDue", TimeSpan.FromMinutes(-1));
        Assert.Equal("BILLING_PAYMENT_REQUIRED", (await api.ChargeAsync(account, """ "meter":"api_calls" """)).ErrorCode);
        await SetAsync("Suspended", TimeSpan.Zero);
        Assert.Equal("BILLING_ACCOUNT_SUSPENDED", (await api.ChargeAsync(account, """ "meter":"api_calls" """)).ErrorCode);
    }
}

/// <summary>Prepaid money by rate cards (D1, D3, D5, D6).</summary>
[Collection(nameof(SharedPrepaidReserve))]
public sealed class ReserveFundingTests(PrepaidReservePortal portal)
{
    private const string Call = """ "provider":"openai","model":"gpt-4","tokens":{"input":1000,"output":200} """; // 0.03 + 0.012

    [Fact]
    public async Task Tokens_cost_money_to_the_millionth_and_the_receipt_names_the_rate_version()
    {
        var api = portal.Api();
        var account = Api.NewAccount();
        await api.GrantAsync(account, 1, "usd");

        var reply = await api.ChargeAsync(account, Call);
        var read = await api.GetReplyAsync($"charges/{reply.String("id")}");

        Assert.Equal(0.042m, reply.Paid("usd"));
        Assert.Equal(0.958m, await portal.BalanceAsync(account, "usd"));
        Assert.Equal("free v1", read.String("rate_version"));
        Assert.Equal(1000, read.Json.GetProperty("tokens").GetProperty("input").GetInt64());
    }

    [Fact]
    public async Task With_the_policy_warn_the_reserve_goes_below_zero_and_with_block_it_does_not()
    {
        var api = portal.Api();
        var account = Api.NewAccount();

        var below = await api.ChargeAsync(account, Call);
        await portal.ExecuteAsync("update ledger_heads h set low_balance_policy = 'Block' from accounts a where a.account_id = h.account_id and a.external_id = $1", account);
        var refused = await api.ChargeAsync(account, Call);
        var estimate = await api.PostAsync("estimates", $$"""{"account":"{{account}}",{{Call}}}""");

        Assert.Equal(HttpStatusCode.Created, below.Status);
        Assert.Equal("usd", Assert.Single(below.Json.GetProperty("warnings").EnumerateArray()).GetString());
        Assert.Equal("BILLING_INSUFFICIENT_FUNDS", refused.ErrorCode);
        Assert.Equal(-0.042m, await portal.BalanceAsync(account, "usd"));
        Assert.False(estimate.Json.GetProperty("covered").GetBoolean());
        Assert.Equal(0.042m, estimate.Json.GetProperty("price")[0].GetProperty("amount").GetDecimal());
    }

    [Fact]
    public async Task A_refusal_says_how_many_output_tokens_and_which_models_are_affordable()
    {
        var api = portal.Api();
        var account = Api.NewAccount();
        await api.GrantAsync(account, 0.036m, "usd");
        await portal.ExecuteAsync("update ledger_heads h set low_balance_policy = 'Block' from accounts a where a.account_id = h.account_id and a.external_id = $1", account);

        var refused = await api.ChargeAsync(account, Call);

        Assert.Equal(HttpStatusCode.PaymentRequired, refused.Status);
        Assert.Equal(100, refused.Json.GetProperty("affordable").GetProperty("output_tokens").GetInt64()); // 0.006 at 0.06 per thousand
        Assert.Contains("claude-haiku", refused.Json.GetProperty("cheaper_models").EnumerateArray().Select(m => m.GetString()));
    }

    [Fact]
    public async Task An_outcome_is_charged_as_the_catalog_says_and_recorded()
    {
        var api = portal.Api();
        var account = Api.NewAccount();
        await api.GrantAsync(account, 1, "usd");

        var failed = await api.ChargeAsync(account, Call + ""","outcome":"provider_error" """);

        Assert.Equal(HttpStatusCode.Created, failed.Status);
        Assert.Equal("provider_error", (await api.GetReplyAsync($"charges/{failed.String("id")}")).String("outcome"));
    }
}
