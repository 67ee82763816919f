using System.Net;
using System.Text.Json;
using BillingPortal.Primitives;
using BillingPortal.Tests.Gating;
using BillingPortal.Tests.Usage;
using GatingApi = BillingPortal.Tests.Gating.Api;

namespace BillingPortal.Tests.Stories;

public sealed class MeteredPlansStoryPortal : StoryPortal
{
    public MeteredPlansStoryPortal() : base("metered-plans") => Time.AwayFromBorders();
}

/// <summary>Rows E: plans over five meters.</summary>
public sealed class MeteredPlansStory(MeteredPlansStoryPortal portal) : IClassFixture<MeteredPlansStoryPortal>
{
    // Meter, included, overage price, per: row E1, number by number. −1: unlimited; no price: no overage.
    public static TheoryData<string, decimal, string, (string Meter, decimal Included, decimal? Price, int Per)[]> Plans => new()
    {
        { "free", 0m, "soft,soft,soft,hard,hard", [("llm_tokens", 10_000m, null, 1), ("agent_executions", 100m, null, 1), ("api_calls", 1_000m, null, 1), ("storage_gb", 1m, null, 1), ("seats", 3m, null, 1)] },
        { "standard", 99m, "soft,soft,soft,soft,soft", [("llm_tokens", 1_000_000m, 0.01m, 1000), ("agent_executions", 5_000m, 0.10m, 1), ("api_calls", 100_000m, 0.001m, 1), ("storage_gb", 100m, 0.50m, 1), ("seats", 25m, 5m, 1)] },
        { "enterprise", 499m, "soft,soft,soft,soft,hard", [("llm_tokens", 10_000_000m, 0.005m, 1000), ("agent_executions", 50_000m, 0.05m, 1), ("api_calls", 1_000_000m, 0.0005m, 1), ("storage_gb", 1_000m, 0.25m, 1), ("seats", -1m, null, 1)] },
    };

    [Theory, MemberData(nameof(Plans))] // E1, E2
    public async Task A_plan_is_what_was_promised_number_by_number(string id, decimal price, string caps, (string Meter, decimal Included, decimal? Price, int Per)[] promised)
    {
        var plan = (await portal.OpenAsync("plans")).Single(p => p.GetProperty("id").GetString() == id);
        Assert.Equal(price, plan.GetProperty("prices")[0].GetProperty("amount").GetDecimal());
        var allowances = plan.GetProperty("allowances").EnumerateArray().ToList();
        Assert.Equal(caps, string.Join(",", allowances.Select(a => a.GetProperty("cap").GetString())));
        Assert.Equal(promised, allowances.Select(a => (
            a.GetProperty("meter").GetString()!,
            a.GetProperty("unlimited").GetBoolean() ? -1m : a.GetProperty("included").GetDecimal(),
            a.TryGetProperty("overage", out var overage) ? overage.GetProperty("price").GetDecimal() : (decimal?)null,
            a.TryGetProperty("overage", out overage) ? overage.GetProperty("per").GetInt32() : 1)));
        Assert.Equal(["counter", "counter", "counter", "level", "level"], allowances.Select(a => a.GetProperty("kind").GetString()));
    }

    [Fact] // E1, E3
    public async Task A_soft_cap_lets_pass_up_to_its_grace_and_then_names_the_upgrade()
    {
        var api = portal.Api();
        var account = GatingApi.NewAccount();
        Assert.Equal(HttpStatusCode.Created, (await api.ChargeAsync(account, """ "meter":"agent_executions","quantity":100 """)).Status);
        Assert.Equal(HttpStatusCode.Created, (await api.ChargeAsync(account, """ "meter":"agent_executions","quantity":20 """)).Status);
        var refused = await api.ChargeAsync(account, """ "meter":"agent_executions","quantity":1 """);
        Assert.Equal((HttpStatusCode.TooManyRequests, "BILLING_QUOTA_EXCEEDED", "standard"), (refused.Status, refused.ErrorCode, refused.String("upgrade_plan")));
        Assert.True(refused.Headers.RetryAfter?.Delta > TimeSpan.FromDays(1));
        Assert.Equal(120m, (await portal.StatusAsync(account)).GetProperty("allowances").EnumerateArray().Single(a => a.GetProperty("meter").GetString() == "agent_executions").GetProperty("used").GetDecimal());
    }

