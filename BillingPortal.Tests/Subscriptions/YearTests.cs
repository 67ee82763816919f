using System.Globalization;
using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using BillingPortal.Jobs;
using BillingPortal.Ledger;
using BillingPortal.Payments;
using BillingPortal.Primitives;
using BillingPortal.Tests.Gating;
using BillingPortal.Tests.Payments;
using BillingPortal.Tests.Testing;
using Microsoft.Extensions.DependencyInjection;
using Xunit.Abstractions;

namespace BillingPortal.Tests.Subscriptions;

public sealed class YearFixture : StripeFixture
{
    protected override void Configure(IDictionary<string, string?> settings)
    {
        base.Configure(settings);
        settings["Jobs:Enabled"] = "false";
        settings["Billing:SnapshotMaxAge"] = "500.00:00:00";
    }
}

/// <summary>A year of customers on mixed plans, by Stripe's test clock and the portal's own, day by day.</summary>
public sealed class YearTests(YearFixture portal, ITestOutputHelper output) : IClassFixture<YearFixture>
{
    private static readonly int Customers = LongForm.IsAsked ? 50 : 6;
    private static readonly int Days = LongForm.IsAsked ? 365 : 122;
    private static readonly TimeSpan Step = TimeSpan.FromDays(LongForm.IsAsked ? 1 : 3);
    /// <summary>A trial that begins here ends on the last of the month, so that short months are met.</summary>
    private static readonly DateTimeOffset Begin = new(2027, 1, 17, 10, 0, 0, TimeSpan.Zero);

    private string clock = "";

    /// <summary>What a customer does, and when, in days after it joined.</summary>
    private sealed record Course(string Plan, string Interval, IReadOnlyDictionary<int, Func<YearTests, string, Task>> Acts);

    /// <summary>Joining days differ, and with them the borders; the first joins so that its trial ends on the 31st.</summary>
    private static int JoinsAt(int customer) => customer / 6 * 2 % 28;

    private static readonly Course[] Courses =
    [
        new("standard", "month", new Dictionary<int, Func<YearTests, string, Task>>()),
        new("pro", "month", new Dictionary<int, Func<YearTests, string, Task>> { [10] = (t, a) => t.BuyAsync(a, new { kind = "credits", pack = "pack_2500" }) }),
        new("standard", "year", new Dictionary<int, Func<YearTests, string, Task>>()),
        new("pro", "year", new Dictionary<int, Func<YearTests, string, Task>>()),
        new("standard", "month", new Dictionary<int, Func<YearTests, string, Task>>
        {
            [40] = (t, a) => t.ChangeAsync(a, "pro"),
            [74] = (t, a) => t.ChangeAsync(a, "standard"),
        }),
        new("pro", "month", new Dictionary<int, Func<YearTests, string, Task>>
        {
            [50] = (t, a) => t.AtStripeAsync(a, ("act", "card"), ("number", "4000000000000341")),
            [62] = (t, a) => t.RecoverAsync(a),
            [80] = (t, a) => t.CancelAsync(a),
        }),
    ];

    [Fact]
    public async Task A_year_ends_with_each_period_granted_and_billed_once_the_books_agreeing_and_the_recurring_revenue_right()
    {
        var started = System.Diagnostics.Stopwatch.StartNew();
        portal.Time.Set(Begin);
        clock = (await portal.StripeAsync(HttpMethod.Post, "/v1/test_helpers/test_clocks", ("frozen_time", Seconds(Begin)))).GetProperty("id").GetString()!;
        var advance = portal.Services.GetServices<RecurringJob>().OfType<AdvanceIdleAccounts>().Single();
        var done = new int[Customers];
        for (var day = 0; day <= Days; day += Step.Days)
        {
            await ReachAsync(Begin.AddDays(day));
            await advance.RunAsync(CancellationToken.None);
            for (var customer = 0; customer < Customers; customer++)
            {
                done[customer] = await LiveAsync(customer, done[customer], day - JoinsAt(customer));
            }
        }

        await ReachAsync(portal.Time.GetUtcNow().AddHours(2)); // a renewal's bill stays open an hour for what was used
        await EachPeriodIsBilledOnceAsync();
        var periods = await EachPeriodIsGrantedOnceAsync();
        await TheBooksAgreeAsync();
        var revenue = await TheRecurringRevenueIsRightAsync();
        output.WriteLine($"{Customers} customers, {Days} days in {started.Elapsed.TotalSeconds:N0} s: {await portal.ScalarAsync<long>("select count(*) from invoices")} invoices, {periods} periods granted, {await portal.ScalarAsync<long>("select count(*) from webhook_events")} events, {revenue} usd recurring each month");
    }

