using System.Net;
using System.Net.Http.Json;
using BillingPortal.Tests.Gating;
using GatingApi = BillingPortal.Tests.Gating.Api;

namespace BillingPortal.Tests.Stories;

public sealed class AgentCreditsStoryPortal() : StoryPortal("agent-credits");

/// <summary>Rows B: a data product whose agents cost credits.</summary>
public sealed class AgentCreditsStory(AgentCreditsStoryPortal portal) : IClassFixture<AgentCreditsStoryPortal>
{
    [Fact] // B1
    public async Task Twenty_two_agents_cost_20_to_150_credits()
    {
        var costs = await portal.OpenAsync("action-costs");
        Assert.Equal(22, costs.Count);
        Assert.All(costs, c => Assert.InRange(c.GetProperty("price").GetDecimal(), 20m, 150m));
        Assert.Empty(new[] { "profile_my_data", "clean_my_data", "master_my_data" }.Except(costs.Select(c => c.GetProperty("action").GetString()!)));
    }

    [Fact] // B1
    public async Task An_edited_price_counts_for_the_next_charge_and_seeding_keeps_it()
    {
        var api = portal.Api();
        var account = await api.AccountWithAsync(1000);
        using var edited = await api.PutAsJsonAsync("admin/action-costs/forecast_my_data", new { price = 99 });
        Assert.Equal(99m, (await api.ChargeAsync(account, """ "action":"forecast_my_data" """)).Paid("credit"));

        using var seeded = await api.PostAsync(new Uri("admin/action-costs/seed", UriKind.Relative), null);
        Assert.Equal(HttpStatusCode.OK, seeded.StatusCode);
        Assert.Equal(99m, (await api.ChargeAsync(account, """ "action":"forecast_my_data" """)).Paid("credit"));
    }

    [Fact] // B2
    public async Task A_first_reading_finds_an_empty_wallet()
    {
        var status = await portal.StatusAsync("first-seen");
        Assert.Equal(0m, status.GetProperty("paid_credits").GetDecimal());
        Assert.Equal(1L, await portal.ScalarAsync<long>("select count(*) from ledger_heads h join accounts a using (account_id) where a.external_id = 'first-seen'"));
    }

    [Fact] // B3
    public async Task Too_few_credits_are_told_with_balance_price_and_what_is_missing()
    {
        var api = portal.Api();
        var account = await api.AccountWithAsync(40);
        var refused = await api.ChargeAsync(account, """ "action":"clean_my_data" """);
        Assert.Equal((HttpStatusCode.PaymentRequired, "BILLING_INSUFFICIENT_CREDITS"), (refused.Status, refused.ErrorCode));
        Assert.Equal((50m, 40m, 10m), (refused.Number("required"), refused.Number("available"), refused.Number("shortfall")));
        Assert.Equal(40m, await portal.BalanceAsync(account, "credit"));
        Assert.Equal(0, await portal.CountAsync("charges", account));
    }

    [Fact] // B4
    public async Task A_grant_by_an_admin_answers_with_the_new_balance()
    {
        var reply = await portal.Api().GrantAsync(GatingApi.NewAccount(), 1000);
        Assert.True(reply.Json.GetProperty("success").GetBoolean());
        Assert.Equal(1000m, reply.Number("new_balance"));
    }

    [Fact] // B5, B6
    public async Task A_bought_pack_runs_agents()
    {
        var account = GatingApi.NewAccount();
        await portal.BuyAsync(account, new { kind = "credits", pack = "starter" });
        Assert.Equal(1000m, await portal.BalanceAsync(account, "credit"));
        var charged = await portal.Api().ChargeAsync(account, """ "action":"master_my_data","quantity":2 """);
        Assert.Equal((HttpStatusCode.Created, 300m), (charged.Status, charged.Paid("credit")));
        Assert.Equal(700m, await portal.BalanceAsync(account, "credit"));
    }
}
