using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using System.Text.Json.Nodes;
using BillingPortal.Tests.Payments;

namespace BillingPortal.Tests.Subscriptions;

public sealed class MeteredFixture : StripeFixture
{
    protected override void Configure(IDictionary<string, string?> settings)
    {
        base.Configure(settings);
        // Without the trial, which is a test of its own.
        var catalog = JsonNode.Parse(File.ReadAllText(Testing.Repository.Path("catalogs/metered-plans.json")))!;
        foreach (var plan in catalog["plans"]!.AsArray())
        {
            plan!.AsObject().Remove("trial_days");
        }

        var file = Path.Combine(Path.GetTempPath(), $"metered-{Guid.NewGuid():N}.json");
        File.WriteAllText(file, catalog.ToJsonString());
        settings["Catalog:File"] = file;
    }
}

/// <summary>Plans of the metered catalog: free, standard at 99, enterprise at 499 a month.</summary>
public sealed class SubscriptionTests(MeteredFixture portal) : IClassFixture<MeteredFixture>
{
    private async Task<string> SubscribeAsync(string account, string plan = "standard", string card = StripeFixture.Works)
    {
        using var paid = await portal.PayAsync(await portal.CheckoutAsync(account, new { kind = "subscription", plan, interval = "month" }), card);
        Assert.Equal(HttpStatusCode.Redirect, paid.StatusCode);
        await portal.SettledAsync();
        return await portal.ScalarAsync<string>("select id from subscriptions s join accounts a using (account_id) where a.external_id = $1 and s.status = 'active'", account) ?? throw new InvalidOperationException("No subscription came.");
    }

    private Task<string?> PlanAsync(string account) => portal.ScalarAsync<string>("select plan from ledger_heads h join accounts a using (account_id) where a.external_id = $1", account);

    private async Task<JsonElement> SubscriptionAsync(string account) => await portal.Api().GetFromJsonAsync<JsonElement>($"accounts/{account}/subscription");

    [Fact]
    public async Task Buying_a_subscription_turns_plan_and_allowances_and_its_events_may_come_in_any_number()
    {
        var id = await SubscribeAsync("subscriber");
        Assert.Equal("standard", await PlanAsync("subscriber"));
        Assert.Equal(1_000_000, await portal.BalanceAsync("subscriber", "llm_tokens"));
        var seen = await SubscriptionAsync("subscriber");
        Assert.Equal(("standard", "active", "month", 99m), (seen.GetProperty("plan").GetString(), seen.GetProperty("status").GetString(), seen.GetProperty("interval").GetString(), seen.GetProperty("price").GetDecimal()));

        var payload = await portal.DeliveredAsync("customer.subscription.created", id);
        var known = JsonElement.Parse(payload).GetProperty("id").GetString()!;
        await Task.WhenAll(Enumerable.Range(0, 20).Select(i => portal.DeliverAsync(payload.Replace(known, $"evt_sub_{i}", StringComparison.Ordinal))));
        await portal.SettledAsync();
        Assert.Equal(1_000_000, await portal.BalanceAsync("subscriber", "llm_tokens"));
        Assert.Equal(1, await portal.ScalarAsync<long>("select count(*) from subscription_changes where subscription_id = $1", id));
        using var second = await portal.Api().PostAsJsonAsync("accounts/subscriber/checkout-sessions", new { kind = "subscription", plan = "enterprise", interval = "month" });
        Assert.Equal(HttpStatusCode.Conflict, second.StatusCode);
    }