    private async Task ReachAsync(DateTimeOffset now)
    {
        portal.Time.Set(now);
        await portal.StripeAsync(HttpMethod.Post, $"/v1/test_helpers/test_clocks/{clock}/advance", ("frozen_time", Seconds(now)));
        await portal.SettledAsync();
    }

    /// <summary>Does what is due up to a day of the customer's own life.</summary>
    private async Task<int> LiveAsync(int customer, int until, int day)
    {
        var (account, course) = ($"year-{customer}", Courses[customer % Courses.Length]);
        if (day >= 0 && until == 0)
        {
            await JoinAsync(account, course);
            until = 1;
        }

        foreach (var act in course.Acts.Where(a => a.Key >= until && a.Key <= day).OrderBy(a => a.Key))
        {
            await act.Value(this, account);
            await portal.SettledAsync();
        }

        return day >= 0 ? day + 1 : until;
    }

    private async Task JoinAsync(string account, Course course)
    {
        using var opened = await portal.Api().PutAsJsonAsync($"accounts/{account}", new { email = $"{account}@example.com" });
        var customer = (await portal.StripeAsync(HttpMethod.Post, "/v1/customers", ("email", $"{account}@example.com"), ("test_clock", clock))).GetProperty("id").GetString()!;
        await using (var scope = portal.Services.CreateAsyncScope())
        {
            await scope.ServiceProvider.GetRequiredService<CustomerLinks>().BindAsync(new(await IdAsync(account)), customer, CancellationToken.None);
        }

        await BuyAsync(account, new { kind = "subscription", plan = course.Plan, interval = course.Interval });
        await portal.SettledAsync();
    }

    private async Task BuyAsync(string account, object what)
    {
        using var paid = await portal.PayAsync(await portal.CheckoutAsync(account, what), StripeFixture.Works);
        Assert.True(paid.StatusCode == HttpStatusCode.Redirect, await paid.Content.ReadAsStringAsync());
    }

    private async Task ChangeAsync(string account, string plan)
    {
        using var changed = await portal.Api().PutAsJsonAsync($"accounts/{account}/subscription", new { plan, interval = "month" });
        Assert.True(changed.IsSuccessStatusCode, await changed.Content.ReadAsStringAsync());
    }

    private async Task CancelAsync(string account)
    {
        using var canceled = await portal.Api().DeleteAsync(new Uri($"accounts/{account}/subscription", UriKind.Relative));
        Assert.True(canceled.IsSuccessStatusCode, await canceled.Content.ReadAsStringAsync());
    }