    [Fact] // E1, E3
    public async Task Overage_is_let_pass_on_a_plan_that_sells_it()
    {
        var api = portal.Api();
        var account = GatingApi.NewAccount();
        await portal.BuyAsync(account, new { kind = "subscription", plan = "standard", interval = "month" });
        Assert.Equal(HttpStatusCode.Created, (await api.ChargeAsync(account, """ "meter":"llm_tokens","quantity":1000000 """)).Status);
        Assert.Equal(HttpStatusCode.Created, (await api.ChargeAsync(account, """ "meter":"llm_tokens","quantity":2500000 """)).Status);
        Assert.Equal(-2_500_000m, await portal.BalanceAsync(account, "llm_tokens"));
    }

    [Fact] // E1, E2
    public async Task Tokens_of_any_model_count_as_llm_tokens() =>
        Assert.Equal(1200m, (await portal.Api().ChargeAsync(GatingApi.NewAccount(), """ "model":"gpt-4","tokens":{"input":1000,"output":150,"cached_input":50} """)).Paid("llm_tokens"));

    [Fact] // E2, E3
    public async Task A_level_goes_up_and_down_to_the_plans_limit_and_has_no_time_to_wait_for()
    {
        var api = portal.Api();
        var account = GatingApi.NewAccount();
        var three = await api.ChargeAsync(account, """ "meter":"seats","quantity":3 """);
        var fourth = await api.ChargeAsync(account, """ "meter":"seats","quantity":2 """);
        var check = await api.CheckAsync(account, """ "meter":"seats" """);

        Assert.Equal(3m, three.Json.GetProperty("level").GetProperty("value").GetDecimal());
        Assert.Equal((HttpStatusCode.TooManyRequests, "BILLING_QUOTA_EXCEEDED", "standard", "seats"), (fourth.Status, fourth.ErrorCode, fourth.String("upgrade_plan"), fourth.String("unit")));
        Assert.Equal((0m, 2m), (fourth.Number("available"), fourth.Number("shortfall")));
        Assert.Null(fourth.Headers.RetryAfter);
        Assert.False(check.Json.GetProperty("allowed").GetBoolean());
        Assert.Equal(HttpStatusCode.Created, (await api.ChargeAsync(account, """ "meter":"seats","quantity":-1 """)).Status);
        Assert.Equal(HttpStatusCode.Created, (await api.ChargeAsync(account, """ "meter":"seats","quantity":1 """)).Status);
        Assert.Equal(HttpStatusCode.BadRequest, (await api.ChargeAsync(account, """ "meter":"seats","quantity":-4 """)).Status);
        Assert.Equal(HttpStatusCode.BadRequest, (await api.ChargeAsync(account, """ "meter":"api_calls","quantity":-4 """)).Status);
        var seats = (await portal.StatusAsync(account)).GetProperty("allowances").EnumerateArray().Single(a => a.GetProperty("meter").GetString() == "seats");
        Assert.Equal((3m, "level", 100m), (seats.GetProperty("used").GetDecimal(), seats.GetProperty("kind").GetString(), seats.GetProperty("percent").GetDecimal()));
        Assert.False(seats.TryGetProperty("resets_at", out _));
    }

    [Fact] // E2
    public async Task Simultaneous_seats_never_go_beyond_the_limit_and_a_repeat_counts_once()
    {
        var api = portal.Api();
        var account = GatingApi.NewAccount();
        await api.ChargeAsync(account, """ "meter":"seats" """, "first");
        Assert.True((await api.ChargeAsync(account, """ "meter":"seats" """, "first")).IsReplay);
        var answers = await Task.WhenAll(Enumerable.Range(0, 40).Select(_ => api.ChargeAsync(account, """ "meter":"seats" """)));
        Assert.Equal(2, answers.Count(a => a.Status == HttpStatusCode.Created));
    }

