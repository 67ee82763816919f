using System.Net;

namespace BillingPortal.Tests.Gating;

/// <summary>What members, agents and runs may spend (F12).</summary>
public sealed class BudgetTests(BudgetTests.MidMonthPortal portal) : IClassFixture<BudgetTests.MidMonthPortal>
{
    public sealed class MidMonthPortal : CatalogPortal
    {
        public MidMonthPortal() : base("agent-credits") => Time.AwayFromBorders(); // windows are hours, days and months
    }

    private const string Ten = """ "unit":"credit","amount":10,"reason":"work" """;

    [Fact]
    public async Task A_budget_refuses_beyond_its_limit_and_names_the_scope_that_blocked()
    {
        var api = portal.Api();
        var account = await WithBudgetAsync(api, """{"scope":"agent:x","unit":"credit","limit":25,"window":"day"}""");
        await api.ChargeAsync(account, Ten + """, "agent":"x" """);
        await api.ChargeAsync(account, Ten + """, "agent":"x" """);

        var refused = await api.ChargeAsync(account, Ten + """, "agent":"x","member":"m" """);
        var other = await api.ChargeAsync(account, Ten + """, "agent":"y" """);
        var nobody = await api.ChargeAsync(account, Ten);

        Assert.Equal((HttpStatusCode.TooManyRequests, "BILLING_BUDGET_EXCEEDED", "agent:x"), (refused.Status, refused.ErrorCode, refused.String("blocking_scope")));
        Assert.Equal((5m, 10m, 5m), (refused.Number("available"), refused.Number("required"), refused.Number("shortfall")));
        Assert.InRange(refused.Headers.RetryAfter!.Delta!.Value, TimeSpan.FromSeconds(1), TimeSpan.FromDays(1));
        Assert.Equal(portal.Time.GetUtcNow().Date.AddDays(1), refused.Json.GetProperty("resets_at").GetDateTimeOffset());
        Assert.Equal((HttpStatusCode.Created, HttpStatusCode.Created), (other.Status, nobody.Status));
        Assert.Equal(960, await portal.BalanceAsync(account));
    }

    [Fact]
    public async Task With_an_asterisk_each_one_is_counted_apart()
    {
        var api = portal.Api();
        var account = await WithBudgetAsync(api, """{"scope":"run:*","unit":"credit","limit":20,"window":"run"}""");
        foreach (var run in (string[])["one", "two"])
        {
            Assert.Equal(HttpStatusCode.Created, (await api.ChargeAsync(account, $$""" {{Ten}},"run":"{{run}}" """)).Status);
            Assert.Equal(HttpStatusCode.Created, (await api.ChargeAsync(account, $$""" {{Ten}},"run":"{{run}}" """)).Status);
            var refused = await api.ChargeAsync(account, $$""" {{Ten}},"run":"{{run}}" """);
            Assert.Equal($"run:{run}", refused.String("blocking_scope"));
            // A run has no end that could be waited for.
            Assert.Null(refused.Headers.RetryAfter);
        }

        var budget = (await api.GetReplyAsync($"accounts/{account}/budgets")).Json.GetProperty("data")[0];
        Assert.Equal(["run:one 20 0", "run:two 20 0"], budget.GetProperty("uses").EnumerateArray().Select(u => $"{u.GetProperty("scope")} {u.GetProperty("used")} {u.GetProperty("available")}").Order());
    }

    [Fact]
    public async Task Simultaneous_charges_never_overspend_a_budget()
    {
        var api = portal.Api();
        var account = await WithBudgetAsync(api, """{"scope":"member:*","unit":"credit","limit":100,"window":"month"}""");
        var answers = await Task.WhenAll(Enumerable.Range(0, 300).Select(i => api.ChargeAsync(account, """ "unit":"credit","amount":1,"reason":"r","member":"m" """)));
        Assert.Equal(100, answers.Count(a => a.Status == HttpStatusCode.Created));
        Assert.All(answers.Where(a => a.Status != HttpStatusCode.Created), a => Assert.Equal("BILLING_BUDGET_EXCEEDED", a.ErrorCode));
        Assert.Equal(900, await portal.BalanceAsync(account));
    }

    [Fact]
    public async Task A_refund_gives_room_back_and_a_repeat_counts_once()
    {
        var api = portal.Api();
        var account = await WithBudgetAsync(api, """{"scope":"agent:x","unit":"credit","limit":10,"window":"day"}""");
        var charge = await api.ChargeAsync(account, Ten + """, "agent":"x" """, "once");
        Assert.True((await api.ChargeAsync(account, Ten + """, "agent":"x" """, "once")).IsReplay);
        Assert.Equal(HttpStatusCode.TooManyRequests, (await api.ChargeAsync(account, Ten + """, "agent":"x" """)).Status);

        await api.PostAsync($"charges/{charge.String("id")}/refund", """{"funding":[{"unit":"credit","amount":4}],"reason":"r"}""", Api.NewKey());

        Assert.Equal(4m, (await api.ChargeAsync(account, Ten + """, "agent":"x" """)).Number("available"));
        await api.PostAsync($"charges/{charge.String("id")}/refund", """{"reason":"r"}""", Api.NewKey());
        Assert.Equal(HttpStatusCode.Created, (await api.ChargeAsync(account, Ten + """, "agent":"x" """)).Status);
    }

