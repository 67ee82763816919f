using System.Net;
using BillingPortal.Tests.Testing;

namespace BillingPortal.Tests.Gating;

[Collection(nameof(SharedMeteredPlans))]
public sealed class StaffPostingTests(MeteredPlansPortal portal)
{
    [Fact]
    public async Task A_grant_answers_with_the_new_balance_and_is_audited_once()
    {
        var api = portal.Api();
        var account = Api.NewAccount();

        var first = await api.GrantAsync(account, 1000, key: "g");
        var again = await api.GrantAsync(account, 1000, key: "g");

        Assert.True(first.Json.GetProperty("success").GetBoolean());
        Assert.Equal(1000, first.Number("new_balance"));
        Assert.StartsWith("tr_", first.String("transfer_id"));
        Assert.Equal(first.Text, again.Text);
        Assert.True(again.IsReplay);
        Assert.Equal(1000, await portal.BalanceAsync(account));
        Assert.Equal(1, await AuditsAsync(account, "grant.given"));
    }

    [Fact]
    public async Task An_adjustment_goes_up_and_down_with_its_reason_but_not_below_the_floor()
    {
        var api = portal.Api();
        var account = Api.NewAccount();
        Task<Reply> Adjust(string amount) => api.PostAsync("admin/adjustments", $$"""{"account":"{{account}}","unit":"credit","amount":{{amount}},"reason":"count was wrong"}""", Api.NewKey());

        Assert.Equal(50, (await Adjust("50")).Number("new_balance"));
        Assert.Equal(20, (await Adjust("-30")).Number("new_balance"));
        var refused = await Adjust("-20.5");

        Assert.Equal("BILLING_INSUFFICIENT_CREDITS", refused.ErrorCode);
        Assert.Equal(20, await portal.BalanceAsync(account));
        Assert.Equal(2, await AuditsAsync(account, "adjustment.made"));
    }

    [Theory]
    [InlineData("admin/grants", """{"account":"ACC","amount":5}""", "reason")]
    [InlineData("admin/grants", """{"account":"ACC","amount":5,"reason":"   "}""", "reason")]
    [InlineData("admin/grants", """{"account":"ACC","reason":"x"}""", "amount")]
    [InlineData("admin/grants", """{"account":"ACC","amount":0,"reason":"x"}""", "amount")]
    [InlineData("admin/grants", """{"account":"ACC","amount":-5,"reason":"x"}""", "amount")]
    [InlineData("admin/grants", """{"account":"ACC","amount":5e9,"reason":"x"}""", "amount")]
    [InlineData("admin/grants", """{"account":"ACC","amount":0.5,"unit":"free_use","reason":"x"}""", "amount")]
    [InlineData("admin/grants", """{"account":"ACC","amount":5,"unit":"nonsense","reason":"x"}""", "unit")]
    [InlineData("admin/grants", """{"account":"ACC","amount":5,"unit":"seats","reason":"x"}""", "unit")]
    [InlineData("admin/grants", """{"account":"ACC","amount":5,"unit":"xyz","reason":"x"}""", "unit")]
    [InlineData("admin/grants", """{"account":"ACC","amount":5,"reason":"x","expires_at":"2020-01-01T00:00:00Z"}""", "expires_at")]
    [InlineData("admin/grants", """{"account":"ACC","amount":5,"reason":"x","source":"plan"}""", "source")]
    [InlineData("admin/grants", """{"account":"ACC","amount":5,"reason":"x","new_balance":1}""", "new_balance")]
    [InlineData("admin/grants", """{"amount":5,"reason":"x"}""", "account")]
    [InlineData("admin/adjustments", """{"account":"ACC","unit":"credit","amount":5}""", "reason")]
    [InlineData("admin/adjustments", """{"account":"ACC","amount":5,"reason":"x"}""", "unit")]
    [InlineData("admin/adjustments", """{"account":"ACC","unit":"credit","amount":0,"reason":"x"}""", "amount")]
    [InlineData("admin/adjustments", """{"account":"ACC","unit":"credit","amount":-1000000001,"reason":"x"}""", "amount")]
    public async Task A_bad_posting_is_400_by_field_and_moves_nothing(string path, string body, string field)
    {
        var api = portal.Api();
        var account = Api.NewAccount();

        var reply = await api.PostAsync(path, body.Replace("ACC", account, StringComparison.Ordinal), Api.NewKey());

        Assert.True(reply.Status == HttpStatusCode.BadRequest, reply.Text);
        Assert.True(reply.Json.GetProperty("errors").TryGetProperty(field, out _), reply.Text);
        Assert.Equal(0, await portal.CountAsync("transfers", account));
    }

    [Fact]
    public async Task A_posting_needs_a_key_and_the_admin_scope()
    {
        var account = Api.NewAccount();
        var body = $$"""{"account":"{{account}}","amount":5,"reason":"x"}""";

        Assert.Equal(HttpStatusCode.BadRequest, (await portal.Api().PostAsync("admin/grants", body)).Status);
        Assert.Equal(HttpStatusCode.Unauthorized, (await portal.Api("bp_test_0000000000000000000000000000000000000000").PostAsync("admin/grants", body, Api.NewKey())).Status);
        Assert.Equal(0, await portal.BalanceAsync(account));
    }

    private Task<long> AuditsAsync(string account, string action) => portal.ScalarAsync<long>(
        "select count(*) from audit_entries e join accounts a on e.subject = 'acc_' || replace(a.account_id::text, '-', '') where a.external_id = $1 and e.action = $2", account, action);
}
