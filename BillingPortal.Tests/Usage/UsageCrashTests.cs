using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using System.Text.Json.Nodes;
using BillingPortal.Tests.Gating;
using BillingPortal.Tests.Testing;
using Xunit.Abstractions;
using GatingApi = BillingPortal.Tests.Gating.Api;

namespace BillingPortal.Tests.Usage;

public sealed class KillableMeteredPortal : KillablePortal
{
    protected override string CatalogFile => Path.Combine(AppContext.BaseDirectory, "catalogs", "metered-plans.json");
    // The simulator is not there in Production; with a key it is a Stripe like any other, and dies with the application.
    protected override string EnvironmentName => "Staging";

    protected override void Adapt(IDictionary<string, string?> environment, string url)
    {
        environment["Stripe__SecretKey"] = "sk_test_crash";
        environment["Stripe__ApiBase"] = $"{url}/stripe-simulator";
        environment["Portal__PublicUrl"] = url;
        environment["Usage__SubmitSeconds"] = "5";
        Url = url.EndsWith(":0", StringComparison.Ordinal) ? Url : new(url);
    }

    public Uri Url { get; private set; } = new("http://127.0.0.1");
}

/// <summary>
/// Events in random order, a tenth of them twice, a twentieth of them late, while the application is killed and Stripe's answers are lost: the rollups are a plain sum over the distinct events,
/// and what Stripe has counted is the overage, once.
/// Short: 50,000 events, 2 kills. With BILLING_LONG=1: 1,000,000 events, 10 kills.
/// </summary>
public sealed class UsageCrashTests(KillableMeteredPortal portal, ITestOutputHelper output) : IClassFixture<KillableMeteredPortal>
{
    private const int InRequest = 500;
    private static readonly int Distinct = LongForm.IsAsked ? 1_000_000 : 50_000;
    private static readonly int Kills = LongForm.IsAsked ? 10 : 2;
    private const int Accounts = 200;
    private const decimal Included = 1_000m;
    private static readonly string[] Meters = ["api_calls", "llm_tokens", "agent_executions"];

