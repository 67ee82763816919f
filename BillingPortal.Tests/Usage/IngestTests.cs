using System.Globalization;
using System.Net;
using System.Text.Json;
using BillingPortal.Jobs;
using BillingPortal.Tests.Gating;
using BillingPortal.Tests.Testing;
using Microsoft.Extensions.DependencyInjection;
using GatingApi = BillingPortal.Tests.Gating.Api;

namespace BillingPortal.Tests.Usage;

/// <summary>Calls about usage events.</summary>
internal static class UsageApi
{
    public static Task<Reply> ReportAsync(this HttpClient api, params string[] events) => api.PostAsync("usage/events", $$"""{"events":[{{string.Join(',', events)}}]}""");

    public static string Event(string account, string id, string fields) => $$"""{"id":"{{id}}","source":"tests","account":"{{account}}",{{fields}}}""";

    public static string At(DateTimeOffset time) => time.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.ffffff'Z'", CultureInfo.InvariantCulture);

    /// <summary>Everything that has come in is charged and counted.</summary>
    public static async Task SettleAsync(this PortalFixture portal)
    {
        var jobs = portal.Services.GetRequiredService<JobLoop>();
        for (var patience = 0; patience < 200 && await portal.ScalarAsync<bool>("select exists (select from uncharged_usage where refusal is null)"); patience++)
        {
            await jobs.RunNowAsync("charge_usage");
            await Task.Delay(20);
        }

        // Another instance, or the job's own turn, may hold some: they are there until that has committed.
        for (var patience = 0; patience < 200 && await portal.ScalarAsync<bool>("select exists (select from uncounted_charges)"); patience++)
        {
            await jobs.RunNowAsync("roll_up_usage");
            await Task.Delay(20);
        }
    }

    public static Task<decimal> UsedAsync(this PortalFixture portal, string account, string meter) => portal.ScalarAsync<decimal>(
        "select w.used_in_period from wallets w join accounts a using (account_id) where a.external_id = $1 and w.unit = $2", account, meter);
}

/// <summary>Events are taken durably and each once, and never refused for balance (DESIGN §7.1).</summary>
public sealed class IngestTests(MeteredPlansPortal portal) : IClassFixture<MeteredPlansPortal>
{
    [Fact]
    public async Task What_is_reported_is_charged_once_however_often_it_is_reported()
    {
        var (api, account) = (portal.Api(), GatingApi.NewAccount());
        string[] events = [.. Enumerable.Range(0, 5).Select(i => UsageApi.Event(account, $"e{i}", """ "meter":"api_calls","quantity":10 """))];
        var first = await api.ReportAsync(events);
        await portal.SettleAsync();
        var again = await api.ReportAsync([.. events, UsageApi.Event(account, "e5", """ "meter":"api_calls","quantity":7 """)]);
        await portal.SettleAsync();

        Assert.Equal(HttpStatusCode.Accepted, first.Status);
        Assert.Equal((5, 0), (first.Number("accepted"), first.Number("duplicates")));
        Assert.Equal((1, 5), (again.Number("accepted"), again.Number("duplicates")));
        Assert.Equal(57, await portal.UsedAsync(account, "api_calls"));
        Assert.Equal(943, await portal.BalanceAsync(account, "api_calls"));
        Assert.Equal(6, await portal.CountAsync("usage_events", account));
    }

    [Fact]
    public async Task A_known_id_with_other_content_is_rejected_and_what_was_reported_stands()
    {
        var (api, account) = (portal.Api(), GatingApi.NewAccount());
        await api.ReportAsync(UsageApi.Event(account, "e", """ "meter":"api_calls","quantity":1 """));
        var other = await api.ReportAsync(UsageApi.Event(account, "e", """ "meter":"api_calls","quantity":2 """), UsageApi.Event(account, "f", """ "meter":"api_calls" """), UsageApi.Event(account, "f", """ "meter":"api_calls","quantity":3 """));
        await portal.SettleAsync();

        Assert.Equal(1, other.Number("accepted"));
        Assert.Equal([(0, "BILLING_IDEMPOTENCY_CONFLICT"), (2, "BILLING_IDEMPOTENCY_CONFLICT")], Rejected(other));
        Assert.Equal(2, await portal.UsedAsync(account, "api_calls"));
    }

