using System.Globalization;
using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using BillingPortal.Jobs;
using BillingPortal.Tests.Gating;
using BillingPortal.Tests.Payments;
using BillingPortal.Tests.Testing;
using Microsoft.Extensions.DependencyInjection;
using GatingApi = BillingPortal.Tests.Gating.Api;

namespace BillingPortal.Tests.Usage;

/// <summary>A portal on the metered plans with its simulator, whose jobs run when a test says so.</summary>
public class SubmissionFixture : StripeFixture
{
    protected override void Configure(IDictionary<string, string?> settings)
    {
        base.Configure(settings);
        settings["Catalog:File"] = "catalogs/metered-plans.json";
        settings["Jobs:Enabled"] = "false";
    }

    public JobLoop Jobs => Services.GetRequiredService<JobLoop>();

    /// <summary>A subscriber, paid by a card that works: 10,000,000 tokens and $0.005 per 1,000 more; 50,000 executions and $0.05; 1,000,000 calls and $0.0005; 1,024 GB and $0.25.</summary>
    public async Task<string> SubscribeAsync(string plan = "enterprise", string interval = "month")
    {
        var account = GatingApi.NewAccount();
        using var paid = await PayAsync(await CheckoutAsync(account, new { kind = "subscription", plan, interval }), Works);
        await UntilAsync(async () => await ScalarAsync<string>("select s.status from subscriptions s join accounts a using (account_id) where a.external_id = $1", account) is "active" or "trialing", "the subscription");
        return account;
    }

    public async Task UseAsync(string account, string meter, decimal quantity)
    {
        var reply = await Api().ChargeAsync(account, string.Create(CultureInfo.InvariantCulture, $""" "meter":"{meter}","quantity":{quantity} """));
        Assert.True(reply.Status == HttpStatusCode.Created, reply.Text);
    }

    /// <summary>Counts what was used and submits what is due, now.</summary>
    public async Task SubmitAsync()
    {
        await this.SettleAsync();
        await Jobs.RunNowAsync("submit_usage");
    }

    /// <summary>What Stripe has counted for an account, whenever.</summary>
    public Task<decimal> CountedAsync(string account, string meter) => ScalarAsync<decimal>(
        """
        select coalesce(sum((o.body -> 'payload' ->> 'value')::numeric), 0) from simulator_objects o
        where o.type = 'billing.meter_event' and o.body ->> 'event_name' = $2 and o.customer in (select customer_id from stripe_customers c join accounts a using (account_id) where a.external_id = $1)
        """, account, meter);

    public Task<IReadOnlyList<object?[]>> ReportsAsync(string account) => RowsAsync(
        "select r.meter, r.value, r.status, r.way, r.generation, r.parked_as, r.id, r.reason from meter_reports r join accounts a using (account_id) where a.external_id = $1 order by r.meter, r.number", account);

    /// <summary>The totals of an account's invoices as this portal knows them, oldest first.</summary>
    public async Task<decimal[]> BilledAsync(string account)
    {
        await SettledAsync();
        return [.. (await RowsAsync("select i.total from invoices i join accounts a using (account_id) where a.external_id = $1 and i.status = 'paid' order by i.created_at, i.id", account)).Select(r => (decimal)r[0]!)];
    }

    /// <summary>The clock goes to so long after the end of the account's period, and what is due at Stripe happens.</summary>
    public async Task PassPeriodAsync(string account, TimeSpan beyond)
    {
        var end = await ScalarAsync<DateTime>("select max(s.current_period_end) from subscriptions s join accounts a using (account_id) where a.external_id = $1", account);
        Time.Set(new DateTimeOffset(end, TimeSpan.Zero) + beyond);
        await Jobs.RunNowAsync("advance_accounts");
        await UntilAsync(async () => await ScalarAsync<bool>("select bool_and(s.current_period_end > $2) from subscriptions s join accounts a using (account_id) where a.external_id = $1", account, Time.GetUtcNow()), "the renewal");
    }

