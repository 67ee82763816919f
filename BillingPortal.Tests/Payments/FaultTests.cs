using System.Net;
using System.Net.Http.Json;
using System.Text.Json;

namespace BillingPortal.Tests.Payments;

/// <summary>What the client makes of a Stripe that breaks off, dawdles and refuses (STRIPE §2): the same key again, never a second purchase.</summary>
public sealed class FaultTests(FaultTests.WithoutJobs portal) : IClassFixture<FaultTests.WithoutJobs>
{
    /// <summary>Jobs ask Stripe too, and would run into the faults instead.</summary>
    public sealed class WithoutJobs : StripeFixture
    {
        protected override void Configure(IDictionary<string, string?> settings)
        {
            base.Configure(settings);
            settings["Jobs:Enabled"] = "false";
        }
    }

    private const string Sessions = "/v1/checkout/sessions";

    private async Task<JsonElement> AskAsync(string fault, int times = 1, int milliseconds = 0)
    {
        using var _ = await portal.PressAsync(new($"{portal.Url}/stripe-simulator/faults/clear"));
        using var answer = await portal.PressAsync(new($"{portal.Url}/stripe-simulator/faults"), ("fault", fault), ("path", Sessions), ("times", times.ToString(System.Globalization.CultureInfo.InvariantCulture)), ("milliseconds", milliseconds.ToString(System.Globalization.CultureInfo.InvariantCulture)));
        return await answer.Content.ReadFromJsonAsync<JsonElement>();
    }

    private async Task<int> LeftAsync() =>
        (await portal.Client().GetFromJsonAsync<JsonElement>($"{portal.Url}/stripe-simulator/faults")).EnumerateArray().Sum(f => f.GetProperty("times").GetInt32());

    private async Task<HttpResponseMessage> BeginAsync(string account) => await portal.Api().PostAsJsonAsync(
        $"accounts/{account}/checkout-sessions", new { kind = "credits", pack = (await portal.Api().GetFromJsonAsync<JsonElement>("credit-packs")).GetProperty("data")[0].GetProperty("id").GetString()! });

    private Task<long> SessionsOfAsync(string account) => portal.ScalarAsync<long>(
        "select count(*) from simulator_objects o join accounts a on o.body -> 'metadata' ->> 'account' = 'acc_' || replace(a.account_id::text, '-', '') where o.type = 'checkout.session' and a.external_id = $1", account);

    [Theory]
    [InlineData("drop_before")]
    [InlineData("drop_after")]
    [InlineData("500")]
    public async Task After_a_lost_answer_or_a_server_error_the_same_key_is_tried_again_and_one_checkout_is_made(string fault)
    {
        await AskAsync(fault, times: 2);
        using var answer = await BeginAsync($"fault-{fault}");
        Assert.True(answer.StatusCode == HttpStatusCode.Created, await answer.Content.ReadAsStringAsync());
        Assert.Equal(0, await LeftAsync());
        Assert.Equal(1, await SessionsOfAsync($"fault-{fault}"));
    }

    [Fact]
    public async Task When_no_try_is_answered_the_caller_is_told_so_and_the_next_attempt_of_the_order_makes_no_second_checkout()
    {
        await AskAsync("drop_after", times: 3);
        using (var answer = await portal.Api().SendAsync(await OrderAsync("fault-lost")))
        {
            Assert.Equal(HttpStatusCode.ServiceUnavailable, answer.StatusCode);
        }

        using var again = await portal.Api().SendAsync(await OrderAsync("fault-lost"));
        Assert.Equal(HttpStatusCode.Created, again.StatusCode);
        Assert.Equal(1, await SessionsOfAsync("fault-lost"));
    }

    [Fact]
    public async Task Too_many_requests_are_not_made_more()
    {
        await AskAsync("429", times: 3);
        using var answer = await BeginAsync("fault-429");
        Assert.Equal(HttpStatusCode.ServiceUnavailable, answer.StatusCode);
        Assert.Equal(2, await LeftAsync());
        await AskAsync("delay", milliseconds: 300);
        using var later = await BeginAsync("fault-429");
        Assert.Equal(HttpStatusCode.Created, later.StatusCode);
    }

    [Theory]
    [InlineData("nonsense", 1)]
    [InlineData("delay", 0)]
    public async Task A_fault_that_is_none_is_refused(string fault, int times) => Assert.True((await AskAsync(fault, times)).TryGetProperty("error", out _));

    [Fact]
    public async Task A_thin_event_about_meters_is_kept_for_a_person_and_another_one_is_not()
    {
        using var kept = await portal.DeliverAsync("""{"id":"evt_meter","object":"v2.core.event","type":"v1.billing.meter.error_report_triggered","livemode":false,"created":"2026-11-21T10:00:00Z","related_object":{"id":"mtr_1","type":"billing.meter","url":"/v1/billing/meters/mtr_1"}}""");
        Assert.Equal(HttpStatusCode.OK, kept.StatusCode);
        Assert.Equal(["mtr_1"], (await portal.RowsAsync("select object_id from webhook_events where id = 'evt_meter'")).Single());
        using var other = await portal.DeliverAsync("""{"id":"evt_meter_live","object":"v2.core.event","type":"v1.billing.meter.no_meter_found","livemode":true}""");
        Assert.Equal(HttpStatusCode.BadRequest, other.StatusCode);
    }

    private async Task<HttpRequestMessage> OrderAsync(string account) => new(HttpMethod.Post, $"accounts/{account}/checkout-sessions")
    {
        Content = JsonContent.Create(new { kind = "credits", pack = (await portal.Api().GetFromJsonAsync<JsonElement>("credit-packs")).GetProperty("data")[0].GetProperty("id").GetString()! }),
        Headers = { { "Idempotency-Key", $"order-of-{account}" } },
    };
}