    [Fact]
    public async Task What_cannot_be_taken_is_named_by_place_and_reason_and_spoils_nothing_beside_it()
    {
        var (api, account, now) = (portal.Api(), GatingApi.NewAccount(), portal.Time.GetUtcNow());
        var answer = await api.ReportAsync(
            UsageApi.Event(account, "0", """ "meter":"api_calls","quantity":1 """),
            UsageApi.Event(account, "1", """ "meter":"no_such_meter" """),
            UsageApi.Event(account, "2", """ "meter":"api_calls","quantity":-1 """),
            UsageApi.Event(account, "3", $""" "meter":"api_calls","time":"{UsageApi.At(now.AddDays(-36))}" """),
            UsageApi.Event(account, "4", $""" "meter":"api_calls","time":"{UsageApi.At(now.AddMinutes(6))}" """),
            UsageApi.Event(account, "5", """ "meter":"api_calls","price":0 """),
            UsageApi.Event(account, "6", """ "meter":"api_calls","quantity":1.1234567 """),
            """{"source":"tests","meter":"api_calls"}""",
            "7",
            UsageApi.Event(account, "9", """ "meter":"api_calls","value":4 """),
            UsageApi.Event(account, "10", """ "model":"gpt-4","tokens":{"input":-5} """),
            UsageApi.Event(account, "11", """ "meter":"api_calls","properties":{"deep":{"er":1}} """),
            UsageApi.Event(account, "12", $""" "meter":"api_calls","quantity":2,"time":"{UsageApi.At(now.AddDays(-34))}" """),
            UsageApi.Event(account, "13", $""" "meter":"api_calls","quantity":4,"time":"{UsageApi.At(now.AddMinutes(4))}" """));
        await portal.SettleAsync();

        Assert.Equal(
            [(1, "BILLING_UNKNOWN_METER"), (2, "INVALID_AMOUNT"), (3, "INVALID_REQUEST"), (4, "INVALID_REQUEST"), (5, "INVALID_REQUEST"), (6, "INVALID_REQUEST"), (7, "INVALID_REQUEST"), (8, "INVALID_REQUEST"),
                (9, "INVALID_REQUEST"), (10, "INVALID_REQUEST"), (11, "INVALID_REQUEST")],
            Rejected(answer));
        Assert.Equal(3, answer.Number("accepted"));
        Assert.Equal(7, await portal.UsedAsync(account, "api_calls"));
    }

    [Theory]
    [InlineData("{}", "application/json", 400)]
    [InlineData("""{"events":[]}""", "application/json", 400)]
    [InlineData("""{"events":[{}],"more":1}""", "application/json", 400)]
    [InlineData("""{"events":[""", "application/json", 400)]
    [InlineData("[]", "text/plain", 415)]
    public async Task A_body_that_is_none_changes_nothing(string body, string contentType, int status)
    {
        var answer = await portal.Api().SendAsync(HttpMethod.Post, "usage/events", body, null, contentType);
        Assert.Equal(status, (int)answer.Status);
        Assert.NotNull(answer.ErrorCode);
    }

    [Fact]
    public async Task A_thousand_events_are_taken_and_one_more_is_not()
    {
        var (api, account) = (portal.Api(), GatingApi.NewAccount());
        string[] events = [.. Enumerable.Range(0, 1_001).Select(i => UsageApi.Event(account, $"e{i}", """ "meter":"api_calls" """))];
        Assert.Equal(HttpStatusCode.BadRequest, (await api.ReportAsync(events)).Status);
        Assert.Equal(1_000, (await api.ReportAsync(events[..1_000])).Number("accepted"));
    }

    [Fact]
    public async Task Cloud_events_name_the_account_as_subject_and_the_meter_as_type()
    {
        var (api, account) = (portal.Api(), GatingApi.NewAccount());
        var one = $$"""{"specversion":"1.0","id":"a","source":"/gateway","type":"api_calls","subject":"{{account}}","datacontenttype":"application/json","data":{"quantity":3,"agent":"crawler","region":"eu"} }""";
        var other = $$"""{"specversion":"1.0","id":"b","source":"/gateway","type":"call.done","subject":"{{account}}","traceparent":"x","data":{"meter":"agent_executions"} }""";
        var batch = await api.SendAsync(HttpMethod.Post, "usage/events", $"[{one},{other}]", null, "application/cloudevents-batch+json");
        var single = await api.SendAsync(HttpMethod.Post, "usage/events", one, null, "application/cloudevents+json; charset=utf-8");
        await portal.SettleAsync();

        Assert.Equal((HttpStatusCode.Accepted, 2m), (batch.Status, batch.Number("accepted")));
        Assert.Equal(1, single.Number("duplicates"));
        Assert.Equal((3m, 1m), (await portal.UsedAsync(account, "api_calls"), await portal.UsedAsync(account, "agent_executions")));
        Assert.Equal("""{"region":"eu"}""", await portal.ScalarAsync<string>("select properties from usage_events e join accounts a using (account_id) where a.external_id = $1 and id = 'a'", account));
    }

