using System.Net;
using BillingPortal.Tests.Gating;
using BillingPortal.Tests.Testing;
using GatingApi = BillingPortal.Tests.Gating.Api;

namespace BillingPortal.Tests.Subscriptions;

/// <summary>Plan, prices, allowances and features of one customer alone (E12).</summary>
[Collection(nameof(SharedMeteredPlans))]
public sealed class OverridesTests(MeteredPlansPortal portal)
{
    private const string OwnCalls = """{"allowances":[{"meter":"api_calls","included":5000}]}""";

    [Fact]
    public async Task An_own_allowance_holds_at_once_and_settles_as_a_change_of_plan_does()
    {
        var api = portal.Api();
        var account = GatingApi.NewAccount();
        await api.ChargeAsync(account, """ "meter":"api_calls","quantity":900 """);

        var set = await api.PutAsync($"accounts/{account}/overrides", OwnCalls);
        var read = await api.GetReplyAsync($"accounts/{account}/overrides");

        Assert.Equal(HttpStatusCode.OK, set.Status);
        Assert.Equal(1, set.Number("version"));
        Assert.Equal(set.Text, read.Text);
        Assert.Equal(4100, await portal.BalanceAsync(account, "api_calls"));
        Assert.Equal(HttpStatusCode.Created, (await api.ChargeAsync(account, """ "meter":"api_calls","quantity":4100 """)).Status);
        // The own limit is a hard one; the plan's would have let 20 % more pass.
        Assert.Equal("BILLING_QUOTA_EXCEEDED", (await api.ChargeAsync(account, """ "meter":"api_calls","quantity":1 """)).ErrorCode);
        var limits = (await api.GetReplyAsync($"accounts/{account}/entitlements")).Json.GetProperty("limits").EnumerateArray();
        Assert.Equal(5000, limits.Single(l => l.GetProperty("meter").GetString() == "api_calls").GetProperty("included").GetDecimal());
        Assert.Equal(1, await portal.ScalarAsync<long>("select count(*) from audit_entries e join accounts a using (account_id) where a.external_id = $1 and e.action = 'overrides.changed'", account));
    }

    [Fact]
    public async Task Taken_away_it_is_as_the_plan_says_and_going_to_and_fro_gains_nothing()
    {
        var api = portal.Api();
        var account = GatingApi.NewAccount();
        await api.ChargeAsync(account, """ "meter":"api_calls","quantity":700 """);
        for (var i = 0; i < 3; i++)
        {
            Assert.Equal(HttpStatusCode.OK, (await api.PutAsync($"accounts/{account}/overrides", OwnCalls)).Status);
            Assert.Equal(HttpStatusCode.OK, (await api.PutAsync($"accounts/{account}/overrides", "{}")).Status);
        }

        Assert.Equal(300, await portal.BalanceAsync(account, "api_calls"));
        Assert.False((await api.GetReplyAsync($"accounts/{account}/entitlements")).Json.TryGetProperty("overrides_version", out _));
    }

    [Fact]
    public async Task A_customer_may_stand_on_another_plan_than_subscribed_with_entitlements_of_their_own()
    {
        var api = portal.Api();
        var account = GatingApi.NewAccount();
        Assert.Equal("BILLING_FEATURE_NOT_IN_PLAN", (await api.ChargeAsync(account, """ "meter":"api_calls","feature":"sso" """)).ErrorCode);

        await api.PutAsync($"accounts/{account}/overrides", """{"plan":"standard","features":["sso"],"models":["gpt-4o*"]}""");

        Assert.Equal("standard", (await api.GetReplyAsync($"accounts/{account}")).String("plan"));
        Assert.Equal(HttpStatusCode.Created, (await api.ChargeAsync(account, """ "meter":"api_calls","feature":"sso" """)).Status);
        Assert.Equal("BILLING_MODEL_NOT_IN_PLAN", (await api.ChargeAsync(account, """ "meter":"api_calls","model":"claude-opus" """)).ErrorCode);
        Assert.Equal(99_999, await portal.BalanceAsync(account, "api_calls"));
    }

    [Fact]
    public async Task Overrides_made_of_an_old_version_are_refused()
    {
        var api = portal.Api();
        var account = GatingApi.NewAccount();
        await api.ChargeAsync(account, """ "meter":"api_calls" """);
        await api.PutAsync($"accounts/{account}/overrides", OwnCalls);
        await api.PutAsync($"accounts/{account}/overrides", """{"version":1,"plan":"standard"}""");

        var late = await api.PutAsync($"accounts/{account}/overrides", """{"version":1,"plan":"enterprise"}""");

        Assert.Equal((HttpStatusCode.Conflict, "CONFLICT"), (late.Status, late.ErrorCode));
        Assert.Equal("standard", (await api.GetReplyAsync($"accounts/{account}/overrides")).String("plan"));
    }

