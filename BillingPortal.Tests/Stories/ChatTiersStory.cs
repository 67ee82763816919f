using System.Net;
using BillingPortal.Tests.Gating;
using GatingApi = BillingPortal.Tests.Gating.Api;

namespace BillingPortal.Tests.Stories;

public sealed class ChatTiersStoryPortal() : StoryPortal("chat-tiers");

/// <summary>Rows A: a chat product with tiers, model gating and credits as overflow.</summary>
public sealed class ChatTiersStory(ChatTiersStoryPortal portal) : IClassFixture<ChatTiersStoryPortal>
{
    private const string Message = """ "meter":"messages","quantity":1,"model":"claude-haiku","provider":"anthropic" """;

    [Fact] // A1, A2
    public async Task The_three_tiers_are_on_the_price_list_for_everyone()
    {
        var plans = await portal.OpenAsync("plans");
        Assert.Equal(["seeker", "alchemist", "adept"], plans.Select(p => p.GetProperty("id").GetString()));
        Assert.Empty(plans[0].GetProperty("prices").EnumerateArray());
        Assert.Equal([9.99m, 29.99m], plans.Skip(1).Select(p => p.GetProperty("prices")[0].GetProperty("amount").GetDecimal()));
        Assert.All(plans.Skip(1), p => Assert.True(p.GetProperty("prices")[1].GetProperty("amount").GetDecimal() < 12 * p.GetProperty("prices")[0].GetProperty("amount").GetDecimal()));
        Assert.Equal([50m, 1000m], plans.Take(2).Select(p => p.GetProperty("allowances")[0].GetProperty("included").GetDecimal()));
        Assert.True(plans[2].GetProperty("allowances")[0].GetProperty("unlimited").GetBoolean());
        Assert.Equal([false, true, true], plans.Select(p => p.GetProperty("bring_your_own_key").GetBoolean()));
        Assert.Contains("api_access", plans[2].GetProperty("features").EnumerateArray().Select(f => f.GetProperty("id").GetString()));

        var packs = await portal.OpenAsync("credit-packs");
        Assert.Equal([(5m, 500m), (20m, 2500m)], packs.Select(p => (p.GetProperty("price").GetDecimal(), p.GetProperty("total_credits").GetDecimal())));
        Assert.Equal((2000m, 500m), (packs[1].GetProperty("credits").GetDecimal(), packs[1].GetProperty("bonus").GetDecimal()));
    }

    [Fact] // A1
    public async Task A_new_account_stands_on_seeker_at_once_without_stripe()
    {
        var status = await portal.StatusAsync("newcomer");
        Assert.Equal("seeker", status.GetProperty("plan").GetString());
        var messages = status.GetProperty("allowances")[0];
        Assert.Equal((50m, 0m), (messages.GetProperty("included").GetDecimal(), messages.GetProperty("used").GetDecimal()));
        Assert.Equal(0L, await portal.ScalarAsync<long>("select count(*) from stripe_customers c join accounts a using (account_id) where a.external_id = 'newcomer'"));
    }

    [Theory] // A5, A8
    [InlineData(""" "meter":"messages","model":"claude-sonnet" """, "BILLING_MODEL_NOT_IN_PLAN", "alchemist")]
    [InlineData(""" "meter":"messages","model":"claude-opus" """, "BILLING_MODEL_NOT_IN_PLAN", "adept")]
    [InlineData(""" "meter":"messages","model":"gpt-4" """, "BILLING_PROVIDER_NOT_IN_PLAN", "adept")]
    [InlineData(""" "meter":"messages","provider":"deepseek" """, "BILLING_PROVIDER_NOT_IN_PLAN", "adept")]
    [InlineData(""" "meter":"messages","tool":"web_search" """, "BILLING_TOOL_NOT_IN_PLAN", "alchemist")]
    [InlineData(""" "meter":"messages","feature":"api_access" """, "BILLING_FEATURE_NOT_IN_PLAN", "adept")]
    [InlineData(""" "meter":"messages","model":"claude-haiku","byok":true """, "BILLING_FEATURE_NOT_IN_PLAN", "alchemist")]
    public async Task A_seeker_is_told_which_tier_would_allow_it(string asked, string code, string upgrade)
    {
        var account = GatingApi.NewAccount();
        var refused = await portal.Api().ChargeAsync(account, asked);
        Assert.Equal((HttpStatusCode.Forbidden, code, upgrade), (refused.Status, refused.ErrorCode, refused.String("upgrade_plan")));
        Assert.Equal(0, await portal.CountAsync("charges", account));
    }