    [Fact]
    public async Task Checks_estimates_batches_and_gateways_see_it()
    {
        var api = portal.Api();
        var account = await WithBudgetAsync(api, """{"scope":"agent:x","unit":"credit","limit":50,"window":"hour"}""");
        const string Asked = """ "action":"profile_my_data","quantity":10,"agent":"x" """;

        var check = await api.CheckAsync(account, Asked);
        var estimate = await api.PostAsync("estimates", $$"""{"account":"{{account}}",{{Asked}}}""");
        var batch = await api.PostAsync("charges/batch", $$"""{"charges":[{"account":"{{account}}","idempotency_key":"a",{{Asked}}},{"account":"{{account}}","idempotency_key":"b","action":"profile_my_data","agent":"x"}]}""");

        Assert.False(check.Json.GetProperty("allowed").GetBoolean());
        Assert.Equal(("BILLING_BUDGET_EXCEEDED", "agent:x"), (check.String("error_code"), check.String("blocking_scope")));
        var price = check.Json.GetProperty("price")[0].GetProperty("amount").GetDecimal();
        Assert.Equal(Math.Floor(50m * 10m / price), check.Json.GetProperty("affordable").GetProperty("quantity").GetDecimal());
        Assert.False(estimate.Json.GetProperty("covered").GetBoolean());
        Assert.Equal([429, 201], batch.Json.GetProperty("results").EnumerateArray().Select(r => r.GetProperty("status").GetInt32()));
        Assert.Equal("agent:x", batch.Json.GetProperty("results")[0].GetProperty("problem").GetProperty("blocking_scope").GetString());
    }

    [Fact]
    public async Task A_new_window_begins_anew()
    {
        var api = portal.Api();
        var account = await WithBudgetAsync(api, """{"scope":"agent:x","unit":"credit","limit":10,"window":"hour"}""");
        await api.ChargeAsync(account, Ten + """, "agent":"x" """);
        Assert.Equal(HttpStatusCode.TooManyRequests, (await api.ChargeAsync(account, Ten + """, "agent":"x" """)).Status);
        portal.Time.Advance(TimeSpan.FromHours(1));
        Assert.Equal(HttpStatusCode.Created, (await api.ChargeAsync(account, Ten + """, "agent":"x" """)).Status);
    }

    [Fact]
    public async Task Budgets_are_set_changed_and_taken_away_on_record()
    {
        var api = portal.Api();
        var account = await api.AccountWithAsync(1000);
        var path = $"accounts/{account}/budgets/research";
        var made = await api.PutAsync(path, """{"scope":"agent:x","unit":"credit","limit":10,"window":"day"}""");
        await api.ChargeAsync(account, Ten + """, "agent":"x" """);
        var raised = await api.PutAsync(path, """{"scope":"agent:x","unit":"credit","limit":15,"window":"day"}""");
        var unnamed = await api.PutAsync($"accounts/{account}/budgets", """{"scope":"agent:x","unit":"credit","limit":20,"window":"day"}""");
        var twin = await api.PutAsync($"accounts/{account}/budgets/twin", """{"scope":"agent:x","unit":"credit","limit":20,"window":"day"}""");

        Assert.Equal((HttpStatusCode.OK, "research"), (made.Status, made.String("id")));
        Assert.Equal(10m, raised.Json.GetProperty("uses")[0].GetProperty("used").GetDecimal());
        Assert.Equal(("research", 20m), (unnamed.String("id"), unnamed.Number("limit")));
        Assert.Equal(HttpStatusCode.Conflict, twin.Status);
        Assert.Equal(raised.String("counts_from"), (await api.GetReplyAsync(path)).String("counts_from"));
        Assert.Equal(HttpStatusCode.NoContent, (await api.SendAsync(HttpMethod.Delete, path, null, null)).Status);
        Assert.Equal(HttpStatusCode.NotFound, (await api.SendAsync(HttpMethod.Delete, path, null, null)).Status);
        Assert.Equal(HttpStatusCode.NotFound, (await api.GetReplyAsync(path)).Status);
        Assert.Equal(HttpStatusCode.Created, (await api.ChargeAsync(account, """ "unit":"credit","amount":100,"reason":"r","agent":"x" """)).Status);
        Assert.Equal(0, await portal.CountAsync("budget_uses", account));
        Assert.Equal(4, await portal.ScalarAsync<long>("select count(*) from audit_entries e join accounts a using (account_id) where a.external_id = $1 and e.action like 'budget.%'", account));
    }

    [Theory]
    [InlineData("""{"scope":"team:x","unit":"credit","limit":1,"window":"day"}""", "scope")]
    [InlineData("""{"scope":"agent:","unit":"credit","limit":1,"window":"day"}""", "scope")]
    [InlineData("""{"scope":"agent:x","unit":"credit","limit":0,"window":"day"}""", "limit")]
    [InlineData("""{"scope":"agent:x","unit":"credit","limit":1,"window":"week"}""", "window")]
    [InlineData("""{"scope":"agent:x","unit":"moons","limit":1,"window":"day"}""", "unit")]
    [InlineData("""{"scope":"agent:x","unit":"credit","limit":1}""", "window")]
    [InlineData("""{"scope":"agent:x","unit":"credit","limit":1,"window":"day","used":5}""", "used")]
    public async Task Terms_that_mean_nothing_are_400(string body, string field)
    {
        var api = portal.Api();
        var account = await api.AccountWithAsync(1);
        var refused = await api.PutAsync($"accounts/{account}/budgets", body);
        Assert.Equal(HttpStatusCode.BadRequest, refused.Status);
        Assert.True(refused.Json.GetProperty("errors").TryGetProperty(field, out _), refused.Text);
        Assert.Equal(0, await portal.CountAsync("budgets", account));
    }

    private static async Task<string> WithBudgetAsync(HttpClient api, string budget)
    {
        var account = await api.AccountWithAsync(1000);
        var set = await api.PutAsync($"accounts/{account}/budgets", budget);
        Assert.True(set.Status == HttpStatusCode.OK, set.Text);
        return account;
    }
}