    private async Task AtStripeAsync(string account, params (string Name, string Value)[] fields)
    {
        using var opened = await portal.Api().PostAsJsonAsync($"accounts/{account}/stripe-portal-sessions", new { });
        using var pressed = await portal.PressAsync(new((await opened.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("url").GetString()!), fields);
    }

    /// <summary>After a renewal that failed: another card, and the open bill paid.</summary>
    private async Task RecoverAsync(string account)
    {
        Assert.Equal("PastDue", await portal.ScalarAsync<string>("select h.status from ledger_heads h join accounts a using (account_id) where a.external_id = $1", account));
        await AtStripeAsync(account, ("act", "card"), ("number", StripeFixture.Works));
        var open = await portal.ScalarAsync<string>("select i.id from invoices i join accounts a using (account_id) where a.external_id = $1 and i.status = 'open'", account);
        await AtStripeAsync(account, ("act", "pay"), ("invoice", open!));
        await portal.SettledAsync();
        Assert.Equal("Active", await portal.ScalarAsync<string>("select h.status from ledger_heads h join accounts a using (account_id) where a.external_id = $1", account));
    }

    /// <summary>By Stripe's own rows: the stretches that each subscription was billed for ahead follow each other without gap or overlap, each paid; and each bill stands here as it stands there.</summary>
    private async Task EachPeriodIsBilledOnceAsync()
    {
        var billed = (await portal.RowsAsync(
            """
            select body #>> '{parent,subscription_details,subscription}', (line #>> '{period,start}')::bigint, (line #>> '{period,end}')::bigint, body ->> 'status'
            from simulator_objects, jsonb_array_elements(body #> '{lines,data}') line
            where type = 'invoice' and body ->> 'billing_reason' in ('subscription_create', 'subscription_cycle') and not (line #>> '{parent,subscription_item_details,proration}')::boolean
                and not exists (select from simulator_objects p where p.type = 'price' and p.id = line #>> '{pricing,price_details,price}' and p.body #>> '{recurring,usage_type}' = 'metered')
            order by 1, 2
            """)).GroupBy(r => (string)r[0]!).ToList();
        Assert.Equal(Customers, billed.Count);
        foreach (var subscription in billed)
        {
            Assert.All(subscription, period => Assert.Equal("paid", period[3]));
            Assert.All(subscription.Zip(subscription.Skip(1)), pair => Assert.Equal(pair.First[2], pair.Second[1]));
            var end = await portal.ScalarAsync<DateTime>("select current_period_end from subscriptions where id = $1", subscription.Key);
            Assert.Equal(new DateTimeOffset(end).ToUnixTimeSeconds(), subscription.Last()[2]);
        }

        Assert.Empty(await portal.RowsAsync(
            """
            select o.id from simulator_objects o full join invoices i on i.id = o.id where (o.type = 'invoice' or o.id is null)
            and (i.id is null or o.id is null or i.status <> o.body ->> 'status' or i.total * 100 <> (o.body ->> 'total')::bigint or i.amount_paid * 100 <> (o.body ->> 'amount_paid')::bigint)
            """));
    }

    /// <summary>At each monthly border of a subscription that never changed: the plan's allowance, once.</summary>
    /// <returns>Borders looked at.</returns>
    private async Task<int> EachPeriodIsGrantedOnceAsync()
    {
        var looked = 0;
        for (var customer = 0; customer < Customers; customer++)
        {
            var row = (await portal.RowsAsync("select s.anchor, s.started_at, s.plan, s.status from subscriptions s join accounts a using (account_id) where a.external_id = $1", $"year-{customer}")).Single();
            var (anchor, started, included) = (At(row[0]), At(row[1]), (string)row[2]! == "pro" ? 10_000m : 1_000m);
            if (Courses[customer % Courses.Length].Acts.Keys.Any(d => d > 30))
            {
                continue;
            }

            Assert.Equal("active", row[3]);
            // An allowance names the start of the period that it is for.
            var granted = (await portal.RowsAsync(
                "select g.reference from grants g join accounts a using (account_id) where a.external_id = $1 and g.unit = 'messages' and g.source = 'Plan' and g.amount = $2 order by g.created_at", $"year-{customer}", included))
                .Select(g => (string)g[0]!);
            var borders = Enumerable.Range(-1, 20).Select(months => anchor.AddMonths(months)).Where(b => b > started && b <= portal.Time.GetUtcNow()).Prepend(Period.Monthly(anchor, started).Start).ToList();
            Assert.Equal(borders.Select(b => $"{row[2]}:{b:yyyy-MM-dd}"), granted);
            looked += borders.Count;
        }

        return looked;
    }

    private async Task TheBooksAgreeAsync()
    {
        portal.Time.Advance(TimeSpan.FromMinutes(4));
        using var compared = await portal.Api().PostAsync(new Uri("admin/reconciliation/run", UriKind.Relative), null);
        var differences = (await compared.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("data");
        Assert.True(differences.GetArrayLength() == 0, differences.ToString());
        Assert.Null(await portal.Api().LedgerProblemsAsync());
        Assert.Empty(await portal.RowsAsync("select id, type, outcome from webhook_events where status in ('Parked', 'Received')"));
    }

    /// <summary>19 a month for standard and 49 for pro, a twelfth of 190 and 490 by the year; who canceled pays nothing any more.</summary>
    private async Task<decimal> TheRecurringRevenueIsRightAsync()
    {
        var expected = Enumerable.Range(0, Customers).Sum(customer => (customer % Courses.Length) switch { 0 or 4 => 19m, 1 => 49m, 2 => 15.833333m, 3 => 40.833333m, _ => 0m });
        var overview = await portal.Api().GetFromJsonAsync<JsonElement>("admin/analytics/overview");
        var revenue = overview.GetProperty("monthly_recurring_revenue").EnumerateArray().Single();
        Assert.Equal(("usd", expected), (revenue.GetProperty("unit").GetString(), revenue.GetProperty("amount").GetDecimal()));
        return expected;
    }

    private Task<Guid> IdAsync(string account) => portal.ScalarAsync<Guid>("select account_id from accounts where external_id = $1", account);

    private static DateTimeOffset At(object? value) => new((DateTime)value!);

    private static string Seconds(DateTimeOffset at) => at.ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture);
}