    [Fact] // E1, E2
    public async Task Storage_beyond_the_plan_is_overage_at_the_periods_end_and_goes_on_standing()
    {
        var api = portal.Api();
        var account = GatingApi.NewAccount();
        await api.PutAsync($"accounts/{account}", "{}");
        await api.ChargeAsync(account, """ "meter":"api_calls" """);
        await api.PutAsync($"accounts/{account}/overrides", """{"plan":"standard"}""");
        var beyond = await api.ChargeAsync(account, """ "meter":"storage_gb","quantity":103.2 """);
        await api.ChargeAsync(account, """ "meter":"storage_gb","quantity":-40 """);
        Assert.Equal("storage_gb", beyond.Json.GetProperty("warnings")[0].GetString());

        portal.Time.Advance(TimeSpan.FromDays(32));
        var used = (await portal.StatusAsync(account)).GetProperty("allowances").EnumerateArray().Single(a => a.GetProperty("meter").GetString() == "storage_gb").GetProperty("used").GetDecimal();

        Assert.Equal(63.2m, used);
        var rows = await portal.LedgerAsync(account, "storage_gb");
        Assert.Equal(["revenue -4", "overage 4"], rows.Select(r => $"{r.GetProperty("book").GetString()} {r.GetProperty("amount").GetDecimal():0.##}").OrderDescending());
        Assert.Null(await api.LedgerProblemsAsync());
    }

    [Fact] // E5, E7
    public async Task Use_is_summed_up_with_quota_projection_and_alerts()
    {
        var (api, account, now) = (portal.Api(), GatingApi.NewAccount(), portal.Time.GetUtcNow());
        await api.ReportAsync([.. Enumerable.Range(0, 8).Select(d => UsageApi.Event(account, $"{d}", $""" "meter":"agent_executions","quantity":11,"time":"{UsageApi.At(now.AddDays(-d))}" """))]);
        await portal.SettleAsync();

        var used = (await portal.ReadAsync($"accounts/{account}/usage?meter=agent_executions&granularity=day&from={now.AddDays(-10):yyyy-MM-dd}")).GetProperty("data")[0];
        Assert.Equal((88m, 100m, 12m, 0m, 88m), (Number(used, "quantity"), Number(used, "included"), Number(used, "remaining"), Number(used, "overage"), Number(used, "percent")));
        Assert.Equal(Enumerable.Repeat(11m, 8), used.GetProperty("series").EnumerateArray().Select(s => Number(s, "quantity")));
        Assert.InRange(Number(used, "projected"), 88m + (11m * 27), 88m + (11m * 32)); // eleven a day for what is left of the month
        var quota = (await portal.ReadAsync($"accounts/{account}/quotas")).GetProperty("data").EnumerateArray().Single(q => q.GetProperty("meter").GetString() == "agent_executions");
        Assert.Equal((88m, 88m, "soft"), (Number(quota, "used"), Number(quota, "percent"), quota.GetProperty("cap").GetString()));
        Assert.True(quota.GetProperty("resets_at").GetDateTimeOffset() > now.AddDays(27));
        var alert = Assert.Single((await portal.ReadAsync($"accounts/{account}/alerts")).GetProperty("data").EnumerateArray().ToList());
        Assert.Equal(("quota", 80m), (alert.GetProperty("kind").GetString(), Number(alert, "threshold")));

        static decimal Number(JsonElement of, string name) => of.GetProperty(name).GetDecimal();
    }

