using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using BillingPortal.Jobs;
using BillingPortal.Payments;
using BillingPortal.Reconciliation;
using BillingPortal.Tests.Payments;
using Microsoft.Extensions.DependencyInjection;

namespace BillingPortal.Tests.Reconciliation;

/// <summary>From any name of a payment to its grant, or to the reason why there is none (B10), and staff who hear of trouble by themselves (D12b).</summary>
public sealed class PaymentTraceTests(ReconciliationTests.Deaf portal) : IClassFixture<ReconciliationTests.Deaf>
{
    private async Task<List<JsonElement>> TraceAsync(string q) =>
        [.. (await portal.Api().GetFromJsonAsync<JsonElement>($"admin/payment-trace?q={Uri.EscapeDataString(q)}")).GetProperty("data").EnumerateArray()];

    private static string Verdict(JsonElement traced) => traced.GetProperty("verdict").GetString()!;

    private async Task<Uri> BeginAsync(string account)
    {
        using var _ = await portal.Api().PutAsJsonAsync($"accounts/{account}", new { email = $"{account}@example.com" });
        return await portal.CheckoutAsync(account, new { kind = "credits", pack = (await portal.Api().GetFromJsonAsync<JsonElement>("credit-packs")).GetProperty("data")[0].GetProperty("id").GetString()! });
    }

    [Fact]
    public async Task A_payment_is_traced_by_each_of_its_names_and_the_verdict_follows_it()
    {
        var page = await BeginAsync("traced");
        var session = page.AbsolutePath.Split('/')[^1];
        Assert.Contains("still open", Verdict(Assert.Single(await TraceAsync(session))), StringComparison.Ordinal);

        using var paid = await portal.PayAsync(page, StripeFixture.Works);
        var missing = Assert.Single(await TraceAsync("traced@example.com"));
        Assert.Contains("Paid, and not granted. Its event never came", Verdict(missing), StringComparison.Ordinal);
        var intent = missing.GetProperty("checkout").GetProperty("payment_intent").GetString()!;
        Assert.StartsWith("acc_", missing.GetProperty("checkout").GetProperty("metadata").GetProperty("account").GetString(), StringComparison.Ordinal);

        // A delivery that is refused is named as the likely cause.
        var payload = JsonSerializer.Serialize(new { id = "evt_traced", @object = "event", api_version = "2026-10-28.endive", created = 1, type = "checkout.session.completed", livemode = false, data = new { @object = new { id = session } } });
        using (var refused = await portal.DeliverAsync(payload, secret: "whsec_of_another_endpoint"))
        {
            Assert.Equal(HttpStatusCode.BadRequest, refused.StatusCode);
        }

        await StripeFixture.UntilAsync(async () => Verdict(Assert.Single(await TraceAsync(session))).Contains("another endpoint's", StringComparison.Ordinal), "the refusal is on record");
        Assert.Contains((await portal.Services.GetRequiredService<PaymentWatch>().LookAsync()), a => a.Code == "signature_mismatch");

        using (var believed = await portal.DeliverAsync(payload))
        {
            Assert.Equal(HttpStatusCode.OK, believed.StatusCode);
        }

        await StripeFixture.UntilAsync(async () => await portal.BalanceAsync("traced", "credit") > 0, "granted");
        foreach (var name in (string[])[session, intent, missing.GetProperty("order").GetString()!, "evt_traced", "traced", "Traced@Example.com", missing.GetProperty("checkout").GetProperty("customer").GetString()!])
        {
            var traced = Assert.Single(await TraceAsync(name));
            Assert.True(traced.GetProperty("is_granted").GetBoolean(), name);
            Assert.NotEqual(0, traced.GetProperty("grants").GetArrayLength());
            Assert.Contains(traced.GetProperty("events").EnumerateArray(), e => e.GetProperty("id").GetString() == "evt_traced");
        }
    }

    [Fact]
    public async Task What_nobody_knows_is_said_so()
    {
        Assert.Empty(await TraceAsync("cs_of_nobody"));
        Assert.Empty(await TraceAsync("pi_of_nobody"));
        Assert.Empty(await TraceAsync("nobody@example.com"));
        using var none = await portal.Api().GetAsync(new Uri("admin/payment-trace", UriKind.Relative));
        Assert.Equal(HttpStatusCode.BadRequest, none.StatusCode);
        using var nul = await portal.Api().GetAsync(new Uri("admin/payment-trace?q=%00", UriKind.Relative));
        Assert.Equal(HttpStatusCode.BadRequest, nul.StatusCode);
    }

    [Fact]
    public async Task Staff_are_told_once_a_day_that_deliveries_have_stopped()
    {
        using var paid = await portal.PayAsync(await BeginAsync("stopped"), StripeFixture.Works);
        portal.Time.Advance(TimeSpan.FromMinutes(4));
        var jobs = portal.Services.GetRequiredService<JobLoop>();
        await jobs.RunNowAsync("fetch_missed_events");
        await jobs.RunNowAsync("warn_about_payments");
        await jobs.RunNowAsync("warn_about_payments");
        var mail = Assert.Single(await portal.RowsAsync("select recipient, subject, body from outbox_messages where key like 'alarm:deliveries_stopped:%'"));
        Assert.Equal("admin@example.com", mail[0]);
        Assert.Contains("never delivered", (string)mail[2]!, StringComparison.Ordinal);
    }
}

public sealed class SignatureCauseTests
{
    [Theory]
    [InlineData("whsec_a b", false, SignatureFault.MalformedSecret)]
    [InlineData("secret", false, SignatureFault.MalformedSecret)]
    [InlineData("whsec_fine", false, SignatureFault.Mismatch)]
    [InlineData("whsec_fine", true, SignatureFault.OtherMode)]
    public void The_likely_cause_is_told_from_the_secret_and_the_mode(string secret, bool livemode, SignatureFault cause) => Assert.Equal(
        cause, SignatureFaults.Likely(SignatureFault.Mismatch, new("evt", "x", null, default, livemode, null, null), new(BillingPortal.Payments.Stripe.PaymentsMode.Stripe, null, "sk_test_x", [secret])));
}
