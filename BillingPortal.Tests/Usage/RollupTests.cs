using BillingPortal.Primitives;
using BillingPortal.Tests.Gating;
using BillingPortal.Usage;
using Microsoft.Extensions.DependencyInjection;
using GatingApi = BillingPortal.Tests.Gating.Api;

namespace BillingPortal.Tests.Usage;

/// <summary>What stands in the rollups is what was used.</summary>
public sealed class RollupTests(MeteredPlansPortal portal) : IClassFixture<MeteredPlansPortal>
{
    private const string RollupsOf = "select coalesce(string_agg(r::text, E'\\n' order by hour, key), '') from usage_rollups r join accounts a using (account_id) where a.external_id = $1";

    [Fact]
    public async Task Charges_and_events_are_counted_alike_and_late_events_correct_their_hour()
    {
        var (api, account, now) = (portal.Api(), GatingApi.NewAccount(), portal.Time.GetUtcNow());
        await api.ChargeAsync(account, """ "meter":"api_calls","quantity":5,"agent":"a" """);
        await api.ReportAsync(UsageApi.Event(account, "1", """ "meter":"api_calls","quantity":7,"agent":"a" """));
        await api.ReportAsync(UsageApi.Event(account, "2", $""" "meter":"api_calls","quantity":11,"time":"{UsageApi.At(now.AddDays(-3))}" """));
        var fresh = await UsageAsync(api, account, "?from=2020-01-01&to=2021-01-01");
        await portal.SettleAsync();

        Assert.Equal(0, fresh);
        Assert.Equal(23, await UsageAsync(api, account, $"?from={now.AddDays(-5):yyyy-MM-dd}"));
        Assert.Equal(11, await UsageAsync(api, account, $"?from={now.AddDays(-5):yyyy-MM-dd}&to={now.AddDays(-2):yyyy-MM-dd}"));
        Assert.Equal(12, await portal.ScalarAsync<decimal>("select sum(quantity) from usage_rollups r join accounts a using (account_id) where a.external_id = $1 and agent = 'a'", account));
    }

    [Fact]
    public async Task Tokens_that_a_card_counts_in_a_meter_are_that_meters_use()
    {
        var (api, account) = (portal.Api(), GatingApi.NewAccount());
        await api.ReportAsync(UsageApi.Event(account, "1", """ "provider":"openai","model":"gpt-4o","tokens":{"input":300,"output":40} """));
        await portal.SettleAsync();
        var tokens = (await api.GetReplyAsync($"accounts/{account}/usage?meter=llm_tokens")).Json.GetProperty("data")[0];
        Assert.Equal((340, 10_000, 9_660, 0, 3.4m), (tokens.GetProperty("quantity").GetInt32(), tokens.GetProperty("included").GetInt32(), tokens.GetProperty("remaining").GetInt32(),
            tokens.GetProperty("overage").GetInt32(), tokens.GetProperty("percent").GetDecimal()));
    }

    [Fact]
    public async Task Use_is_shown_before_it_is_rolled_up_and_once_after()
    {
        var (api, account) = (portal.Api(), GatingApi.NewAccount());
        for (var i = 1; i <= 20; i++)
        {
            await api.ChargeAsync(account, """ "meter":"api_calls","quantity":1 """);
            Assert.Equal(i, await UsageAsync(api, account, ""));
        }
    }

    [Fact]
    public async Task Rebuilding_gives_what_stood_there()
    {
        var (api, account, now) = (portal.Api(), GatingApi.NewAccount(), portal.Time.GetUtcNow());
        for (var i = 0; i < 12; i++)
        {
            await api.ReportAsync(UsageApi.Event(account, $"{i}", $""" "meter":"{(i % 2 == 0 ? "api_calls" : "llm_tokens")}","quantity":{i + 1}.5,"member":"m{i % 3}","time":"{UsageApi.At(now.AddHours(-7 * i))}" """));
        }

        await portal.SettleAsync();
        var before = await portal.ScalarAsync<string>(RollupsOf, account);
        var id = await portal.ScalarAsync<Guid>("select account_id from accounts where external_id = $1", account);
        await portal.ExecuteAsync("update usage_rollups set quantity = quantity + 1 where account_id = $1", id);
        Assert.NotEqual(before, await portal.ScalarAsync<string>(RollupsOf, account));
        await portal.Services.GetRequiredService<RollUpUsage>().RebuildAsync(new AccountId(id));

        Assert.Equal(12, before!.Split('\n').Length);
        Assert.Equal(before, await portal.ScalarAsync<string>(RollupsOf, account));
    }

    [Fact]
    public async Task Three_instances_that_count_at_once_count_each_charge_once()
    {
        var (api, account) = (portal.Api(), GatingApi.NewAccount());
        for (var round = 0; round < 3; round++)
        {
            await api.ReportAsync([.. Enumerable.Range(0, 300).Select(i => UsageApi.Event(account, $"{round}-{i}", $""" "meter":"api_calls","member":"m{i}" """))]);
        }

        var rollups = portal.Services.GetRequiredService<RollUpUsage>();
        var charging = portal.Services.GetRequiredService<ChargeUsage>();
        await Task.WhenAll(Enumerable.Range(0, 6).Select(i => Task.Run(async () =>
        {
            await charging.RunAsync(default);
            await rollups.RunAsync(default);
        })));
        await portal.SettleAsync();
        Assert.Equal(900, await UsageAsync(api, account, ""));
        Assert.Equal(900, await portal.ScalarAsync<decimal>("select sum(quantity) from usage_rollups r join accounts a using (account_id) where a.external_id = $1", account));
        Assert.Equal(900, await portal.UsedAsync(account, "api_calls"));
    }

    [Fact]
    public async Task The_summary_reads_no_raw_event_and_no_past_charge()
    {
        var plan = string.Join('\n', (await portal.RowsAsync($"explain {ChargedParts.Current.Replace("$1", $"'{Guid.NewGuid()}'::uuid", StringComparison.Ordinal).Replace("$2", "now() - interval '30 days'", StringComparison.Ordinal).Replace("$3", "now()", StringComparison.Ordinal)}")).Select(r => r[0]));
        Assert.DoesNotContain("usage_events", plan, StringComparison.Ordinal);
        Assert.DoesNotContain("Seq Scan on charges", plan, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("?granularity=minute")]
    [InlineData("?from=yesterday")]
    [InlineData("?from=2026-02-01&to=2026-01-01")]
    [InlineData("?from=2020-01-01&to=2026-01-01")]
    public async Task A_question_that_makes_no_sense_is_told_so(string query)
    {
        var api = portal.Api();
        await api.PutAsync("accounts/asks", "{}");
        Assert.Equal("INVALID_REQUEST", (await api.GetReplyAsync($"accounts/asks/usage{query}")).ErrorCode);
        Assert.Equal("BILLING_UNKNOWN_METER", (await api.GetReplyAsync("accounts/asks/usage?meter=none")).ErrorCode);
    }

    private static async Task<decimal> UsageAsync(HttpClient api, string account, string query) => (await api.GetReplyAsync($"accounts/{account}/usage{query}")).Json.GetProperty("data").EnumerateArray()
        .Where(m => m.GetProperty("meter").GetString() == "api_calls").Sum(m => m.GetProperty("quantity").GetDecimal());
}