    [Fact] // E12, E13
    public async Task A_customer_s_own_limit_holds_at_once_on_every_instance()
    {
        var (api, account) = (portal.Api(), GatingApi.NewAccount());
        await using var second = await portal.StartInstanceAsync();
        var other = portal.Api(second);
        Assert.Equal(HttpStatusCode.Created, (await other.ChargeAsync(account, """ "meter":"agent_executions","quantity":100 """)).Status);
        for (var limit = 200; limit <= 400; limit += 100)
        {
            Assert.Equal(HttpStatusCode.OK, (await api.PutAsync($"accounts/{account}/overrides", $$"""{"allowances":[{"meter":"agent_executions","included":{{limit}},"cap":"hard"}]}""")).Status);
            Assert.Equal(HttpStatusCode.Created, (await other.ChargeAsync(account, """ "meter":"agent_executions","quantity":100 """)).Status);
            var refused = await other.ChargeAsync(account, """ "meter":"agent_executions","quantity":1 """);
            Assert.Equal((HttpStatusCode.TooManyRequests, "BILLING_QUOTA_EXCEEDED"), (refused.Status, refused.ErrorCode));
        }
    }

    [Fact] // E3
    public async Task With_the_calendar_the_allowance_is_new_at_the_customer_s_own_midnight_and_once()
    {
        var (api, account) = (portal.Api(), GatingApi.NewAccount());
        var zone = TimeZoneInfo.FindSystemTimeZoneById("Asia/Kathmandu"); // a quarter to six ahead
        Assert.Equal("Asia/Kathmandu", (await api.PutAsync($"accounts/{account}", """{"time_zone":"Asia/Kathmandu"}""")).String("time_zone"));
        Assert.Equal("INVALID_REQUEST", (await api.PutAsync($"accounts/{account}", """{"time_zone":"Middle/Earth"}""")).ErrorCode);
        var own = await api.PutAsync($"accounts/{account}/overrides", """{"period":"calendar","allowances":[{"meter":"api_calls","included":10,"cap":"hard"}]}""");
        Assert.True(own.Status == HttpStatusCode.OK, own.Text);
        var month = Zones.Month(portal.Time.GetUtcNow(), zone);
        Assert.Equal(HttpStatusCode.Created, (await api.ChargeAsync(account, """ "meter":"api_calls","quantity":10 """)).Status);
        var refused = await api.ChargeAsync(account, """ "meter":"api_calls" """);
        Assert.Equal(month.End, refused.Json.GetProperty("resets_at").GetDateTimeOffset());

        portal.Time.Advance(month.End - portal.Time.GetUtcNow() - TimeSpan.FromMinutes(10));
        Assert.Equal(HttpStatusCode.TooManyRequests, (await api.ChargeAsync(account, """ "meter":"api_calls" """)).Status);
        portal.Time.Advance(TimeSpan.FromMinutes(10));
        var answers = await Task.WhenAll(Enumerable.Range(0, 30).Select(_ => api.ChargeAsync(account, """ "meter":"api_calls" """)));
        Assert.Equal(10, answers.Count(a => a.Status == HttpStatusCode.Created));
        Assert.Equal(Zones.Month(month.End, zone).End, answers.First(a => a.Status == HttpStatusCode.TooManyRequests).Json.GetProperty("resets_at").GetDateTimeOffset());
        Assert.Equal(1L, await portal.ScalarAsync<long>("select count(*) from grants g join accounts a using (account_id) where a.external_id = $1 and g.unit = 'api_calls' and g.source = 'Plan' and g.created_at >= $2", account, month.End.UtcDateTime));
    }

    [Fact] // F9
    public async Task The_ledger_proves_itself()
    {
        var api = portal.Api();
        await api.ChargeAsync(GatingApi.NewAccount(), """ "meter":"api_calls","quantity":7 """);
        var proof = await api.PostAsync("admin/ledger/verify", "{}");
        Assert.Equal(HttpStatusCode.OK, proof.Status);
        Assert.True(proof.Json.GetProperty("ok").GetBoolean(), proof.Text);
        Assert.Equal(JsonValueKind.Array, proof.Json.GetProperty("problems").ValueKind);
    }
}
