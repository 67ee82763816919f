using System.Diagnostics;
using System.Net;
using BillingPortal.Tests.Gating;
using BillingPortal.Tests.Testing;
using Xunit.Abstractions;

namespace BillingPortal.Tests.Usage;

/// <summary>
/// The usage page of an account with very many events does the work of one with few: it reads rollups. What the server itself counted is asked, so no query is forgotten.
/// Short: 100,000 events against 5,000. With BILLING_LONG=1: 5,000,000, and the times are compared as well.
/// </summary>
public sealed class UsageAtScaleTests(UsageAtScaleTests.ManyEventsPortal portal, ITestOutputHelper output) : IClassFixture<UsageAtScaleTests.ManyEventsPortal>
{
    private const int Few = 5_000;
    private const double MostTimes = 1.5;
    private static readonly int Many = LongForm.IsAsked ? 5_000_000 : 100_000;

    private static readonly string[] Readings = ["accounts/{0}/usage", "accounts/{0}/usage?granularity=hour&meter=api_calls", "accounts/{0}/billing-status", "accounts/{0}/quotas", "accounts/{0}/alerts"];
    private static readonly string[] Pages = ["/portal", "/portal/usage", "/portal/usage?range=7d&by=agent&unit=api_calls"];

    [Fact]
    public async Task The_usage_page_of_an_account_with_very_many_events_reads_no_event_and_hardly_more_rows()
    {
        await VisitAsync("few");
        var few = await WorkAsync("few");
        var many = await WorkAsync("many");
        output.WriteLine($"Rows read: {few.Rows} of an account with {Few} events, {many.Rows} with {Many}. Median: {few.Median.TotalMilliseconds:0.0} and {many.Median.TotalMilliseconds:0.0} ms.");

        Assert.Equal((0L, 0L), (few.Events, many.Events));
        Assert.InRange(few.Rows, 1_000, long.MaxValue); // the server did count
        // A scan of events would be twenty times as many; jobs that read beside the pages are in both counts.
        Assert.True(many.Rows <= 2 * MostTimes * few.Rows, $"{many.Rows} rows were read, {few.Rows} of the small account.");
        if (LongForm.IsAsked)
        {
            Assert.True(many.Median <= MostTimes * few.Median, $"{many.Median} against {few.Median}");
        }
    }

    private async Task<(long Events, long Rows, TimeSpan Median)> WorkAsync(string account)
    {
        await portal.ExecuteAsync("select pg_stat_reset()");
        await VisitAsync(account);
        await portal.EndSessionsAsync();
        var counted = (await portal.RowsAsync("""
            select coalesce(sum(seq_scan + coalesce(idx_scan, 0)) filter (where relname ~ '^usage_(events|keys)'), 0)::bigint,
                coalesce(sum(seq_tup_read + coalesce(idx_tup_fetch, 0)) filter (where relname = 'usage_rollups'), 0)::bigint
            from pg_stat_user_tables
            """))[0];
        return ((long)counted[0]!, (long)counted[1]!, LongForm.IsAsked ? await MedianAsync(account) : default);
    }

    private async Task VisitAsync(string account)
    {
        foreach (var reading in Readings)
        {
            var path = string.Format(System.Globalization.CultureInfo.InvariantCulture, reading, account);
            Assert.Equal((path, HttpStatusCode.OK), (path, (await portal.Api().GetReplyAsync(path)).Status));
        }

        using var customer = await SignedInAsync(account);
        foreach (var page in Pages)
        {
            Assert.Equal((page, HttpStatusCode.OK), (page, (await customer.Client.GetAsync(page)).StatusCode));
        }
    }

    private async Task<TimeSpan> MedianAsync(string account)
    {
        using var customer = await SignedInAsync(account);
        var times = new List<TimeSpan>();
        for (var i = 0; i < 45; i++)
        {
            var watch = Stopwatch.StartNew();
            Assert.Equal(HttpStatusCode.OK, (await customer.Client.GetAsync("/portal/usage")).StatusCode);
            times.Add(watch.Elapsed);
        }

        return times.Skip(4).Order().ElementAt(20);
    }

    private async Task<Visitor> SignedInAsync(string account)
    {
        var customer = new Visitor(portal.Url);
        var link = (await portal.Api().PostAsync($"accounts/{account}/portal-sessions", "{}")).String("url")!;
        Assert.Equal(HttpStatusCode.Redirect, (await customer.Client.GetAsync(link)).StatusCode);
        return customer;
    }

    /// <summary>Two accounts with the same kinds of use of the last 29 days, spread evenly: few events and many. Their rollups are the sums of their events.</summary>
    public sealed class ManyEventsPortal() : CatalogPortal("metered-plans")
    {
        public override async Task InitializeAsync()
        {
            await base.InitializeAsync();
            foreach (var (account, events) in new[] { ("few", Few), ("many", Many) })
            {
                await Api().ChargeAsync(account, """ "meter":"api_calls","quantity":1 """);
                await this.SettleAsync();
                for (var done = 0; done < events; done += 500_000)
                {
                    await ExecuteAsync($"""
                        insert into usage_events (account_id, time, digest, source, id, received_at, usage_id, meter, quantity, agent, byok)
                        select a.account_id, at, decode(md5('{account}-' || n), 'hex'), 'scale', n::text, at, gen_random_uuid(), case n % 2 when 0 then 'api_calls' else 'llm_tokens' end, 1 + n % 7, 'agent-' || n / 2 % 2, false
                        from accounts a cross join generate_series({done}, {Math.Min(events, done + 500_000) - 1}) n cross join lateral (select date_trunc('hour', now()) - (n::bigint * 7919 % (29 * 24 * 3600)) * interval '1 second' as at) t
                        where a.external_id = '{account}'
                        """);
                }

                await ExecuteAsync($"""
                    insert into usage_rollups (account_id, hour, key, action, meter, provider, model, agent, member, unit, price_unit, quantity, input_tokens, output_tokens, cached_input_tokens, cache_write_tokens,
                        reasoning_tokens, price, cost, charges, events, paid)
                    select account_id, date_trunc('hour', time, 'UTC'), decode(md5(meter || agent), 'hex'), '', meter, '', '', agent, '', meter, meter, sum(quantity), 0, 0, 0, 0, 0, sum(quantity), 0, count(*), count(*), sum(quantity)
                    from usage_events e join accounts a using (account_id) where a.external_id = '{account}' group by 1, 2, meter, agent
                    """);
                await ExecuteAsync("update wallets w set used_in_period = (select coalesce(sum(quantity), 0) from usage_events e where e.account_id = w.account_id and e.meter = w.unit) where account_id = (select account_id from accounts where external_id = $1) and unit in ('api_calls', 'llm_tokens')", account);
            }

            // Others' rollups beside theirs: nobody has the table to themselves.
            await ExecuteAsync("""
                insert into usage_rollups select (jsonb_populate_record(r, jsonb_build_object('account_id', other))).* from usage_rollups r
                cross join (select gen_random_uuid() as other from generate_series(1, 60)) others where r.account_id = (select account_id from accounts where external_id = 'few') and r.hour > now() - interval '10 days'
                """);
            await ExecuteAsync("vacuum analyze");
        }
    }
}
