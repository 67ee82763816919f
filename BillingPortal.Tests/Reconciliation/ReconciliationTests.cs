using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using BillingPortal.Tests.Catalog;
using BillingPortal.Tests.Gating;
using BillingPortal.Tests.Payments;

namespace BillingPortal.Tests.Reconciliation;

/// <summary>A portal that never hears from Stripe: nothing is delivered, and the books must come right all the same (F8).</summary>
public sealed class ReconciliationTests(ReconciliationTests.Deaf portal) : IClassFixture<ReconciliationTests.Deaf>
{
    public sealed class Deaf : StripeFixture
    {
        public override async Task InitializeAsync()
        {
            await base.InitializeAsync();
            using var sync = await Api().PostAsync(new Uri("admin/payment-providers/stripe/sync", UriKind.Relative), null);
            Assert.Equal(HttpStatusCode.OK, sync.StatusCode);
        }

        // With a key of its own the simulator is a Stripe like any other, and delivers nothing by itself.
        protected override void Configure(IDictionary<string, string?> settings)
        {
            base.Configure(settings);
            settings["Encryption:Keys"] = "a-key-for-tests-of-more-than-32-characters";
            settings["Stripe:SecretKey"] = "sk_test_deaf";
            settings["Stripe:ApiBase"] = $"{settings["urls"]}/stripe-simulator";
            settings["Catalog:File"] = CatalogFiles.PathOf("chat-tiers");
            settings["Jobs:Enabled"] = "false";
        }
    }

    private async Task<List<JsonElement>> CompareAsync()
    {
        portal.Time.Advance(TimeSpan.FromMinutes(4));
        using var answer = await portal.Api().PostAsync(new Uri("admin/reconciliation/run", UriKind.Relative), null);
        var text = await answer.Content.ReadAsStringAsync();
        Assert.True(answer.StatusCode == HttpStatusCode.OK, text);
        return [.. JsonElement.Parse(text).GetProperty("data").EnumerateArray()];
    }

    private async Task<JsonElement> MendAsync(JsonElement difference)
    {
        using var answer = await portal.Api().PostAsync(new Uri($"admin/reconciliation/{difference.GetProperty("id").GetString()}/mend", UriKind.Relative), null);
        return await answer.Content.ReadFromJsonAsync<JsonElement>();
    }

    /// <summary>As if every event made until now had been seen: what is missing then is found by its object only.</summary>
    private async Task ForgetEventsAsync()
    {
        await CompareAsync();
        await InboxDoneAsync();
    }

    /// <summary>Compares without fetching events, which would take effect meanwhile: each reading of events begins where the last one ended.</summary>
    private async Task<List<JsonElement>> CompareObjectsAsync()
    {
        await portal.ExecuteAsync("update reconciliation_state set events_until = now() + interval '1 year'");
        return await CompareAsync();
    }

    private Task InboxDoneAsync() => StripeFixture.UntilAsync(async () => await portal.ScalarAsync<long>("select count(*) from webhook_events where status = 'Received'") == 0, "the inbox is worked off");

    private static string? Text(JsonElement o, string name) => o.GetProperty(name).GetString();

    private async Task<string> PayAsync(string account, object what)
    {
        var page = await portal.CheckoutAsync(account, what);
        using var _ = await portal.PayAsync(page, StripeFixture.Works);
        return page.AbsolutePath.Split('/')[^1];
    }

    private async Task<object> PackAsync() => new { kind = "credits", pack = (await portal.Api().GetFromJsonAsync<JsonElement>("credit-packs")).GetProperty("data")[0].GetProperty("id").GetString()! };

    private static readonly object Alchemist = new { kind = "subscription", plan = "alchemist", interval = "month" };