    /// <param name="url">The instance whose calls it meets: each has its own simulator, on one database. Null: the first.</param>
    public async Task FaultAsync(string fault, int times, string? url = null)
    {
        using var _ = await PressAsync(new($"{url ?? Url}/stripe-simulator/faults"), ("fault", fault), ("path", "/v1/billing/meter_events"), ("times", times.ToString(CultureInfo.InvariantCulture)));
    }

    public async Task ClearFaultsAsync()
    {
        using var _ = await PressAsync(new($"{Url}/stripe-simulator/faults/clear"));
    }

    public async Task<JsonElement> RetryAsync(Guid report)
    {
        using var answer = await Api().PostAsync(new Uri($"admin/meter-reports/mrep_{report:N}/retry", UriKind.Relative), null);
        return await answer.Content.ReadFromJsonAsync<JsonElement>();
    }
}

/// <summary>Overage reaches the bill once: as meter events while its period is open, as items where it comes too late or on other terms (E4).</summary>
public sealed class SubmissionTests(SubmissionFixture portal) : IClassFixture<SubmissionFixture>
{
    [Fact]
    public async Task Overage_is_told_in_whole_numbers_with_the_remainder_carried_and_nothing_twice()
    {
        var account = await portal.SubscribeAsync();
        await portal.UseAsync(account, "llm_tokens", 10_000_000.4m);
        await portal.SubmitAsync();
        Assert.Empty(await portal.ReportsAsync(account)); // 0.4
        await portal.UseAsync(account, "llm_tokens", 2.3m);
        await portal.SubmitAsync();
        await portal.SubmitAsync();
        Assert.Equal(2, await portal.CountedAsync(account, "llm_tokens"));
        await portal.UseAsync(account, "llm_tokens", 0.6m);
        await portal.UseAsync(account, "agent_executions", 49_999m);
        await portal.SubmitAsync();
        Assert.Equal((3m, 0m), (await portal.CountedAsync(account, "llm_tokens"), await portal.CountedAsync(account, "agent_executions")));
        Assert.All(await portal.ReportsAsync(account), r => Assert.Equal(("Sent", "MeterEvent"), (r[2], r[3])));
    }