    [Fact] // A3, A6, A11
    public async Task Credits_pay_when_the_messages_are_used_up_and_after_them_it_is_refused()
    {
        var api = portal.Api();
        var account = GatingApi.NewAccount();
        for (var i = 0; i < 50; i++)
        {
            Assert.Equal(HttpStatusCode.Created, (await api.ChargeAsync(account, Message)).Status);
        }

        var refused = await api.ChargeAsync(account, Message);
        Assert.Equal((HttpStatusCode.PaymentRequired, "BILLING_INSUFFICIENT_CREDITS"), (refused.Status, refused.ErrorCode));

        await portal.BuyAsync(account, new { kind = "credits", pack = "credits_500" });
        var paid = await api.ChargeAsync(account, Message);
        Assert.Equal((HttpStatusCode.Created, 1m), (paid.Status, paid.Paid("credit")));

        Assert.Equal(50m, (await portal.StatusAsync(account)).GetProperty("allowances")[0].GetProperty("used").GetDecimal());
        var rows = await portal.LedgerAsync(account, "credit");
        Assert.Equal(["top_up", "charge"], rows.Select(r => r.GetProperty("kind").GetString()));
        Assert.Equal([500m, 499m], rows.Select(r => r.GetProperty("balance_after").GetDecimal()));
        Assert.Equal([500m, -1m], rows.Select(r => r.GetProperty("amount").GetDecimal()));
        Assert.Equal(51, (await portal.LedgerAsync(account, "messages")).Count);
    }

    [Fact] // A3, A5, A8
    public async Task An_alchemist_may_do_more_and_own_keys_cost_no_credits()
    {
        var api = portal.Api();
        var account = GatingApi.NewAccount();
        await api.GrantAsync(account, 10);
        await portal.BuyAsync(account, new { kind = "subscription", plan = "alchemist", interval = "month" });

        var status = await portal.StatusAsync(account);
        Assert.Equal(("alchemist", 1000m), (status.GetProperty("plan").GetString(), status.GetProperty("allowances")[0].GetProperty("included").GetDecimal()));
        Assert.Equal(HttpStatusCode.Created, (await api.ChargeAsync(account, """ "meter":"messages","model":"claude-sonnet","tool":"web_search" """)).Status);
        Assert.Equal("BILLING_MODEL_NOT_IN_PLAN", (await api.ChargeAsync(account, """ "meter":"messages","model":"claude-opus" """)).ErrorCode);

        var own = await api.ChargeAsync(account, """ "meter":"messages","model":"claude-haiku","byok":true """);
        Assert.Equal((HttpStatusCode.Created, 1m, 0m), (own.Status, own.Paid("messages"), own.Paid("credit")));
        Assert.Equal(10m, await portal.BalanceAsync(account, "credit"));
    }

    [Fact] // A1, A6
    public async Task An_adept_writes_without_end_and_every_message_is_counted()
    {
        var api = portal.Api();
        var account = GatingApi.NewAccount();
        await portal.BuyAsync(account, new { kind = "subscription", plan = "adept", interval = "year" });
        Assert.Equal(HttpStatusCode.Created, (await api.ChargeAsync(account, """ "meter":"messages","quantity":100000,"model":"qwen-max","feature":"api_access" """)).Status);
        var messages = (await portal.StatusAsync(account)).GetProperty("allowances")[0];
        Assert.Equal(("unlimited", 100000m), (messages.GetProperty("cap").GetString(), messages.GetProperty("used").GetDecimal()));
    }

    [Fact] // A7
    public async Task Providers_and_models_are_listed_with_the_cost_of_each_kind_of_token()
    {
        Assert.Equal(["anthropic", "openai", "deepseek", "groq", "together", "qwen"], (await portal.OpenAsync("providers")).Select(p => p.GetProperty("id").GetString()));
        var deepseek = (await portal.OpenAsync("models?provider=deepseek"))[0];
        var price = deepseek.GetProperty("provider_price");
        Assert.Equal((0.28m, 0.42m, 0.028m), (price.GetProperty("input").GetDecimal(), price.GetProperty("output").GetDecimal(), price.GetProperty("cached_input").GetDecimal()));
        Assert.True(deepseek.GetProperty("available").GetBoolean());
        Assert.Equal(["ours", "yours"], deepseek.GetProperty("keys").EnumerateArray().Select(k => k.GetString()));
    }
}