    [Fact]
    public async Task Rollups_equal_a_plain_sum_over_the_distinct_events_however_often_the_application_is_killed()
    {
        var clock = Stopwatch.StartNew();
        var random = new Random(20261121);
        var now = DateTimeOffset.UtcNow;
        var events = Enumerable.Range(0, Distinct).Select(i => Event(i, random, now)).ToList();
        var sent = events.Concat(events.Where(_ => random.Next(10) == 0)).OrderBy(_ => random.Next()).Chunk(InRequest).ToList();
        await SubscribeAsync();
        var waiting = new ConcurrentQueue<Reported[]>(sent);
        var accepted = 0;
        var sending = Task.WhenAll(Enumerable.Range(0, 4).Select(_ => Task.Run(async () =>
        {
            using var api = portal.Api();
            while (waiting.TryDequeue(out var batch))
            {
                Interlocked.Add(ref accepted, await SendAsync(api, batch));
            }
        })));
        for (var kill = 1; kill <= Kills; kill++)
        {
            while (waiting.Count > sent.Count - (sent.Count * kill / (Kills + 1)))
            {
                await Task.Delay(5);
            }

            await portal.KillAsync();
            await portal.StartAsync();
            await LoseAnswersAsync();
        }

        await sending;
        await DrainAsync();

        Assert.True(accepted <= Distinct); // an answer may be lost with the application, an event that was accepted may not
        Assert.Equal(Distinct, await portal.ScalarAsync<long>("select count(*) from usage_events"));
        foreach (var meter in Meters)
        {
            var own = events.Where(e => e.Meter == meter).ToList();
            Assert.Equal((meter, own.Sum(e => e.Quantity)), (meter, await portal.ScalarAsync<decimal>($"select sum(quantity) from usage_rollups where meter = '{meter}'")));
            Assert.Equal((meter, own.Sum(e => e.Quantity)), (meter, await portal.ScalarAsync<decimal>($"select sum(used_in_period) from wallets where unit = '{meter}'")));
        }

        Assert.Equal(0L, await portal.ScalarAsync<long>(
            """
            select count(*) from (
                select account_id, date_trunc('hour', time, 'UTC') as hour, meter, coalesce(agent, '') as agent, sum(quantity) as quantity, count(*) as events from usage_events group by 1, 2, 3, 4) e
            full join (select account_id, hour, meter, agent, sum(quantity) as quantity, sum(events) as events from usage_rollups where meter <> '' group by 1, 2, 3, 4) r using (account_id, hour, meter, agent)
            where e.quantity is distinct from r.quantity or e.events is distinct from r.events
            """));
        await SubmitAllAsync();
        var overage = events.GroupBy(e => (e.Account, e.Meter)).Sum(g => Math.Floor(Math.Max(0m, g.Sum(e => e.Quantity) - Included)));
        Assert.True(overage > Distinct);
        Assert.Equal(overage, await portal.ScalarAsync<decimal>("select coalesce(sum(value), 0) from meter_reports"));
        Assert.Equal(overage, await portal.ScalarAsync<decimal>("select coalesce(sum((body -> 'payload' ->> 'value')::numeric), 0) from simulator_objects where type = 'billing.meter_event'"));
        Assert.Equal(0L, await portal.ScalarAsync<long>("""
            select count(*) from (select account_id, meter, sum(value) as value from meter_reports group by 1, 2) r
            full join (select account_id, o.body ->> 'event_name' as meter, sum((o.body -> 'payload' ->> 'value')::numeric) as value from simulator_objects o join stripe_customers c on c.customer_id = o.customer where o.type = 'billing.meter_event' group by 1, 2) s using (account_id, meter)
            where r.value is distinct from s.value
            """));
        output.WriteLine($"{Distinct} events, {Kills} kills: {overage} units of overage in {await portal.ScalarAsync<long>("select count(*) from meter_reports")} reports, {await portal.ScalarAsync<long>("select coalesce(sum(attempts), 0)::bigint from meter_reports")} of their tries without an answer, none lost, none twice; {clock.Elapsed:mm\\:ss}");
        Assert.Null(await portal.LedgerProblemsAsync());
    }

    [Fact]
    public async Task A_re_rating_is_posted_once_though_the_application_is_killed_half_way()
    {
        const int each = 500;
        using var api = portal.Api();
        await AddCardAsync(api);
        string[] accounts = [.. Enumerable.Range(0, 4).Select(_ => GatingApi.NewAccount())];
        foreach (var account in accounts)
        {
            await api.GrantAsync(account, 10_000);
            Assert.Equal(HttpStatusCode.OK, (await api.PutAsync($"accounts/{account}/overrides", """{"rate_card":"killed"}""")).Status);
            var batch = await api.PostAsync("charges/batch", $$"""{"charges":[{{string.Join(',', Enumerable.Range(0, each).Select(i =>
                $$"""{"account":"{{account}}","provider":"openai","model":"gpt-4o","tokens":{"input":1,"output":0},"idempotency_key":"k{{i}}"}"""))}}]}""");
            Assert.Equal(each, batch.Json.GetProperty("results").EnumerateArray().Count(r => r.GetProperty("status").GetInt32() == 201));
        }

        var preview = await api.PostAsync("admin/re-ratings", $$"""{"from":"{{DateTimeOffset.UtcNow.AddDays(-1):yyyy-MM-dd}}","to":"{{DateTimeOffset.UtcNow.AddDays(2):yyyy-MM-dd}}","rate_card":"killed","version":2}""");
        Assert.Equal(accounts.Length * each, preview.Number("charges"));
        var approving = api.PostAsync($"admin/re-ratings/{preview.String("id")}/approve", """{"reason":"a kill"}""");
        while (!approving.IsCompleted && await portal.ScalarAsync<long>("select count(*) from charge_refunds") == 0)
        {
            await Task.Delay(2);
        }

        await portal.KillAsync();
        await portal.StartAsync();
        await Task.WhenAny(approving); // answered or broken off
        for (var patience = Stopwatch.StartNew(); patience.Elapsed < TimeSpan.FromMinutes(2) && (await api.GetReplyAsync($"admin/re-ratings/{preview.String("id")}")).String("status") != "posted";)
        {
            await Task.Delay(100);
        }

        var done = await api.GetReplyAsync($"admin/re-ratings/{preview.String("id")}");
        Assert.Equal(("posted", 0), (done.String("status"), done.Json.GetProperty("left_out").GetArrayLength()));
        Assert.Equal(accounts.Length * each, done.Json.GetProperty("differences")[0].GetProperty("posted").GetInt32());
        // 2 each before, 3 each after.
        Assert.Equal(accounts.Length, await portal.ScalarAsync<long>($"select count(*) from wallets where unit = 'credit' and balance = {10_000 - (3 * each)}"));
        Assert.Equal(2L * accounts.Length * each, await portal.ScalarAsync<long>("select count(*) from charges where model = 'gpt-4o'"));
        Assert.Null(await portal.LedgerProblemsAsync());
    }