    [Fact]
    public async Task The_renewals_invoice_bills_what_was_used_also_in_the_last_minutes_and_of_levels()
    {
        var account = await portal.SubscribeAsync();
        await portal.UseAsync(account, "llm_tokens", 11_000_000m); // 1,000,000 × $0.005 / 1,000 = $5
        await portal.SubmitAsync();
        await portal.UseAsync(account, "llm_tokens", 200_000m); // $1, not submitted before the period's end
        await portal.UseAsync(account, "storage_gb", 1_003.2m); // 4 GB × $0.25 = $1
        await portal.PassPeriodAsync(account, TimeSpan.FromMinutes(20));
        Assert.Equal([499m], await portal.BilledAsync(account)); // the invoice waits an hour
        await portal.SubmitAsync();
        Assert.Equal((1_200_000m, 4m), (await portal.CountedAsync(account, "llm_tokens"), await portal.CountedAsync(account, "storage_gb")));
        portal.Time.Advance(TimeSpan.FromHours(1));
        await StripeFixture.UntilAsync(async () => (await portal.BilledAsync(account)).Length == 2, "the renewal is paid");
        Assert.Equal([499m, 506m], await portal.BilledAsync(account));
        // Either charge ends at the line that bills its meter: one was told within the period, one after it.
        foreach (var charge in (await portal.Api().GetReplyAsync($"accounts/{account}/charges")).Json.GetProperty("data").EnumerateArray().Where(c => c.GetProperty("meter").GetString() == "llm_tokens"))
        {
            var (line, verdict) = await LineAsync(account, charge.GetProperty("id").GetString()!);
            Assert.Equal(("1200000 × LLM tokens", 6m, 1_200_000m, "paid"), (line.GetProperty("description").GetString(), line.GetProperty("amount").GetDecimal(), line.GetProperty("quantity").GetDecimal(), line.GetProperty("status").GetString()));
            Assert.Contains($"billed by '1200000 × LLM tokens' of invoice {line.GetProperty("number").GetString()}", verdict, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task What_comes_after_the_invoice_was_closed_is_an_item_on_the_next_one()
    {
        var account = await portal.SubscribeAsync();
        await portal.UseAsync(account, "agent_executions", 50_030m); // 30 × $0.05 = $1.50
        await portal.SettleAsync();
        await portal.PassPeriodAsync(account, TimeSpan.FromHours(3));
        await portal.SubmitAsync();
        var report = Assert.Single(await portal.ReportsAsync(account));
        Assert.Equal((30L, "Sent", "InvoiceItem"), (report[1], report[2], report[3]));
        var charge = (await portal.Api().GetReplyAsync($"accounts/{account}/charges")).Json.GetProperty("data")[0].GetProperty("id").GetString()!;
        Assert.False((await portal.Api().GetReplyAsync($"accounts/{account}/usage/trace?charge={charge}")).Json.GetProperty("overage")[0].TryGetProperty("line", out _));
        Assert.Equal(0, await portal.CountedAsync(account, "agent_executions"));
        await portal.PassPeriodAsync(account, TimeSpan.FromHours(2));
        await StripeFixture.UntilAsync(async () => (await portal.BilledAsync(account)).Length == 3, "two renewals are paid");
        Assert.Equal([499m, 499m, 500.5m], await portal.BilledAsync(account));
        Assert.Equal(1.5m, (await LineAsync(account, charge)).Line.GetProperty("amount").GetDecimal());
    }

    /// <summary>Where the trace of a charge beyond its allowance ends.</summary>
    private async Task<(JsonElement Line, string Verdict)> LineAsync(string account, string charge)
    {
        var trace = (await portal.Api().GetReplyAsync($"accounts/{account}/usage/trace?charge={charge}")).Json;
        var over = Assert.Single(trace.GetProperty("overage").EnumerateArray());
        Assert.True(over.TryGetProperty("line", out var line), trace.ToString());
        Assert.Equal("sent", over.GetProperty("report").GetProperty("status").GetString());
        return (line, trace.GetProperty("verdict").GetString()!);
    }

    [Fact]
    public async Task An_upgrade_bills_what_was_used_before_at_the_old_price_and_what_is_used_after_at_the_new()
    {
        var account = await portal.SubscribeAsync("standard");
        await portal.PassPeriodAsync(account, TimeSpan.FromHours(2)); // the trial is over
        await portal.UseAsync(account, "agent_executions", 5_020m); // 20 × $0.10 are submitted
        await portal.SubmitAsync();
        portal.Time.Advance(TimeSpan.FromMinutes(1));
        await portal.UseAsync(account, "agent_executions", 10m); // 10 × $0.10 are not
        await portal.SettleAsync();
        using (var changed = await portal.Api().PutAsJsonAsync($"accounts/{account}/subscription", new { plan = "enterprise", interval = "month" }))
        {
            Assert.True(changed.IsSuccessStatusCode, await changed.Content.ReadAsStringAsync());
        }

        await portal.UseAsync(account, "agent_executions", 45_020m); // 50,020 − 50,000 − what was billed as overage already
        await portal.SubmitAsync();
        var reports = await portal.ReportsAsync(account);
        Assert.Equal(["20 MeterEvent", "10 InvoiceItem", "20 MeterEvent"], reports.Select(r => $"{r[1]} {r[3]}"));
        Assert.InRange((await portal.BilledAsync(account))[^1], 400.5m, 402m); // the difference of the plans for almost a month, and 20 × $0.10
        await portal.PassPeriodAsync(account, TimeSpan.FromHours(2));
        await StripeFixture.UntilAsync(async () => (await portal.BilledAsync(account)).Length == 4, "the renewal is paid");
        Assert.Equal(499m + 1m + 1m, (await portal.BilledAsync(account))[^1]); // 10 × $0.10 and 20 × $0.05
    }

    [Theory]
    [InlineData("drop_before", 2)]
    [InlineData("drop_before", 4)]
    [InlineData("drop_after", 2)]
    [InlineData("drop_after", 4)]
    [InlineData("429", 2)]
    [InlineData("500", 5)]
    public async Task However_answers_are_lost_Stripe_counts_it_once(string fault, int times)
    {
        var account = await portal.SubscribeAsync();
        await portal.UseAsync(account, "api_calls", 1_000_007m);
        await portal.SettleAsync();
        await portal.FaultAsync(fault, times);
        for (var i = 0; i < 4 && (await portal.ReportsAsync(account)).All(r => (string?)r[2] != "Sent"); i++)
        {
            await portal.Jobs.RunNowAsync("submit_usage");
            portal.Time.Advance(TimeSpan.FromMinutes(5));
        }

        var report = Assert.Single(await portal.ReportsAsync(account));
        Assert.Equal((7L, "Sent", 0), (report[1], report[2], report[4]));
        Assert.Equal(7, await portal.CountedAsync(account, "api_calls"));
    }

    [Theory]
    [InlineData("drop_after", 0)] // it is there: nothing is sent again
    [InlineData("drop_before", 1)] // it is not: another identifier
    public async Task What_is_unknown_for_a_day_is_looked_up_in_Stripes_sums_and_not_sent_on_trust(string fault, int generation)
    {
        var account = await portal.SubscribeAsync();
        await portal.UseAsync(account, "api_calls", 1_000_009m);
        await portal.SettleAsync();
        await portal.FaultAsync(fault, 3);
        await portal.Jobs.RunNowAsync("submit_usage");
        Assert.Equal("Sending", Assert.Single(await portal.ReportsAsync(account))[2]);
        portal.Time.Advance(TimeSpan.FromHours(24));
        await portal.Jobs.RunNowAsync("submit_usage");
        var report = Assert.Single(await portal.ReportsAsync(account));
        Assert.Equal(("Sent", generation), (report[2], report[4]));
        Assert.Equal(9, await portal.CountedAsync(account, "api_calls"));
    }

    [Fact]
    public async Task Several_instances_at_once_report_each_unit_once()
    {
        var others = new[] { await portal.StartInstanceAsync(), await portal.StartInstanceAsync() };
        JobLoop[] loops = [portal.Jobs, .. others.Select(o => o.Services.GetRequiredService<JobLoop>())];
        var accounts = await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => portal.SubscribeAsync()));
        foreach (var account in accounts)
        {
            await portal.UseAsync(account, "llm_tokens", 10_000_000m);
        }

        foreach (var url in (string[])[portal.Url, .. others.Select(o => o.Url)])
        {
            await portal.FaultAsync("drop_after", 3, url);
        }

        for (var round = 0; round < 4; round++)
        {
            await Task.WhenAll(accounts.Select(a => portal.UseAsync(a, "llm_tokens", 2.5m)));
            await portal.SettleAsync();
            await Task.WhenAll(loops.Select(l => l.RunNowAsync("submit_usage")));
            portal.Time.Advance(TimeSpan.FromMinutes(5));
        }

        await portal.ClearFaultsAsync(); // the others may have taken all there was to send
        await portal.SubmitAsync();
        foreach (var account in accounts)
        {
            Assert.Equal(10, await portal.CountedAsync(account, "llm_tokens"));
            Assert.All(await portal.ReportsAsync(account), r => Assert.Equal("Sent", r[2]));
        }
    }

    [Fact]
    public async Task What_Stripe_accepted_and_could_not_count_is_parked_shown_and_counted_once_after_another_try()
    {
        var account = await portal.SubscribeAsync();
        var meter = (await portal.StripeAsync(HttpMethod.Get, "/v1/billing/meters?limit=100&status=active")).GetProperty("data").EnumerateArray().Single(m => m.GetProperty("event_name").GetString() == "storage_gb").GetProperty("id").GetString();
        await portal.StripeAsync(HttpMethod.Post, $"/v1/billing/meters/{meter}/deactivate");
        await portal.UseAsync(account, "storage_gb", 1_003m);
        await portal.PassPeriodAsync(account, TimeSpan.FromMinutes(5));
        await portal.SubmitAsync();
        await portal.SettledAsync();
        var parked = Assert.Single(await portal.ReportsAsync(account));
        Assert.Equal(("Parked", "NotCounted"), (parked[2], parked[5]));
        Assert.Contains("no_meter", (string)parked[7]!, StringComparison.Ordinal);
        var shown = await portal.Api().GetFromJsonAsync<JsonElement>("admin/meter-reports?status=parked");
        Assert.Contains(shown.GetProperty("data").EnumerateArray(), r => r.GetProperty("id").GetString() == $"mrep_{parked[6]:N}");

        await portal.StripeAsync(HttpMethod.Post, $"/v1/billing/meters/{meter}/reactivate");
        Assert.Equal("waiting", (await portal.RetryAsync((Guid)parked[6]!)).GetProperty("status").GetString());
        Assert.Equal("NOT_FOUND", (await portal.RetryAsync((Guid)parked[6]!)).GetProperty("error_code").GetString());
        await portal.SubmitAsync();
        await portal.SettledAsync();
        Assert.Equal(("Sent", 1), (Assert.Single(await portal.ReportsAsync(account))[2], Assert.Single(await portal.ReportsAsync(account))[4]));
        Assert.Equal(3, await portal.CountedAsync(account, "storage_gb"));
        Assert.Equal(1, await portal.ScalarAsync<long>("select count(*) from audit_entries e join meter_reports r on e.subject = r.identifier where e.action = 'meter_report.retried' and r.id = $1", (Guid)parked[6]!));
    }

    [Fact]
    public async Task Overage_of_somebody_whom_Stripe_does_not_know_is_shown_to_staff_and_not_lost()
    {
        var (api, account) = (portal.Api(), GatingApi.NewAccount());
        await api.PutAsync($"accounts/{account}", "{}");
        await portal.UseAsync(account, "api_calls", 1m);
        Assert.Equal(HttpStatusCode.OK, (await api.PutAsync($"accounts/{account}/overrides", """{"plan":"standard"}""")).Status);
        await portal.UseAsync(account, "api_calls", 100_004m);
        await portal.SubmitAsync();
        Assert.Empty(await portal.ReportsAsync(account));
        portal.Time.Advance(TimeSpan.FromDays(32));
        await portal.Jobs.RunNowAsync("advance_accounts");
        await portal.SubmitAsync();
        var parked = Assert.Single(await portal.ReportsAsync(account));
        Assert.Equal((5L, "Parked", "NoCustomer"), (parked[1], parked[2], parked[5]));

        await api.PostAsync($"accounts/{account}/stripe-portal-sessions", "{}");
        await portal.RetryAsync((Guid)parked[6]!);
        await portal.SubmitAsync();
        Assert.Equal(("Sent", "InvoiceItem"), (Assert.Single(await portal.ReportsAsync(account))[2], Assert.Single(await portal.ReportsAsync(account))[3]));
    }

    [Fact]
    public async Task Refunds_after_it_was_reported_are_given_back_on_the_next_invoice()
    {
        var (api, account) = (portal.Api(), await portal.SubscribeAsync());
        await portal.UseAsync(account, "agent_executions", 50_000m);
        var charged = await api.ChargeAsync(account, """ "meter":"agent_executions","quantity":50 """);
        await portal.SubmitAsync();
        var refunded = await api.PostAsync($"charges/{charged.String("id")}/refund", """{"reason":"never ran"}""", GatingApi.NewKey());
        Assert.Equal(HttpStatusCode.Created, refunded.Status);
        await portal.PassPeriodAsync(account, TimeSpan.FromMinutes(10));
        await portal.SubmitAsync();
        await portal.UseAsync(account, "agent_executions", 50_001m);
        await portal.SubmitAsync();
        Assert.Equal(["50 MeterEvent", "-50 InvoiceItem", "1 MeterEvent"], (await portal.ReportsAsync(account)).Select(r => $"{r[1]} {r[3]}"));
    }

    [Fact]
    public async Task A_soft_caps_grace_is_not_sold_and_not_reported()
    {
        var account = GatingApi.NewAccount();
        await portal.UseAsync(account, "api_calls", 1_100m); // free plan: 1,000 and a grace share
        portal.Time.Advance(TimeSpan.FromDays(32));
        await portal.Jobs.RunNowAsync("advance_accounts");
        await portal.SubmitAsync();
        Assert.Empty(await portal.ReportsAsync(account));
        Assert.Equal(1, await portal.ScalarAsync<long>("select count(*) from transfers t join accounts a using (account_id) where a.external_id = $1 and t.book = 'Overage'", account));
    }

    [Fact]
    public async Task Sums_that_differ_at_Stripe_are_found_explained_and_what_lacks_is_sent_again_once()
    {
        var account = await portal.SubscribeAsync();
        await portal.UseAsync(account, "api_calls", 1_000_011m);
        await portal.SubmitAsync();
        portal.Time.Advance(TimeSpan.FromMinutes(5));
        await portal.UseAsync(account, "api_calls", 4m);
        await portal.SubmitAsync();
        var customer = await portal.ScalarAsync<string>("select customer_id from stripe_customers c join accounts a using (account_id) where a.external_id = $1", account);
        await portal.ExecuteAsync("delete from simulator_objects where type = 'billing.meter_event' and customer = $1 and body -> 'payload' ->> 'value' = '11'", customer);
        var found = await CompareAsync(customer!);
        Assert.Equal(("meter_differs", true, "4 counted", "15 reported"), (found!.Value.GetProperty("kind").GetString(), found.Value.GetProperty("can_mend").GetBoolean(), found.Value.GetProperty("at_stripe").GetString()![..9], found.Value.GetProperty("here").GetString()![..11]));
        using (var mended = await portal.Api().PostAsync(new Uri($"admin/reconciliation/{found.Value.GetProperty("id").GetString()}/mend", UriKind.Relative), null))
        {
            Assert.Equal("mended", (await mended.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("status").GetString());
        }

        await portal.SubmitAsync();
        Assert.Equal(15, await portal.CountedAsync(account, "api_calls"));
        Assert.Null(await CompareAsync(customer!));

        await portal.StripeAsync(HttpMethod.Post, "/v1/billing/meter_events", ("event_name", "api_calls"), ("payload[stripe_customer_id]", customer!), ("payload[value]", "100"),
            ("timestamp", portal.Time.GetUtcNow().ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture)));
        var surplus = await CompareAsync(customer!);
        Assert.False(surplus!.Value.GetProperty("can_mend").GetBoolean());
        Assert.Contains("counted more", surplus.Value.GetProperty("explanation").GetString(), StringComparison.Ordinal);
    }

    private async Task<JsonElement?> CompareAsync(string customer)
    {
        portal.Time.Advance(TimeSpan.FromMinutes(20));
        using var answer = await portal.Api().PostAsync(new Uri("admin/reconciliation/run", UriKind.Relative), null);
        var text = await answer.Content.ReadAsStringAsync();
        Assert.True(answer.StatusCode == HttpStatusCode.OK, text);
        return JsonElement.Parse(text).GetProperty("data").EnumerateArray().Cast<JsonElement?>().FirstOrDefault(d => d!.Value.GetProperty("object_id").GetString() == $"api_calls {customer}");
    }

    [Theory]
    [InlineData("GET", "admin/meter-reports?status=odd", HttpStatusCode.BadRequest)]
    [InlineData("GET", "admin/meter-reports?status=1", HttpStatusCode.BadRequest)]
    [InlineData("GET", "admin/meter-reports?limit=0", HttpStatusCode.BadRequest)]
    [InlineData("GET", "admin/meter-reports?cursor=x", HttpStatusCode.BadRequest)]
    [InlineData("GET", "admin/meter-reports?account=x", HttpStatusCode.BadRequest)]
    [InlineData("POST", "admin/meter-reports/nonsense/retry", HttpStatusCode.NotFound)]
    [InlineData("POST", "admin/meter-reports/mrep_00000000000000000000000000000000/retry", HttpStatusCode.NotFound)]
    public async Task A_question_that_makes_no_sense_is_told_so(string method, string path, HttpStatusCode expected)
    {
        using var request = new HttpRequestMessage(new(method), path);
        using var answer = await portal.Api().SendAsync(request);
        Assert.Equal(expected, answer.StatusCode);
    }
}