    [Fact]
    public async Task A_change_is_billed_as_previewed_and_turns_the_plan_at_once()
    {
        await SubscribeAsync("upgrader");
        using var asked = await portal.Api().PostAsJsonAsync("accounts/upgrader/subscription/preview", new { plan = "enterprise", interval = "month" });
        var preview = await asked.Content.ReadFromJsonAsync<JsonElement>();
        Assert.True(asked.IsSuccessStatusCode, preview.ToString());
        using var changed = await portal.Api().PutAsJsonAsync("accounts/upgrader/subscription", new { plan = "enterprise", interval = "month", proration_date = preview.GetProperty("proration_date").GetString() });
        Assert.Equal("enterprise", (await changed.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("plan").GetString());
        Assert.Equal("enterprise", await PlanAsync("upgrader"));
        var customer = await portal.ScalarAsync<string>("select customer_id from stripe_customers c join accounts a using (account_id) where a.external_id = 'upgrader'");
        var invoices = await portal.StripeAsync(HttpMethod.Get, $"/v1/invoices?customer={customer}");
        Assert.Equal(preview.GetProperty("due_now").GetDecimal(), invoices.GetProperty("data")[0].GetProperty("total").GetInt64() / 100m);
        await portal.SettledAsync();
        Assert.Equal(10_000_000, await portal.BalanceAsync("upgrader", "llm_tokens"));
    }

    [Fact]
    public async Task A_cancellation_waits_for_the_periods_end_can_be_withdrawn_and_at_once_ends_the_plan()
    {
        await SubscribeAsync("leaver");
        using var canceled = await portal.Api().DeleteAsync(new Uri("accounts/leaver/subscription", UriKind.Relative));
        Assert.True((await canceled.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("cancel_at_period_end").GetBoolean());
        Assert.Equal("standard", await PlanAsync("leaver"));
        using var resumed = await portal.Api().PostAsync(new Uri("accounts/leaver/subscription/resume", UriKind.Relative), null);
        Assert.False((await resumed.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("cancel_at_period_end").GetBoolean());
        using var ended = await portal.Api().DeleteAsync(new Uri("accounts/leaver/subscription?at=now", UriKind.Relative));
        Assert.Equal("canceled", (await ended.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("status").GetString());
        Assert.Equal("free", await PlanAsync("leaver"));
        Assert.Equal("none", (await SubscriptionAsync("leaver")).GetProperty("status").GetString());
        await portal.SettledAsync();
        Assert.Equal(["started", "cancellation_scheduled", "cancellation_withdrawn", "ended"], (await portal.RowsAsync(
            "select kind from subscription_changes c join accounts a using (account_id) where a.external_id = 'leaver' order by c.id")).Select(r => (string)r[0]!));
    }

    [Fact]
    public async Task Invoices_are_listed_with_their_lines_and_the_next_one_is_foretold()
    {
        await SubscribeAsync("billed");
        var list = await portal.Api().GetFromJsonAsync<JsonElement>("accounts/billed/invoices");
        var first = Assert.Single(list.GetProperty("data").EnumerateArray());
        Assert.Equal(("paid", 99m, "subscription_create"), (first.GetProperty("status").GetString(), first.GetProperty("total").GetDecimal(), first.GetProperty("billing_reason").GetString()));
        var id = first.GetProperty("id").GetString();
        var one = await portal.Api().GetFromJsonAsync<JsonElement>($"accounts/billed/invoices/{id}");
        Assert.Equal(99m, one.GetProperty("lines")[0].GetProperty("amount").GetDecimal());
        using var document = await portal.Api().GetAsync(new Uri($"accounts/billed/invoices/{id}/pdf", UriKind.Relative));
        Assert.Equal(HttpStatusCode.Redirect, document.StatusCode);
        var upcoming = await portal.Api().GetFromJsonAsync<JsonElement>("accounts/billed/invoices/upcoming");
        Assert.Equal(99m, upcoming.GetProperty("total").GetDecimal());

        await SubscribeAsync("other-billed");
        using var foreign = await portal.Api().GetAsync(new Uri($"accounts/other-billed/invoices/{id}", UriKind.Relative));
        Assert.Equal(HttpStatusCode.NotFound, foreign.StatusCode);
    }

    [Fact]
    public async Task A_simulated_half_year_bills_each_month_once()
    {
        var now = DateTimeOffset.UtcNow;
        var clock = (await portal.StripeAsync(HttpMethod.Post, "/v1/test_helpers/test_clocks", ("frozen_time", now.ToUnixTimeSeconds().ToString(System.Globalization.CultureInfo.InvariantCulture)))).GetProperty("id").GetString()!;
        var customer = (await portal.StripeAsync(HttpMethod.Post, "/v1/customers", ("email", "clock@example.com"), ("test_clock", clock))).GetProperty("id").GetString()!;
        using var opened = await portal.Api().PostAsJsonAsync("accounts/clocked/subscription", new { plan = "standard", interval = "month" });
        await portal.ExecuteAsync("update stripe_customers set customer_id = $1 where account_id = (select account_id from accounts where external_id = 'clocked')", customer);
        await SubscribeAsync("clocked");
        for (var month = 1; month <= 6; month++)
        {
            await portal.StripeAsync(HttpMethod.Post, $"/v1/test_helpers/test_clocks/{clock}/advance", ("frozen_time", now.AddMonths(month).AddDays(1).ToUnixTimeSeconds().ToString(System.Globalization.CultureInfo.InvariantCulture)));
        }

        await portal.SettledAsync();
        var invoices = await portal.RowsAsync("select i.status, i.total, i.period_start from invoices i join accounts a using (account_id) where a.external_id = 'clocked' order by i.period_start");
        Assert.Equal(7, invoices.Count);
        Assert.All(invoices, i => Assert.Equal(["paid", 99m], i[..2]));
        Assert.Equal(7, invoices.Select(i => i[2]).Distinct().Count());
        Assert.Equal(1_000_000, await portal.BalanceAsync("clocked", "llm_tokens"));
    }

    [Fact]
    public async Task All_events_of_a_subscriptions_life_shuffled_and_copied_change_nothing()
    {
        await SubscribeAsync("shuffled");
        using var changed = await portal.Api().PutAsJsonAsync("accounts/shuffled/subscription", new { plan = "enterprise", interval = "month" });
        using var canceled = await portal.Api().DeleteAsync(new Uri("accounts/shuffled/subscription", UriKind.Relative));
        await portal.SettledAsync();
        var before = await StateAsync("shuffled");
        var payloads = (await portal.RowsAsync("select id, payload from webhook_events where status = 'Processed' and customer = (select customer_id from stripe_customers c join accounts a using (account_id) where a.external_id = 'shuffled')"))
            .SelectMany(e => Enumerable.Range(0, 3).Select(copy => ((string)e[1]!).Replace((string)e[0]!, $"{e[0]}_{copy}", StringComparison.Ordinal))).ToArray();
        Assert.NotEmpty(payloads);
        new Random(7).Shuffle(payloads);
        foreach (var some in payloads.Chunk(8))
        {
            await Task.WhenAll(some.Select(p => portal.DeliverAsync(p)));
        }

        await portal.SettledAsync();
        Assert.Equal(before, await StateAsync("shuffled"));
    }

    private async Task<string> StateAsync(string account) => string.Join('\n', (await portal.RowsAsync(
        """
        with mine as (select account_id from accounts where external_id = $1)
        select 'head', h.plan || h.status || h.period_anchor from ledger_heads h join mine using (account_id)
        union all select 'wallet', w.unit || w.balance || w.seq from wallets w join mine using (account_id)
        union all select 'subscription', (to_jsonb(s) - 'updated_at')::text from subscriptions s join mine using (account_id)
        union all select 'invoice', (to_jsonb(i) - 'updated_at')::text from invoices i join mine using (account_id)
        union all select 'change', c.kind from subscription_changes c join mine using (account_id)
        order by 1, 2
        """, account)).Select(r => $"{r[0]} {r[1]}"));

    [Fact]
    public async Task The_products_own_start_needs_a_card_on_file()
    {
        using var refused = await portal.Api().PostAsJsonAsync("accounts/cardless/subscription", new { plan = "standard", interval = "month" });
        Assert.Equal(HttpStatusCode.PaymentRequired, refused.StatusCode);
        await SubscribeAsync("returner");
        using var ended = await portal.Api().DeleteAsync(new Uri("accounts/returner/subscription?at=now", UriKind.Relative));
        using var again = await portal.Api().PostAsJsonAsync("accounts/returner/subscription", new { plan = "enterprise", interval = "month" });
        Assert.Equal(HttpStatusCode.Created, again.StatusCode);
        Assert.Equal("enterprise", await PlanAsync("returner"));
    }

    [Fact]
    public async Task Deleting_the_customer_at_stripe_ends_the_plan()
    {
        await SubscribeAsync("erased");
        var customer = await portal.ScalarAsync<string>("select customer_id from stripe_customers c join accounts a using (account_id) where a.external_id = 'erased'");
        await portal.StripeAsync(HttpMethod.Delete, $"/v1/customers/{customer}");
        await portal.SettledAsync();
        Assert.Equal("free", await PlanAsync("erased"));
    }

    [Fact]
    public async Task Stripes_portal_opens_by_api_and_can_cancel()
    {
        await SubscribeAsync("visitor");
        using var opened = await portal.Api().PostAsJsonAsync("accounts/visitor/stripe-portal-sessions", new { return_url = $"{portal.Url}/portal" });
        var url = new Uri((await opened.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("url").GetString()!);
        var html = await portal.Client().GetStringAsync(url);
        var id = await portal.ScalarAsync<string>("select id from subscriptions s join accounts a using (account_id) where a.external_id = 'visitor'");
        Assert.Contains(id!, html, StringComparison.Ordinal);
        using var pressed = await portal.PressAsync(url, ("act", "cancel"), ("subscription", id!));
        await portal.SettledAsync();
        Assert.True((await SubscriptionAsync("visitor")).GetProperty("cancel_at_period_end").GetBoolean());
        using var foreign = await portal.Api().PostAsJsonAsync("accounts/visitor/stripe-portal-sessions", new { return_url = "https://evil.example" });
        Assert.Equal(HttpStatusCode.BadRequest, foreign.StatusCode);
    }

    [Fact]
    public async Task A_failed_renewal_leaves_a_grace_and_a_payment_recovers()
    {
        var id = await SubscribeAsync("debtor");
        var portalUrl = new Uri((await (await portal.Api().PostAsJsonAsync("accounts/debtor/stripe-portal-sessions", new { })).Content.ReadFromJsonAsync<JsonElement>()).GetProperty("url").GetString()!);
        using var badCard = await portal.PressAsync(portalUrl, ("act", "card"), ("number", "4000000000000341"));
        // As if the period had ended a moment ago; without what is billed by use, whose invoice would wait an hour.
        await portal.ExecuteAsync("update simulator_objects set body = jsonb_set(body, '{items,data}', jsonb_build_array(body #> '{items,data,0}')) where id = $1", id);
        await portal.ExecuteAsync("update simulator_objects set body = jsonb_set(jsonb_set(body, '{items,data,0,current_period_end}', to_jsonb(extract(epoch from now())::bigint - 5)), '{billing_cycle_anchor}', to_jsonb(extract(epoch from now() - interval '1 month')::bigint - 5)) where id = $1", id);
        await StripeFixture.UntilAsync(async () => await portal.ScalarAsync<string>("select status from subscriptions where id = $1", id) == "past_due", "past due");
        var head = (await portal.RowsAsync("select h.status, h.plan, h.grace_until > now() + interval '6 days' from ledger_heads h join accounts a using (account_id) where a.external_id = 'debtor'")).Single();
        Assert.Equal(["PastDue", "standard", true], head);

        using var goodCard = await portal.PressAsync(portalUrl, ("act", "card"), ("number", StripeFixture.Works));
        var open = await portal.ScalarAsync<string>("select id from simulator_objects where type = 'invoice' and body ->> 'status' = 'open' and body #>> '{parent,subscription_details,subscription}' = $1", id);
        using var paid = await portal.PressAsync(portalUrl, ("act", "pay"), ("invoice", open!));
        await portal.SettledAsync();
        Assert.Equal("Active", await portal.ScalarAsync<string>("select h.status from ledger_heads h join accounts a using (account_id) where a.external_id = 'debtor'"));
    }
}

/// <summary>The demo catalog's standard plan begins with 14 days free.</summary>
public sealed class TrialTests(StripeFixture portal) : IClassFixture<StripeFixture>
{
    [Fact]
    public async Task A_trial_gives_the_plan_without_payment_and_only_once()
    {
        var page = await portal.CheckoutAsync("tryer", new { kind = "subscription", plan = "standard", interval = "month" });
        Assert.Contains("14 days free", await portal.Client().GetStringAsync(page), StringComparison.Ordinal);
        using var begun = await portal.PayAsync(page, StripeFixture.Works);
        await portal.SettledAsync();
        var seen = await portal.Api().GetFromJsonAsync<JsonElement>("accounts/tryer/subscription");
        Assert.Equal(("standard", "trialing"), (seen.GetProperty("plan").GetString(), seen.GetProperty("status").GetString()));
        Assert.Equal("standard", await portal.ScalarAsync<string>("select plan from ledger_heads h join accounts a using (account_id) where a.external_id = 'tryer'"));
        Assert.Equal(0, await portal.ScalarAsync<long>("select count(*) from simulator_objects where type = 'charge' and body ->> 'customer' = (select customer_id from stripe_customers c join accounts a using (account_id) where a.external_id = 'tryer')"));

        using var ended = await portal.Api().DeleteAsync(new Uri("accounts/tryer/subscription?at=now", UriKind.Relative));
        var again = await portal.CheckoutAsync("tryer", new { kind = "subscription", plan = "standard", interval = "month" });
        Assert.DoesNotContain("days free", await portal.Client().GetStringAsync(again), StringComparison.Ordinal);
    }
}