    private static async Task AddCardAsync(HttpClient api)
    {
        var catalog = JsonNode.Parse((await api.GetReplyAsync("admin/catalog")).Text)!;
        foreach (var (version, from) in new[] { (1, "2020-01-01T00:00:00Z"), (2, "2090-01-01T00:00:00Z") })
        {
            catalog["rate_cards"]!.AsArray().Add(JsonNode.Parse(
                $$$"""{"id":"killed","version":{{{version}}},"effective_from":"{{{from}}}","unit":"credit","models":[{"provider":"*","model":"*","prices":{"input":{{{version + 1}}},"output":0,"per":1}}]}"""));
        }

        var put = await api.PutAsync("admin/catalog", catalog.ToJsonString());
        Assert.True(put.Status == HttpStatusCode.OK, put.Text);
    }

    /// <summary>Everybody stands on a plan that sells more than it includes, and has a subscription that bills it.</summary>
    private async Task SubscribeAsync()
    {
        using var api = portal.Api();
        string[] overage = ["""{"price":0.001,"per":1,"currency":"usd"}""", """{"price":0.01,"per":1000,"currency":"usd"}""", """{"price":0.1,"per":1,"currency":"usd"}"""];
        var own = string.Join(',', Meters.Zip(overage, (m, o) => $$"""{"meter":"{{m}}","included":{{Included}},"cap":"soft","overage":{{o}}}"""));
        for (var i = 0; i < Accounts; i++)
        {
            Assert.Equal(HttpStatusCode.Created, (await api.PutAsync($"accounts/usage-{i}", "{}")).Status);
            var set = await api.PutAsync($"accounts/usage-{i}/overrides", $$"""{"plan":"standard","allowances":[{{own}}]}""");
            Assert.True(set.Status == HttpStatusCode.OK, set.Text);
        }

        var synced = await api.PostAsync("admin/payment-providers/stripe/sync", "{}");
        Assert.True(synced.Status == HttpStatusCode.OK, synced.Text);
        await portal.ExecuteAsync("""
            insert into simulator_objects (id, type, customer, body) select 'cus_' || external_id, 'customer', null, jsonb_build_object('id', 'cus_' || external_id, 'object', 'customer') from accounts;
            insert into stripe_customers (account_id, generation, customer_id, created_at) select account_id, 1, 'cus_' || external_id, now() from accounts;
            insert into subscriptions (account_id, id, customer_id, item_id, price_id, plan, interval, status, price, currency, anchor, current_period_start, current_period_end, cancel_at_period_end, started_at, updated_at, metered)
            select account_id, 'sub_' || external_id, 'cus_' || external_id, 'si', 'price', 'standard', 'month', 'active', 99, 'usd', now() - interval '1 day', now() - interval '1 day', now() + interval '30 days', false,
                now() - interval '1 day', now(), '{llm_tokens=0.001,agent_executions=10,api_calls=0.1}' from accounts;
            """);
        await LoseAnswersAsync();
    }