    [Fact]
    public async Task A_level_is_set_or_changed_and_what_is_older_changes_nothing()
    {
        var (api, account, now) = (portal.Api(), GatingApi.NewAccount(), portal.Time.GetUtcNow());
        var answer = await api.ReportAsync(
            UsageApi.Event(account, "1", $""" "meter":"seats","value":4,"time":"{UsageApi.At(now.AddMinutes(-2))}" """),
            UsageApi.Event(account, "2", """ "meter":"seats" """),
            UsageApi.Event(account, "3", """ "meter":"seats","value":-1 """));
        await portal.SettleAsync();
        await api.ReportAsync(UsageApi.Event(account, "4", """ "meter":"seats","quantity":-1 """));
        await portal.SettleAsync();
        await api.ReportAsync(UsageApi.Event(account, "5", $""" "meter":"seats","value":1,"time":"{UsageApi.At(now.AddMinutes(-5))}" """));
        await portal.SettleAsync();

        Assert.Equal([(1, "INVALID_AMOUNT"), (2, "INVALID_AMOUNT")], Rejected(answer));
        Assert.Equal(3, await portal.ScalarAsync<decimal>("select l.value from levels l join accounts a using (account_id) where a.external_id = $1", account));
        Assert.Equal(0, await portal.CountAsync("uncharged_usage", account));
    }

    [Fact]
    public async Task Events_are_never_refused_for_a_quota_and_what_is_past_the_cap_is_marked()
    {
        var (api, account) = (portal.Api(), GatingApi.NewAccount());
        var answer = await api.ReportAsync(UsageApi.Event(account, "e", """ "meter":"agent_executions","quantity":200 """)); // free plan: 100, grace up to 120
        await portal.SettleAsync();

        Assert.Equal(1, answer.Number("accepted"));
        Assert.Equal(-100, await portal.BalanceAsync(account, "agent_executions"));
        var charge = (await api.GetReplyAsync($"accounts/{account}/charges")).Json.GetProperty("data")[0];
        Assert.Equal("BILLING_QUOTA_EXCEEDED", charge.GetProperty("would_refuse").GetString());
        Assert.Equal(80, await portal.ScalarAsync<decimal>("select (receipt->'past_floor'->0->>'amount')::numeric from charges c join accounts a using (account_id) where a.external_id = $1", account));
        Assert.Null(await api.LedgerProblemsAsync(account));
    }

    [Fact]
    public async Task Twenty_clients_with_the_same_events_at_once_report_them_once()
    {
        var account = GatingApi.NewAccount();
        string[] events = [.. Enumerable.Range(0, 50).Select(i => UsageApi.Event(account, $"e{i}", """ "meter":"api_calls","quantity":2 """))];
        var answers = await Task.WhenAll(Enumerable.Range(0, 20).Select(i => portal.Api().ReportAsync([.. events.OrderBy(e => HashCode.Combine(e, i))])));
        await portal.SettleAsync();

        Assert.All(answers, a => Assert.Equal(HttpStatusCode.Accepted, a.Status));
        Assert.Equal((50m, 950m), (answers.Sum(a => a.Number("accepted")), answers.Sum(a => a.Number("duplicates"))));
        Assert.Equal(100, await portal.UsedAsync(account, "api_calls"));
    }

    private static (int, string)[] Rejected(Reply answer) =>
        [.. answer.Json.GetProperty("rejected").EnumerateArray().Select(r => (r.GetProperty("index").GetInt32(), r.GetProperty("error_code").GetString()!))];
}

