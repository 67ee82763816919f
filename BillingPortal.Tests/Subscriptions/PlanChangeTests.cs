using System.Globalization;
using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using BillingPortal.Tests.Payments;

namespace BillingPortal.Tests.Subscriptions;

/// <summary>Changing one's mind about a plan: more at once, less at the period's end, off for a while, and cheaper by a code. On a test clock, so that months pass in seconds.</summary>
public sealed class PlanChangeTests(MeteredFixture portal) : IClassFixture<MeteredFixture>
{
    private async Task<(HttpStatusCode Status, JsonElement Body)> SendAsync(HttpMethod method, string path, object? body = null)
    {
        using var request = new HttpRequestMessage(method, path) { Content = body is null ? null : JsonContent.Create(body) };
        using var answer = await portal.Api().SendAsync(request);
        return (answer.StatusCode, await answer.Content.ReadFromJsonAsync<JsonElement>());
    }

    private sealed record Clock(StripeFixture Portal, string Id, DateTimeOffset Start)
    {
        public async Task AdvanceAsync(DateTimeOffset to)
        {
            await Portal.StripeAsync(HttpMethod.Post, $"/v1/test_helpers/test_clocks/{Id}/advance", ("frozen_time", to.ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture)));
            await Portal.SettledAsync();
        }
    }

    /// <summary>A subscriber whose customer lives by a test clock.</summary>
    private async Task<Clock> SubscribeAsync(string account, string plan, string interval = "month", object? more = null)
    {
        var now = DateTimeOffset.UtcNow;
        var clock = (await portal.StripeAsync(HttpMethod.Post, "/v1/test_helpers/test_clocks", ("frozen_time", now.ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture)))).GetProperty("id").GetString()!;
        var customer = (await portal.StripeAsync(HttpMethod.Post, "/v1/customers", ("test_clock", clock))).GetProperty("id").GetString()!;
        await SendAsync(HttpMethod.Post, $"accounts/{account}/stripe-portal-sessions", new { });
        await SendAsync(HttpMethod.Put, $"accounts/{account}", new { });
        await SendAsync(HttpMethod.Post, $"accounts/{account}/stripe-portal-sessions", new { });
        Assert.Equal(1, await portal.ExecuteAsync("update stripe_customers set customer_id = $1 where account_id = (select account_id from accounts where external_id = $2)", customer, account));
        using var paid = await portal.PayAsync(await portal.CheckoutAsync(account, more ?? new { kind = "subscription", plan, interval }), StripeFixture.Works);
        Assert.Equal(HttpStatusCode.Redirect, paid.StatusCode);
        await portal.SettledAsync();
        return new(portal, clock, now);
    }

    private async Task<JsonElement> SubscriptionAsync(string account) => (await SendAsync(HttpMethod.Get, $"accounts/{account}/subscription")).Body;

    private Task<string?> PlanAsync(string account) => portal.ScalarAsync<string>("select plan from ledger_heads h join accounts a using (account_id) where a.external_id = $1", account);

    private async Task<decimal[]> TotalsAsync(string account) =>
        [.. (await portal.RowsAsync("select i.total from invoices i join accounts a using (account_id) where a.external_id = $1 order by i.created_at, i.id", account)).Select(r => (decimal)r[0]!)];

    [Fact]
    public async Task A_downgrade_waits_for_the_periods_end_bills_nothing_before_and_can_be_withdrawn()
    {
        var clock = await SubscribeAsync("smaller", "enterprise");
        var (_, preview) = await SendAsync(HttpMethod.Post, "accounts/smaller/subscription/preview", new { plan = "standard", interval = "month" });
        Assert.Equal((0m, 99m, "period_end"), (preview.GetProperty("due_now").GetDecimal(), preview.GetProperty("next_total").GetDecimal(), preview.GetProperty("at").GetString()));
        var (status, asked) = await SendAsync(HttpMethod.Put, "accounts/smaller/subscription", new { plan = "standard", interval = "month" });
        Assert.True(status == HttpStatusCode.OK, asked.ToString());
        Assert.Equal(("enterprise", "standard"), (asked.GetProperty("plan").GetString(), asked.GetProperty("pending_change").GetProperty("plan").GetString()));
        Assert.Equal("enterprise", await PlanAsync("smaller"));
        var (_, stayed) = await SendAsync(HttpMethod.Put, "accounts/smaller/subscription", new { plan = "enterprise", interval = "month" });
        Assert.False(stayed.TryGetProperty("pending_change", out var gone) && gone.ValueKind != JsonValueKind.Null);
        await SendAsync(HttpMethod.Put, "accounts/smaller/subscription", new { plan = "standard", interval = "month" });
        await clock.AdvanceAsync(clock.Start.AddMonths(1).AddHours(1));
        Assert.Equal("standard", await PlanAsync("smaller"));
        Assert.Equal("standard", (await SubscriptionAsync("smaller")).GetProperty("plan").GetString());
        Assert.Equal([499m, 99m], await TotalsAsync("smaller"));
        await clock.AdvanceAsync(clock.Start.AddMonths(2).AddHours(1));
        Assert.Equal([499m, 99m, 99m], await TotalsAsync("smaller"));
        Assert.Equal(["started", "change_scheduled", "change_withdrawn", "change_scheduled", "plan_changed"], (await portal.RowsAsync(
            "select kind from subscription_changes c join accounts a using (account_id) where a.external_id = 'smaller' and kind <> 'renewed' order by c.id")).Select(r => (string)r[0]!));
    }

    [Fact]
    public async Task A_scheduled_downgrade_gives_way_to_an_upgrade_and_to_a_cancellation()
    {
        await SubscribeAsync("undecided", "enterprise");
        await SendAsync(HttpMethod.Put, "accounts/undecided/subscription", new { plan = "standard", interval = "month" });
        var (status, canceled) = await SendAsync(HttpMethod.Delete, "accounts/undecided/subscription");
        Assert.True(status == HttpStatusCode.OK, canceled.ToString());
        Assert.True(canceled.GetProperty("cancel_at_period_end").GetBoolean());
        await SendAsync(HttpMethod.Post, "accounts/undecided/subscription/resume");
        var (_, now) = await SendAsync(HttpMethod.Put, "accounts/undecided/subscription", new { plan = "standard", interval = "month", at = "now" });
        Assert.Equal("standard", now.GetProperty("plan").GetString());
        Assert.Equal("standard", await PlanAsync("undecided"));
    }

    [Fact]
    public async Task A_pause_takes_the_plan_and_the_bills_away_until_it_is_resumed()
    {
        var clock = await SubscribeAsync("resting", "standard");
        var (status, paused) = await SendAsync(HttpMethod.Post, "accounts/resting/subscription/pause");
        Assert.True(status == HttpStatusCode.OK, paused.ToString());
        Assert.Equal("paused", paused.GetProperty("status").GetString());
        Assert.Equal("free", await PlanAsync("resting"));
        await clock.AdvanceAsync(clock.Start.AddMonths(1).AddDays(20));
        Assert.Equal([99m], await TotalsAsync("resting"));
        var (_, resumed) = await SendAsync(HttpMethod.Post, "accounts/resting/subscription/resume");
        Assert.Equal("active", resumed.GetProperty("status").GetString());
        await portal.SettledAsync();
        Assert.Equal("standard", await PlanAsync("resting"));
        Assert.Equal([99m, 99m], await TotalsAsync("resting"));
    }

    [Fact]
    public async Task A_code_takes_off_what_its_coupon_says_for_as_long_as_it_says()
    {
        await portal.StripeAsync(HttpMethod.Post, "/v1/coupons", ("id", "third"), ("percent_off", "33.5"), ("duration", "once"));
        await portal.StripeAsync(HttpMethod.Post, "/v1/promotion_codes", ("promotion[type]", "coupon"), ("promotion[coupon]", "third"), ("code", "SUMMER"));
        var clock = await SubscribeAsync("thrifty", "standard", more: new { kind = "subscription", plan = "standard", interval = "month", promotion_code = "SUMMER" });
        await clock.AdvanceAsync(clock.Start.AddMonths(1).AddHours(1));
        Assert.Equal([65.83m, 99m], await TotalsAsync("thrifty"));
        Assert.Equal("standard", await PlanAsync("thrifty"));

        var (status, refused) = await SendAsync(HttpMethod.Post, "accounts/other/checkout-sessions", new { kind = "subscription", plan = "standard", interval = "month", promotion_code = "WINTER" });
        Assert.Equal((HttpStatusCode.BadRequest, "INVALID_REQUEST"), (status, refused.GetProperty("error_code").GetString()));
        Assert.Equal(HttpStatusCode.BadRequest, (await SendAsync(HttpMethod.Post, "accounts/other/checkout-sessions", new { kind = "credits", pack = "pack_500", coupon = "a", promotion_code = "b" })).Status);
    }

    [Fact]
    public async Task Dunning_restricts_after_its_grace_ends_the_plan_after_the_last_try_and_a_payment_before_recovers()
    {
        var clock = await SubscribeAsync("dunned", "standard");
        var portalUrl = new Uri((await SendAsync(HttpMethod.Post, "accounts/dunned/stripe-portal-sessions", new { })).Body.GetProperty("url").GetString()!);
        using var bad = await portal.PressAsync(portalUrl, ("act", "card"), ("number", "4000000000000341"));
        await clock.AdvanceAsync(clock.Start.AddMonths(1).AddHours(1));
        Assert.Equal(("past_due", "PastDue"), ((await SubscriptionAsync("dunned")).GetProperty("status").GetString(), await StatusAsync()));
        // Beyond its grace: refused with 402; with a good card the next try recovers.
        using var good = await portal.PressAsync(portalUrl, ("act", "card"), ("number", StripeFixture.Works));
        await clock.AdvanceAsync(clock.Start.AddMonths(1).AddDays(3).AddHours(2));
        Assert.Equal(("active", "Active"), ((await SubscriptionAsync("dunned")).GetProperty("status").GetString(), await StatusAsync()));
        using var badAgain = await portal.PressAsync(portalUrl, ("act", "card"), ("number", "4000000000000341"));
        await clock.AdvanceAsync(clock.Start.AddMonths(2).AddDays(20));
        Assert.Equal(("none", "Active", "free"), ((await SubscriptionAsync("dunned")).GetProperty("status").GetString(), await StatusAsync(), await PlanAsync("dunned")));
    }

    private Task<string?> StatusAsync() => portal.ScalarAsync<string>("select h.status from ledger_heads h join accounts a using (account_id) where a.external_id = 'dunned'");
}
