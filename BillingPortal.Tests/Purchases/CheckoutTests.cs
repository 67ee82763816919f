using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using BillingPortal.Tests.Payments;

namespace BillingPortal.Tests.Purchases;

public sealed class CheckoutTests(StripeFixture portal) : IClassFixture<StripeFixture>
{
    private static readonly object Pack = new { kind = "credits", pack = "pack_2500" };

    private Task<long> GrantsAsync(string account) =>
        portal.ScalarAsync<long>("select count(*) from grants g join accounts a using (account_id) where a.external_id = $1 and g.reference like 'cs_test_%'", account);

    [Fact]
    public async Task A_pack_with_a_bonus_is_two_grants_once_however_often_the_event_comes()
    {
        var page = await portal.CheckoutAsync("buyer", Pack);
        Assert.Equal(0, await portal.BalanceAsync("buyer", "credit"));
        using var paid = await portal.PayAsync(page, StripeFixture.Works);
        Assert.Equal(HttpStatusCode.Redirect, paid.StatusCode);
        await portal.SettledAsync();
        Assert.Equal(2500, await portal.BalanceAsync("buyer", "credit"));
        Assert.Equal(["Bonus", "Purchase"], (await portal.RowsAsync("select source from grants g join accounts a using (account_id) where a.external_id = 'buyer' and unit = 'credit' order by 1")).Select(r => (string)r[0]!));

        var session = page.Segments[^1];
        var payload = await portal.DeliveredAsync("checkout.session.completed", session);
        var again = await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => portal.DeliverAsync(payload)));
        Assert.All(again, a => Assert.Equal(HttpStatusCode.OK, a.StatusCode));
        // The same completion under twenty other event ids, all at once.
        var others = await Task.WhenAll(Enumerable.Range(0, 20).Select(i => portal.DeliverAsync(payload.Replace(JsonElement.Parse(payload).GetProperty("id").GetString()!, $"evt_copy_{i}", StringComparison.Ordinal))));
        Assert.All(others, a => Assert.Equal(HttpStatusCode.OK, a.StatusCode));
        await portal.SettledAsync();
        Assert.Equal(2500, await portal.BalanceAsync("buyer", "credit"));
        Assert.Equal(2, await GrantsAsync("buyer"));
        Assert.Equal("Fulfilled", await portal.ScalarAsync<string>("select status from orders where session_id = $1", session));
    }

    [Fact]
    public async Task An_event_delivered_20_times_at_once_for_the_first_time_grants_once()
    {
        // The simulator's own delivery is held back, so that the twenty are the first to tell.
        var page = await portal.CheckoutAsync("rush", Pack);
        using var paid = await portal.PayAsync(page, StripeFixture.Works);
        var session = page.Segments[^1];
        var payload = JsonSerializer.Serialize(new { id = "evt_rush", @object = "event", api_version = "2026-10-28.endive", created = 1_763_000_000, type = "checkout.session.completed", livemode = false, data = new { @object = new { id = session, @object = "checkout.session" } } });
        var answers = await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => portal.DeliverAsync(payload)));
        Assert.All(answers, a => Assert.Equal(HttpStatusCode.OK, a.StatusCode));
        await portal.SettledAsync();
        Assert.Equal(1, await portal.ScalarAsync<long>("select count(*) from webhook_events where id = 'evt_rush'"));
        Assert.Equal(2500, await portal.BalanceAsync("rush", "credit"));
        Assert.Equal(2, await GrantsAsync("rush"));
    }

    [Theory]
    [InlineData(StripeFixture.Declined, "declined")]
    [InlineData(StripeFixture.NoFunds, "insufficient funds")]
    public async Task A_declined_card_grants_nothing_and_another_may_be_tried(string card, string says)
    {
        var account = $"declined-{card}";
        var page = await portal.CheckoutAsync(account, Pack);
        using var refused = await portal.PayAsync(page, card);
        Assert.Equal(HttpStatusCode.OK, refused.StatusCode);
        Assert.Contains(says, await refused.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        await portal.SettledAsync();
        Assert.Equal(0, await portal.BalanceAsync(account, "credit"));
        using var paid = await portal.PayAsync(page, StripeFixture.Works);
        await portal.SettledAsync();
        Assert.Equal(2500, await portal.BalanceAsync(account, "credit"));
    }

    [Fact]
    public async Task Three_D_Secure_grants_when_completed_and_nothing_when_failed()
    {
        var page = await portal.CheckoutAsync("secure", Pack);
        using var asked = await portal.PayAsync(page, StripeFixture.Asks);
        var confirm = new Uri(page, asked.Headers.Location!);
        using var failed = await portal.PressAsync(confirm, ("answer", "fail"));
        Assert.Contains("could not confirm", await failed.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        await portal.SettledAsync();
        Assert.Equal(0, await portal.BalanceAsync("secure", "credit"));

        using var askedAgain = await portal.PayAsync(page, StripeFixture.Asks);
        using var completed = await portal.PressAsync(confirm, ("answer", "complete"));
        Assert.Equal(HttpStatusCode.Redirect, completed.StatusCode);
        await portal.SettledAsync();
        Assert.Equal(2500, await portal.BalanceAsync("secure", "credit"));
    }

    [Fact]
    public async Task The_success_page_grants_nothing()
    {
        var page = await portal.CheckoutAsync("hasty", Pack);
        using var _ = await portal.Client().GetAsync(new Uri($"/portal/credits?checkout=done&session={page.Segments[^1]}", UriKind.Relative));
        Assert.Equal(0, await portal.BalanceAsync("hasty", "credit"));
    }

    [Fact]
    public async Task A_customer_deleted_at_stripe_is_made_anew_at_the_next_checkout()
    {
        using var first = await portal.PayAsync(await portal.CheckoutAsync("healed", Pack), StripeFixture.Works);
        var old = await CustomerAsync("healed");
        await portal.StripeAsync(HttpMethod.Delete, $"/v1/customers/{old}");
        using var second = await portal.PayAsync(await portal.CheckoutAsync("healed", Pack), StripeFixture.Works);
        await portal.SettledAsync();
        Assert.Equal(5000, await portal.BalanceAsync("healed", "credit"));
        Assert.NotEqual(old, await CustomerAsync("healed"));

        await portal.ExecuteAsync("delete from simulator_objects where id = $1", await CustomerAsync("healed"));
        using var third = await portal.PayAsync(await portal.CheckoutAsync("healed", Pack), StripeFixture.Works);
        await portal.SettledAsync();
        Assert.Equal(7500, await portal.BalanceAsync("healed", "credit"));
    }

    private Task<string?> CustomerAsync(string account) =>
        portal.ScalarAsync<string>("select customer_id from stripe_customers c join accounts a using (account_id) where a.external_id = $1 order by generation desc limit 1", account);

    [Fact]
    public async Task A_checkout_repeated_under_its_key_is_the_same_and_another_under_it_a_conflict()
    {
        var api = portal.Api();
        api.DefaultRequestHeaders.Add("Idempotency-Key", "buy-1");
        var answers = await Task.WhenAll(Enumerable.Range(0, 5).Select(_ => api.PostAsJsonAsync("accounts/keyed/checkout-sessions", Pack)));
        var bodies = await Task.WhenAll(answers.Select(a => a.Content.ReadAsStringAsync()));
        Assert.Single(bodies.Distinct());
        using var other = await api.PostAsJsonAsync("accounts/keyed/checkout-sessions", new { kind = "credits", pack = "pack_500" });
        Assert.Equal(HttpStatusCode.Conflict, other.StatusCode);
        Assert.Equal(1, await portal.ScalarAsync<long>("select count(*) from orders o join accounts a using (account_id) where a.external_id = 'keyed'"));
    }

    public static TheoryData<string, string> Bad => new()
    {
        { """{"kind":"credits"}""", "INVALID_REQUEST" },
        { """{"kind":"credits","pack":"none"}""", "INVALID_REQUEST" },
        { """{"kind":"gold"}""", "INVALID_REQUEST" },
        { "{}", "INVALID_REQUEST" },
        { "[]", "INVALID_REQUEST" },
        { """{"kind":"reserve","amount":-5}""", "INVALID_AMOUNT" },
        { """{"kind":"reserve","amount":10.001}""", "INVALID_AMOUNT" },
        { """{"kind":"reserve","amount":1e30}""", "INVALID_REQUEST" },
        { """{"kind":"subscription","plan":"none","interval":"month"}""", "INVALID_REQUEST" },
        { """{"kind":"subscription","plan":"free","interval":"month"}""", "INVALID_REQUEST" },
        { """{"kind":"subscription","plan":"standard","interval":"week"}""", "INVALID_REQUEST" },
        { """{"kind":"credits","pack":"pack_500","success_url":"https://evil.example/x"}""", "INVALID_REQUEST" },
        { """{"kind":"credits","pack":"pack_500","cancel_url":"javascript:alert(1)"}""", "INVALID_REQUEST" },
    };

    [Theory]
    [MemberData(nameof(Bad))]
    public async Task A_checkout_that_cannot_be_is_refused_with_a_reason_and_leaves_no_order(string body, string code)
    {
        using var content = new StringContent(body, System.Text.Encoding.UTF8, "application/json");
        using var answer = await portal.Api().PostAsync(new Uri("accounts/bad/checkout-sessions", UriKind.Relative), content);
        Assert.Equal(HttpStatusCode.BadRequest, answer.StatusCode);
        Assert.Equal(code, (await answer.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("error_code").GetString());
        Assert.Equal(0, await portal.ScalarAsync<long>("select count(*) from orders o join accounts a using (account_id) where a.external_id = 'bad'"));
    }

    [Fact]
    public async Task The_doctor_finds_the_setup_of_development_sound()
    {
        var diagnosis = await portal.Api().GetFromJsonAsync<JsonElement>("admin/doctor");
        Assert.True(diagnosis.GetProperty("ok").GetBoolean(), diagnosis.ToString());
        Assert.Contains(diagnosis.GetProperty("findings").EnumerateArray(), f => f.GetProperty("check").GetString() == "price pack_pack_500_usd");
    }
}

public sealed class ReserveFixture : StripeFixture
{
    protected override void Configure(IDictionary<string, string?> settings)
    {
        base.Configure(settings);
        settings["Catalog:File"] = BillingPortal.Tests.Testing.Repository.Path("catalogs/prepaid-reserve.json");
    }
}

public sealed class ReserveTests(ReserveFixture portal) : IClassFixture<ReserveFixture>
{
    [Fact]
    public async Task A_top_up_of_a_free_amount_is_a_grant_of_money()
    {
        using var paid = await portal.PayAsync(await portal.CheckoutAsync("saver", new { kind = "reserve", amount = 42.5 }), StripeFixture.Works);
        await portal.SettledAsync();
        Assert.Equal(42.5m, await portal.BalanceAsync("saver", "usd"));
        Assert.Equal(0, await portal.BalanceAsync("saver", "credit"));
    }
}