    public static TheoryData<string, string> Wrong => new()
    {
        { """{"allowances":[{"meter":"api_cals","included":1}]}""", "allowances[0].meter" },
        { """{"allowances":[{"meter":"api_calls","included":-1}]}""", "allowances[0].included" },
        { """{"allowances":[{"meter":"api_calls","included":0.1234567}]}""", "allowances[0].included" },
        { """{"plan":"gold"}""", "plan" },
        { """{"features":["flight"]}""", "features[0]" },
        { """{"price":{}}""", "price" },
        { """{"prices":{"actions":[{"action":"nothing","price":1}]}}""", "prices.actions[0].action" },
        { """{"prices":{"models":[{"provider":"nobody","model":"x","prices":{"input":1,"output":1}}]}}""", "prices.models[0].provider" },
        { """{"rate_card":"none"}""", "rate_card" },
        { """{"funding":{"seats":[{"wallet":"credit"}]}}""", "funding.seats" },
        { """[]""", "body" },
        { """{"plan":""", "body" },
    };

    [Theory, MemberData(nameof(Wrong))]
    public async Task What_is_wrong_is_400_with_its_place_and_changes_nothing(string body, string path)
    {
        var api = portal.Api();
        var account = GatingApi.NewAccount();
        await api.ChargeAsync(account, """ "meter":"api_calls" """);
        var refused = await api.PutAsync($"accounts/{account}/overrides", body);
        Assert.Equal((HttpStatusCode.BadRequest, "INVALID_REQUEST"), (refused.Status, refused.ErrorCode));
        Assert.True(refused.Json.GetProperty("errors").TryGetProperty(path, out _), refused.Text);
        Assert.Equal("{}", (await api.GetReplyAsync($"accounts/{account}/overrides")).Text.Replace("\n", "", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Nobody_but_an_admin_reads_or_sets_them()
    {
        var api = portal.Api();
        var account = GatingApi.NewAccount();
        await api.ChargeAsync(account, """ "meter":"api_calls" """);
        var made = await api.PostAsync("admin/api-keys", """{"name":"gate only","scopes":["gate","read","accounts"]}""");
        var gate = portal.Api(made.String("secret")!);
        Assert.Equal(HttpStatusCode.Forbidden, (await gate.GetReplyAsync($"accounts/{account}/overrides")).Status);
        Assert.Equal(HttpStatusCode.Forbidden, (await gate.PutAsync($"accounts/{account}/overrides", OwnCalls)).Status);
        Assert.Equal(HttpStatusCode.NotFound, (await api.PutAsync($"accounts/{GatingApi.NewAccount()}/overrides", OwnCalls)).Status);
    }
}

/// <summary>Own prices come before the rate card's and the action costs (D4).</summary>
[Collection(nameof(SharedPrepaidReserve))]
public sealed class OwnPricesTests(PrepaidReservePortal portal)
{
    [Fact]
    public async Task An_own_rate_prices_the_call_and_stands_on_the_receipt()
    {
        var api = portal.Api();
        var account = GatingApi.NewAccount();
        await api.GrantAsync(account, 10, "usd");
        const string Call = """ "provider":"openai","model":"gpt-4","tokens":{"input":1000,"output":1000} """;
        var before = await api.ChargeAsync(account, Call);
        await api.PutAsync($"accounts/{account}/overrides", """{"prices":{"models":[{"provider":"openai","model":"gpt-4*","prices":{"input":0.01,"output":0.02,"per":1000}}]}}""");

        var after = await api.ChargeAsync(account, Call);
        var other = await api.ChargeAsync(GatingApi.NewAccount(), Call);

        Assert.Equal(0.03m, after.Paid("usd"));
        Assert.Equal(before.Paid("usd"), other.Paid("usd"));
        Assert.NotEqual(0.03m, other.Paid("usd"));
        Assert.Equal("own v1", (await api.GetReplyAsync($"charges/{after.String("id")}")).String("rate_version"));
        Assert.Equal(before.Paid("usd"), (await api.GetReplyAsync($"charges/{before.String("id")}")).Paid("usd"));
    }
}
