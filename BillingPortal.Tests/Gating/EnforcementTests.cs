using System.Net;

namespace BillingPortal.Tests.Gating;

public sealed class EnforcementTests(CreditGatePortal portal) : IClassFixture<CreditGatePortal>
{
    private const string Call = """ "action":"call","quantity":5 """;

    [Fact]
    public async Task The_switch_turns_refusals_off_and_on_without_hidden_debt()
    {
        var api = portal.Api();
        var account = Api.NewAccount();
        Assert.Equal("enforce", (await api.GetReplyAsync("admin/enforcement")).String("mode"));
        Assert.Equal(HttpStatusCode.PaymentRequired, (await api.ChargeAsync(account, Call)).Status);

        await api.PutAsync("admin/enforcement", """{"mode":"observe"}""");
        var observed = await api.ChargeAsync(account, Call, "seen");
        var check = await api.CheckAsync(account, Call);
        await api.PutAsync("admin/enforcement", """{"mode":"off"}""");
        await api.GrantAsync(account, 10);
        var off = await api.ChargeAsync(account, Call);
        await api.PutAsync("admin/enforcement", """{"mode":"enforce"}""");
        var enforced = await api.ChargeAsync(account, Call);
        var again = await api.ChargeAsync(account, Call, "seen");

        // Observed: the three free uses are taken, the two that nobody pays are not debt.
        Assert.Equal(HttpStatusCode.Created, observed.Status);
        Assert.Equal("observe", observed.String("enforcement"));
        Assert.Equal("BILLING_INSUFFICIENT_CREDITS", observed.String("would_refuse"));
        Assert.Equal(3, observed.Paid("free_use"));
        Assert.Equal(2, observed.Json.GetProperty("uncovered")[0].GetProperty("amount").GetDecimal());
        Assert.True(check.Json.GetProperty("allowed").GetBoolean());
        Assert.Equal("BILLING_INSUFFICIENT_CREDITS", check.String("would_refuse"));
        // Off: on record with its price, nothing moves.
        Assert.Equal("off", off.String("enforcement"));
        Assert.Equal(5, off.Json.GetProperty("price")[0].GetProperty("amount").GetDecimal());
        Assert.Empty(off.Json.GetProperty("funding").EnumerateArray());
        Assert.Equal(5, enforced.Paid("credit"));
        Assert.Equal(5, await portal.BalanceAsync(account));
        Assert.Equal(observed.Text, again.Text);
        Assert.Equal(3, await portal.ScalarAsync<long>("select count(*) from audit_entries where action = 'enforcement.changed' and subject = 'everything'"));
    }

    [Fact]
    public async Task One_action_may_have_a_mode_of_its_own()
    {
        var api = portal.Api();
        var account = Api.NewAccount();

        var set = await api.PutAsync("admin/enforcement", """{"mode":"off","action":"call"}""");
        var off = await api.ChargeAsync(account, Call);
        await api.PutAsync("admin/enforcement", """{"mode":null,"action":"call"}""");

        Assert.Equal("off", set.Json.GetProperty("actions").GetProperty("call").GetString());
        Assert.Equal("off", off.String("enforcement"));
        Assert.Equal(HttpStatusCode.PaymentRequired, (await api.ChargeAsync(account, Call)).Status);
        Assert.Equal(HttpStatusCode.NotFound, (await api.PutAsync("admin/enforcement", """{"mode":"off","action":"nope"}""")).Status);
    }

    [Fact]
    public async Task What_enforcing_would_have_refused_is_counted_by_code_and_action_and_listed()
    {
        var api = portal.Api();
        var account = Api.NewAccount();
        await api.PutAsync("admin/enforcement", """{"mode":"observe","action":"call"}""");
        await api.ChargeAsync(account, """ "action":"call","quantity":3,"agent":"x" """);
        await api.ChargeAsync(account, """ "action":"call","quantity":1,"agent":"x" """, "beyond");
        await api.ChargeAsync(account, """ "action":"call","quantity":1,"agent":"x" """, "beyond");
        await api.CheckAsync(account, """ "action":"call","quantity":7,"agent":"y" """);
        await api.PutAsync("admin/enforcement", """{"mode":null,"action":"call"}""");
        var id = (await api.GetReplyAsync($"accounts/{account}")).String("id");

        List<System.Text.Json.JsonElement> mine = [];
        for (var i = 0; i < 100 && mine.Count < 2; i++)
        {
            await Task.Delay(100);
            var from = Uri.EscapeDataString(portal.Time.GetUtcNow().AddHours(-1).ToString("O"));
            var to = Uri.EscapeDataString(portal.Time.GetUtcNow().AddHours(1).ToString("O"));
            var observed = (await api.GetReplyAsync($"admin/enforcement/observed?from={from}&to={to}")).Json;
            mine = [.. observed.GetProperty("data").EnumerateArray().Where(r => r.GetProperty("account").GetString() == id)];
            Assert.True(mine.Count == 0 || observed.GetProperty("totals").EnumerateArray().Any(t => t.GetProperty("subject").GetString() == "call" && t.GetProperty("error_code").GetString() == "BILLING_INSUFFICIENT_CREDITS"));
        }

        // The repeat is none of its own.
        Assert.Equal(["x 1", "y 1"], mine.Select(r => $"{r.GetProperty("agent")} {r.GetProperty("times")}").Order());
        Assert.Equal(HttpStatusCode.BadRequest, (await api.GetReplyAsync("admin/enforcement/observed?from=yesterday")).Status);
        Assert.Equal(HttpStatusCode.BadRequest, (await api.GetReplyAsync("admin/enforcement/observed?from=2001-01-01T00:00:00Z")).Status);
    }

    [Theory]
    [InlineData("{}")]
    [InlineData("""{"mode":"sometimes"}""")]
    [InlineData("""{"mode":"off","force":true}""")]
    public async Task A_bad_switch_is_400(string body) => Assert.Equal(HttpStatusCode.BadRequest, (await portal.Api().PutAsync("admin/enforcement", body)).Status);
}