    /// <summary>Stripe breaks off, before and after it has done its work, fails, and asks to slow down.</summary>
    private async Task LoseAnswersAsync()
    {
        using var http = new HttpClient();
        foreach (var fault in (string[])["drop_after", "drop_before", "500", "drop_after", "429"])
        {
            using var form = new FormUrlEncodedContent([new("fault", fault), new("path", "/v1/billing/meter_events"), new("times", "4")]);
            using var asked = await http.PostAsync(new Uri($"{portal.Url}stripe-simulator/faults"), form);
            Assert.Equal(HttpStatusCode.OK, asked.StatusCode);
        }
    }

    /// <summary>Until all that is due was taken; tries that a kill has left behind are due at once.</summary>
    private async Task SubmitAllAsync()
    {
        for (var patience = Stopwatch.StartNew(); patience.Elapsed < TimeSpan.FromMinutes(5); await Task.Delay(500))
        {
            await portal.ExecuteAsync("update meter_reports set next_attempt_at = now() where next_attempt_at > now()");
            if (await portal.ScalarAsync<bool>("select not exists (select from overage_marks) and not exists (select from meter_reports where status <> 'Sent')"))
            {
                return;
            }
        }

        Assert.Fail(portal.Said);
    }

    private async Task DrainAsync()
    {
        var most = TimeSpan.FromMinutes(LongForm.IsAsked ? 20 : 3); // a million events are nearly as many charges
        for (var patience = Stopwatch.StartNew(); patience.Elapsed < most; await Task.Delay(200))
        {
            if (await portal.ScalarAsync<bool>("select not exists (select from uncharged_usage) and not exists (select from uncounted_charges)"))
            {
                return;
            }
        }

        Assert.Fail(portal.Said);
    }

    private static Reported Event(int number, Random random, DateTimeOffset now) => new(
        $"event-{number}", $"usage-{random.Next(Accounts)}", Meters[random.Next(Meters.Length)], random.Next(1, 1_000_000) / 1000m, $"agent-{random.Next(3)}",
        random.Next(20) == 0 ? now.AddMinutes(-random.Next(60, 34 * 24 * 60)) : now.AddSeconds(-random.Next(600)));

    private async Task<int> SendAsync(HttpClient api, Reported[] batch)
    {
        for (var patience = Stopwatch.StartNew(); patience.Elapsed < TimeSpan.FromMinutes(3); await Task.Delay(50))
        {
            try
            {
                using var answer = await api.PostAsJsonAsync("usage/events", new { events = batch.Select(e => new { id = e.Id, source = "crash", account = e.Account, meter = e.Meter, quantity = e.Quantity, agent = e.Agent, time = UsageApi.At(e.Time) }) });
                if (answer.StatusCode == HttpStatusCode.Accepted)
                {
                    var body = await answer.Content.ReadFromJsonAsync<JsonElement>();
                    Assert.Equal(0, body.GetProperty("rejected").GetArrayLength());
                    return body.GetProperty("accepted").GetInt32();
                }

                Assert.Equal(HttpStatusCode.ServiceUnavailable, answer.StatusCode);
            }
            catch (Exception e) when (e is HttpRequestException or TaskCanceledException or IOException)
            {
                // No answer: what was taken is a duplicate next time.
            }
        }

        throw new TimeoutException(portal.Said);
    }

    private sealed record Reported(string Id, string Account, string Meter, decimal Quantity, string Agent, DateTimeOffset Time);
}