    [Fact]
    public async Task Events_that_were_never_delivered_are_fetched_and_take_effect_once_however_many_instances_look()
    {
        await portal.ExecuteAsync("update reconciliation_state set events_until = null");
        var other = await portal.StartInstanceAsync();
        await PayAsync("missed", await PackAsync());
        await PayAsync("missed-plan", Alchemist);
        Assert.Equal(0, await portal.BalanceAsync("missed", "credit"));
        portal.Time.Advance(TimeSpan.FromMinutes(4));
        await Task.WhenAll(((string[])[portal.Url, other.Url]).Select(async url =>
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, $"{url}/api/v1/admin/reconciliation/run");
            using var _ = await portal.Api().SendAsync(request);
        }));
        await InboxDoneAsync();
        Assert.True(await portal.BalanceAsync("missed", "credit") > 0);
        Assert.Equal(1, await portal.ScalarAsync<long>("select count(*) from grants g join accounts a using (account_id) where a.external_id = 'missed' and g.source = 'Purchase'"));
        Assert.Equal("active", await portal.ScalarAsync<string>("select s.status from subscriptions s join accounts a using (account_id) where a.external_id = 'missed-plan'"));
        Assert.True(await portal.ScalarAsync<long>("select count(*) from webhook_events where fetched") > 2);

        var before = await portal.ScalarAsync<long>("select count(*) from webhook_events");
        Assert.DoesNotContain(await CompareAsync(), d => Text(d, "kind") is "payment_not_granted" or "subscription_differs" or "invoice_differs");
        Assert.Equal(before, await portal.ScalarAsync<long>("select count(*) from webhook_events"));
    }

    [Fact]
    public async Task A_payment_without_a_grant_is_found_explained_and_mended_once()
    {
        await ForgetEventsAsync();
        var session = await PayAsync("paid", await PackAsync());
        var found = Assert.Single(await CompareObjectsAsync(), d => Text(d, "object_id") == session);
        Assert.Equal("payment_not_granted", Text(found, "kind"));
        Assert.Contains("No event about it has come", Text(found, "explanation"), StringComparison.Ordinal);
        Assert.Equal("mended", Text(await MendAsync(found), "status"));
        var balance = await portal.BalanceAsync("paid", "credit");
        Assert.True(balance > 0);
        Assert.Equal("mended", Text(await MendAsync(found), "status"));
        Assert.Equal(balance, await portal.BalanceAsync("paid", "credit"));
        Assert.DoesNotContain(await CompareObjectsAsync(), d => Text(d, "object_id") == session);
        var gone = await portal.Api().GetFromJsonAsync<JsonElement>("admin/reconciliation?status=gone");
        Assert.Contains(gone.GetProperty("data").EnumerateArray(), d => Text(d, "object_id") == session);
        Assert.Equal(1, await portal.ScalarAsync<long>("select count(*) from audit_entries where action = 'difference.mended' and subject = $1", session));
    }

    [Fact]
    public async Task A_subscription_and_its_invoice_that_changed_unheard_are_taken_over()
    {
        await ForgetEventsAsync();
        await PayAsync("changed", Alchemist);
        foreach (var difference in await CompareObjectsAsync())
        {
            await MendAsync(difference);
        }

        var subscription = await portal.ScalarAsync<string>("select s.id from subscriptions s join accounts a using (account_id) where a.external_id = 'changed' and s.status = 'active'");
        Assert.NotNull(subscription);
        Assert.Equal("paid", await portal.ScalarAsync<string>("select i.status from invoices i join accounts a using (account_id) where a.external_id = 'changed'"));

        await portal.StripeAsync(HttpMethod.Delete, $"/v1/subscriptions/{subscription}");
        var found = Assert.Single(await CompareObjectsAsync(), d => Text(d, "object_id") == subscription);
        Assert.Equal(("subscription_differs", true), (Text(found, "kind"), found.GetProperty("can_mend").GetBoolean()));
        await MendAsync(found);
        Assert.Equal("canceled", await portal.ScalarAsync<string>("select status from subscriptions where id = $1", subscription));
        Assert.DoesNotContain(await CompareObjectsAsync(), d => Text(d, "object_id") == subscription);
    }

    [Fact]
    public async Task What_gives_access_or_credits_here_and_is_unknown_at_stripe_is_ended_and_taken_back()
    {
        await ForgetEventsAsync();
        var session = await PayAsync("unpaid", await PackAsync());
        await PayAsync("gone", Alchemist);
        foreach (var difference in await CompareObjectsAsync())
        {
            await MendAsync(difference);
        }

        var subscription = await portal.ScalarAsync<string>("select s.id from subscriptions s join accounts a using (account_id) where a.external_id = 'gone'");
        await portal.ExecuteAsync("delete from simulator_objects where id in ($1, $2)", session, subscription);
        var found = await CompareObjectsAsync();
        var unpaid = Assert.Single(found, d => Text(d, "object_id") == session);
        var gone = Assert.Single(found, d => Text(d, "object_id") == subscription);
        Assert.Equal(("grant_not_paid", "subscription_gone"), (Text(unpaid, "kind"), Text(gone, "kind")));
        for (var i = 0; i < 2; i++)
        {
            await MendAsync(unpaid);
            await MendAsync(gone);
        }

        Assert.Equal(0, await portal.BalanceAsync("unpaid", "credit"));
        Assert.Equal("canceled", await portal.ScalarAsync<string>("select status from subscriptions where id = $1", subscription));
        Assert.DoesNotContain(await CompareObjectsAsync(), d => Text(d, "object_id") == session || Text(d, "object_id") == subscription);
        Assert.Null(await portal.Api().LedgerProblemsAsync());
    }

    [Fact]
    public async Task A_refund_made_unheard_at_stripe_is_found_and_takes_back_what_was_bought_once()
    {
        await ForgetEventsAsync();
        var session = await PayAsync("refunded", await PackAsync());
        foreach (var difference in await CompareObjectsAsync())
        {
            await MendAsync(difference);
        }

        Assert.True(await portal.BalanceAsync("refunded", "credit") > 0);
        var intent = await portal.ScalarAsync<string>("select body ->> 'payment_intent' from simulator_objects where id = $1", session);
        var refund = (await portal.StripeAsync(HttpMethod.Post, "/v1/refunds", ("payment_intent", intent!))).GetProperty("id").GetString();
        var found = Assert.Single(await CompareObjectsAsync(), d => Text(d, "object_id") == refund);
        Assert.Equal("refund_differs", Text(found, "kind"));
        await MendAsync(found);
        await MendAsync(found);
        Assert.Equal(0, await portal.BalanceAsync("refunded", "credit"));
        Assert.DoesNotContain(await CompareObjectsAsync(), d => Text(d, "object_id") == refund);
    }

    [Theory]
    [InlineData("POST", "admin/reconciliation/diff_00000000000000000000000000000000/mend", HttpStatusCode.NotFound)]
    [InlineData("POST", "admin/reconciliation/nonsense/mend", HttpStatusCode.NotFound)]
    [InlineData("GET", "admin/reconciliation?status=odd", HttpStatusCode.BadRequest)]
    public async Task What_is_not_there_is_a_clear_answer(string method, string path, HttpStatusCode expected)
    {
        using var request = new HttpRequestMessage(new(method), path);
        using var answer = await portal.Api().SendAsync(request);
        Assert.Equal(expected, answer.StatusCode);
    }
}
