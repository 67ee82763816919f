using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using BillingPortal.Tests.Gating;
using GatingApi = BillingPortal.Tests.Gating.Api;

namespace BillingPortal.Tests.Stories;

public sealed class CreditGateStoryPortal() : StoryPortal("credit-gate");

/// <summary>Rows C: a gating service for a fleet of agents.</summary>
public sealed class CreditGateStory(CreditGateStoryPortal portal) : IClassFixture<CreditGateStoryPortal>
{
    private const string Call = """ "action":"call" """;

    [Fact] // C3
    public async Task Three_calls_are_free_then_credits_pay_one_each_and_all_are_counted()
    {
        var api = portal.Api();
        var account = GatingApi.NewAccount();
        Assert.Equal(3m, (await portal.StatusAsync(account)).GetProperty("free_uses_remaining").GetDecimal());
        for (var i = 0; i < 3; i++)
        {
            var free = await api.ChargeAsync(account, Call);
            Assert.Equal((1m, 0m), (free.Paid("free_use"), free.Paid("credit")));
        }

        Assert.Equal("BILLING_INSUFFICIENT_CREDITS", (await api.ChargeAsync(account, Call)).ErrorCode);
        await api.GrantAsync(account, 2);
        Assert.Equal(1m, (await api.ChargeAsync(account, Call)).Paid("credit"));

        var status = await portal.StatusAsync(account);
        Assert.Equal((0m, 1m, 4L), (status.GetProperty("free_uses_remaining").GetDecimal(), status.GetProperty("paid_credits").GetDecimal(), status.GetProperty("total_uses").GetInt64()));
    }

    [Fact] // C3
    public async Task Free_uses_are_spent_before_paid_credits()
    {
        var api = portal.Api();
        var account = await api.AccountWithAsync(10);
        var charged = await api.ChargeAsync(account, """ "action":"call","quantity":5 """);
        Assert.Equal((3m, 2m), (charged.Paid("free_use"), charged.Paid("credit")));
    }

    [Fact] // C4
    public async Task Credits_and_money_never_mix()
    {
        var api = portal.Api();
        var account = GatingApi.NewAccount();
        await portal.BuyAsync(account, new { kind = "reserve", amount = 25 });
        await api.ChargeAsync(account, """ "action":"call","quantity":3 """);
        Assert.Equal("BILLING_INSUFFICIENT_CREDITS", (await api.ChargeAsync(account, Call)).ErrorCode);
        Assert.Equal((25m, 0m), (await portal.BalanceAsync(account, "usd"), await portal.BalanceAsync(account, "credit")));
    }

    [Fact] // C1
    public async Task A_key_is_shown_once_kept_as_a_hash_scoped_and_dead_when_revoked()
    {
        using var made = await portal.Api().PostAsJsonAsync("admin/api-keys", new { name = "Fleet", scopes = new[] { "gate" } });
        var key = await made.Content.ReadFromJsonAsync<JsonElement>();
        var secret = key.GetProperty("secret").GetString()!;
        var fleet = portal.Api(secret);
        var account = GatingApi.NewAccount();
        Assert.Equal(HttpStatusCode.Created, (await fleet.ChargeAsync(account, Call)).Status);
        Assert.Equal("FORBIDDEN_SCOPE", (await fleet.PostAsync("admin/grants", $$"""{"account":"{{account}}","amount":5,"reason":"x"}""", GatingApi.NewKey())).ErrorCode);
        Assert.Equal(0L, await portal.ScalarAsync<long>("select count(*) from api_keys k where k::text like '%' || $1 || '%'", secret));

        using var revoked = await portal.Api().DeleteAsync(new Uri($"admin/api-keys/{key.GetProperty("id").GetString()}", UriKind.Relative));
        Assert.True(revoked.IsSuccessStatusCode);
        Assert.Equal("UNAUTHENTICATED", (await fleet.ChargeAsync(account, Call)).ErrorCode);
    }
}