/// <summary>Events that are priced by a rate card (D4, D5).</summary>
public sealed class RatedEventTests(PrepaidReservePortal portal) : IClassFixture<PrepaidReservePortal>
{
    [Fact]
    public async Task Tokens_of_a_model_are_costed_by_the_card_in_force_and_stamped_with_it()
    {
        var (api, account) = (portal.Api(), GatingApi.NewAccount());
        await api.GrantAsync(account, 1, "usd");
        var answer = await api.ReportAsync(UsageApi.Event(account, "r1", """ "properties":{"provider":"openai","model":"gpt-4","tokens":{"input":1000,"output":500},"duration_ms":900,"run":"run-7"} """));
        await portal.SettleAsync();

        Assert.Equal(1, answer.Number("accepted"));
        Assert.Equal(0.94m, await portal.BalanceAsync(account, "usd")); // 1 − (0.03 + 0.5 × 0.06)
        var charge = (await api.GetReplyAsync($"accounts/{account}/charges?run=run-7")).Json.GetProperty("data")[0];
        var receipt = (await api.GetReplyAsync($"charges/{charge.GetProperty("id").GetString()}")).Json;
        Assert.Contains("free v1", receipt.GetRawText(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_model_without_a_price_is_not_taken_for_free()
    {
        var answer = await portal.Api().ReportAsync(UsageApi.Event(GatingApi.NewAccount(), "a", """ "provider":"openai","model":"never-heard-of","tokens":{"input":5} """));
        Assert.Equal(0, answer.Number("accepted"));
        Assert.Equal("BILLING_UNPRICED_MODEL", answer.Json.GetProperty("rejected")[0].GetProperty("error_code").GetString());
    }

    [Fact]
    public async Task Tokens_of_every_kind_are_kept_apart_in_the_summary()
    {
        var (api, account) = (portal.Api(), GatingApi.NewAccount());
        await api.ReportAsync(
            UsageApi.Event(account, "a", """ "model":"gpt-4o","tokens":{"input":100,"output":20,"cached_input":50,"reasoning":7} """),
            UsageApi.Event(account, "b", """ "model":"gpt-4o","tokens":{"input":1,"output":2} """),
            UsageApi.Event(account, "c", """ "meter":"documents","quantity":3 """));
        await portal.SettleAsync();

        var usage = (await api.GetReplyAsync($"accounts/{account}/usage")).Json;
        var model = Assert.Single(usage.GetProperty("models").EnumerateArray());
        Assert.Equal((101, 22, 50, 7, 2), (model.GetProperty("input_tokens").GetInt32(), model.GetProperty("output_tokens").GetInt32(), model.GetProperty("cached_input_tokens").GetInt32(),
            model.GetProperty("reasoning_tokens").GetInt32(), model.GetProperty("events").GetInt32()));
        var documents = usage.GetProperty("data").EnumerateArray().Single(m => m.GetProperty("meter").GetString() == "documents");
        Assert.Equal(3, documents.GetProperty("quantity").GetInt32());
        Assert.Equal(0.15m, documents.GetProperty("cost")[0].GetProperty("amount").GetDecimal());
    }
}

/// <summary>A clock that leaves the months that were made ahead.</summary>
public sealed class UsageMonthTests(MeteredPlansPortal portal) : IClassFixture<MeteredPlansPortal>
{
    [Fact]
    public async Task A_month_that_is_missing_is_made_and_old_ones_are_dropped()
    {
        portal.Time.Set(new(2028, 2, 29, 12, 0, 0, TimeSpan.Zero));
        var (api, account) = (portal.Api(), GatingApi.NewAccount());
        var answer = await api.ReportAsync(UsageApi.Event(account, "leap", """ "meter":"api_calls","quantity":5 """));
        Assert.Equal(1, answer.Number("accepted"));
        Assert.Equal(1, await portal.ScalarAsync<long>("select count(*) from usage_events_2028_02"));

        portal.Time.Set(new(2029, 6, 1, 0, 0, 0, TimeSpan.Zero));
        await portal.Services.GetRequiredService<JobLoop>().RunNowAsync("keep_usage");
        Assert.False(await portal.ScalarAsync<bool>("select to_regclass('usage_events_2028_02') is not null"));
        Assert.True(await portal.ScalarAsync<bool>("select to_regclass('usage_events_2029_07') is not null"));
        Assert.Equal(0, await portal.CountAsync("usage_keys", account));
    }
}
