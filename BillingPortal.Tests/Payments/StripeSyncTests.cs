using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using BillingPortal.Payments.Settings;
using BillingPortal.Payments.Stripe;
using BillingPortal.Tests.Catalog;
using Microsoft.Extensions.DependencyInjection;

namespace BillingPortal.Tests.Payments;

/// <summary>Stripe brought to what the catalog sells, and the doctor that says what is missing (A12). Stripe is this instance's own simulator, reached as a real one would be.</summary>
public sealed class StripeSyncTests(StripeSyncTests.AtStripe portal) : IClassFixture<StripeSyncTests.AtStripe>
{
    public sealed class AtStripe : StripeFixture
    {
        protected override void Configure(IDictionary<string, string?> settings)
        {
            settings["Encryption:Keys"] = "a-key-for-tests-of-more-than-32-characters";
            settings["Stripe:SecretKey"] = " sk_test_of_the_configuration\n";
            settings["Stripe:ApiBase"] = $"{settings["urls"]}/stripe-simulator";
            settings["Catalog:File"] = CatalogFiles.PathOf("metered-plans");
            settings["Jobs:Enabled"] = "false"; // they ask Stripe too, and would run into the fault instead
        }
    }

    private async Task<JsonElement> SyncAsync(bool dryRun = false)
    {
        using var answer = await portal.Api().PostAsync(new Uri($"admin/payment-providers/stripe/sync?dry_run={(dryRun ? "true" : "false")}", UriKind.Relative), null);
        var text = await answer.Content.ReadAsStringAsync();
        Assert.True(answer.StatusCode == HttpStatusCode.OK, text);
        return JsonElement.Parse(text);
    }

    private static IEnumerable<string> Acts(JsonElement report, string what) =>
        report.GetProperty("steps").EnumerateArray().Where(s => s.GetProperty("what").GetString() == what).Select(s => s.GetProperty("act").GetString()!);

    private async Task<string> StateAsync(string check) =>
        (await portal.Api().GetFromJsonAsync<JsonElement>("admin/doctor")).GetProperty("findings").EnumerateArray().First(f => f.GetProperty("check").GetString() == check).GetProperty("state").GetString()!;

    private static int Changes(JsonElement report) => report.GetProperty("changes").GetInt32();

    [Fact]
    public async Task A_dry_run_does_nothing_the_first_run_all_and_the_second_nothing_more()
    {
        var planned = await SyncAsync(dryRun: true);
        Assert.True(Changes(planned) > 8, planned.ToString());
        Assert.Equal(0, await portal.ScalarAsync<long>("select count(*) from simulator_objects where type in ('product', 'price', 'billing.meter', 'webhook_endpoint', 'billing_portal.configuration')"));
        Assert.Equal("error", await StateAsync("webhook endpoint"));
        Assert.Equal("error", await StateAsync("price standard_month_usd"));

        var done = await SyncAsync();
        Assert.Equal(Changes(planned), Changes(done));
        Assert.True(done.GetProperty("ok").GetBoolean(), done.ToString());
        foreach (var what in (string[])["product plan_standard", "price standard_month_usd", "meter llm_tokens", "metered price overage_standard_llm_tokens_month_usd", "portal configuration", "webhook endpoint", "event destination"])
        {
            Assert.Equal(["create"], Acts(done, what));
        }

        var again = await SyncAsync();
        Assert.True(Changes(again) == 0, again.ToString());
        Assert.Equal("ok", await StateAsync("webhook endpoint"));
        Assert.Equal("ok", await StateAsync("price standard_month_usd"));

        // The secret that is told once is in force, and what it signs is believed.
        var secrets = portal.Services.GetRequiredService<StripeSettings>().Own.WebhookSecrets!;
        Assert.Equal(2, secrets.Count); // of the endpoint, and of the destination of thin events
        foreach (var secret in secrets)
        {
            using var delivered = await portal.DeliverAsync("""{"id":"evt_sync","object":"event","api_version":"2026-10-28.endive","created":1,"type":"x.y","livemode":false,"data":{"object":{}}}""", secret: secret);
            Assert.Equal(HttpStatusCode.OK, delivered.StatusCode);
        }

        Assert.StartsWith("bpc_", portal.Services.GetRequiredService<IStripeConnection>().Current.PortalConfiguration, StringComparison.Ordinal);

        await WhatDriftsAwayIsBroughtBackAsync();
        await AMeteredPriceThatDoesNotFitIsNamedAndReplacedAsync();
        await ABoundPriceIsTakenAndOneThatDoesNotFitIsNamedAsync();
        await EachMisfitOfAPriceIsNamedWithItsMendAsync();
        await WhenStripeCannotBeAskedThatIsSaidOnceAsync();
    }

    private async Task WhenStripeCannotBeAskedThatIsSaidOnceAsync()
    {
        using var asked = await portal.PressAsync(new($"{portal.Url}/stripe-simulator/faults"), ("fault", "429"), ("path", "/v1/events"), ("times", "2"));
        var findings = (await portal.Api().GetFromJsonAsync<JsonElement>("admin/doctor")).GetProperty("findings").EnumerateArray().ToList();
        var key = findings.Single(f => f.GetProperty("check").GetString() == "stripe key");
        Assert.Equal("error", key.GetProperty("state").GetString());
        Assert.Contains("does not answer: Too many requests", key.GetProperty("message").GetString(), StringComparison.Ordinal);
        Assert.DoesNotContain(findings, f => f.GetProperty("check").GetString()!.StartsWith("price ", StringComparison.Ordinal));

        using var refused = await portal.Api().PostAsync(new Uri("admin/payment-providers/stripe/sync", UriKind.Relative), null);
        Assert.Equal(HttpStatusCode.Conflict, refused.StatusCode);
        Assert.Contains("Stripe cannot be asked: Too many requests", await refused.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        Assert.Equal("ok", await StateAsync("stripe key"));
    }

    private async Task EachMisfitOfAPriceIsNamedWithItsMendAsync()
    {
        const string Key = "standard_month_usd";
        var before = await portal.ScalarAsync<string>("select body from simulator_objects where type = 'price' and body ->> 'lookup_key' = $1", Key);
        foreach (var (change, says) in ((string, string)[])[
            ("""{"active": false}""", "it is not active"),
            ("""{"type": "one_time", "recurring": null}""", "it is paid once, and a plan recurs"),
            ("""{"currency": "eur"}""", "its currency is eur, not usd"),
            ("""{"unit_amount": 100}""", "its amount is 100, not 9900"),
            ("""{"lookup_key": "another"}""", "there is no such price")])
        {
            await portal.ExecuteAsync("update simulator_objects set body = body || $2::jsonb where type = 'price' and body ->> 'lookup_key' = $1", Key, change);
            var found = (await portal.Api().GetFromJsonAsync<JsonElement>("admin/doctor")).GetProperty("findings").EnumerateArray().Single(f => f.GetProperty("check").GetString() == $"price {Key}");
            Assert.Equal("error", found.GetProperty("state").GetString());
            Assert.Contains(says, found.GetProperty("message").GetString(), StringComparison.Ordinal);
            Assert.Contains($"Run `stripe sync`, or make an active price in Stripe with lookup key {Key} (99 usd each month)", found.GetProperty("mend").GetString(), StringComparison.Ordinal);
            using var unsold = await portal.Api().PostAsJsonAsync("accounts/misfit/checkout-sessions", new { kind = "subscription", plan = "standard", interval = "month" });
            Assert.False(unsold.IsSuccessStatusCode);
            await portal.ExecuteAsync("update simulator_objects set body = $2::jsonb where id = $1", JsonElement.Parse(before!).GetProperty("id").GetString(), before);
        }

        await portal.ExecuteAsync("update simulator_objects set body = body || '{\"active\": false}' where type = 'price' and body ->> 'lookup_key' = $1", Key);
        await SyncAsync();
        Assert.Equal("ok", await StateAsync($"price {Key}"));
    }

    private async Task AMeteredPriceThatDoesNotFitIsNamedAndReplacedAsync()
    {
        const string What = "metered price overage_enterprise_api_calls_month_usd";
        Assert.Equal("0.05", await portal.ScalarAsync<string>("select body ->> 'unit_amount_decimal' from simulator_objects where body ->> 'lookup_key' = 'overage_enterprise_api_calls_month_usd'"));
        foreach (var wrong in (string[])["""{"unit_amount_decimal": "0.06"}""", """{"currency": "eur"}""", """{"recurring": {"interval": "year", "interval_count": 1, "usage_type": "licensed", "meter": null}}"""])
        {
            await portal.ExecuteAsync($"update simulator_objects set body = body || '{wrong}' where body ->> 'lookup_key' = 'overage_enterprise_api_calls_month_usd'");
            Assert.Equal("warning", await StateAsync(What));
            var mended = await SyncAsync();
            Assert.Equal(["replace"], Acts(mended, What));
            Assert.Equal(1, Changes(mended));
            Assert.Equal("ok", await StateAsync(What));
        }
    }

    private async Task WhatDriftsAwayIsBroughtBackAsync()
    {
        await portal.ExecuteAsync("update simulator_objects set body = body || '{\"name\": \"Renamed by hand\"}' where id = 'plan_standard'");
        await portal.ExecuteAsync("update simulator_objects set body = body || '{\"unit_amount\": 1}' where body ->> 'lookup_key' = 'standard_month_usd'");
        await portal.ExecuteAsync("update simulator_objects set body = body || '{\"status\": \"disabled\", \"enabled_events\": [\"invoice.paid\"]}' where type = 'webhook_endpoint'");
        await portal.ExecuteAsync("update simulator_objects set body = jsonb_set(body, '{features,subscription_update,enabled}', 'true') where type = 'billing_portal.configuration'");
        await portal.ExecuteAsync("update simulator_objects set body = body || '{\"display_name\": \"Tokens\"}' where body ->> 'event_name' = 'llm_tokens'");
        Assert.Equal("error", await StateAsync("webhook endpoint"));

        var mended = await SyncAsync();
        Assert.Equal(["update", "replace", "update", "update", "update"], ((string[])["product plan_standard", "price standard_month_usd", "webhook endpoint", "portal configuration", "meter llm_tokens"]).SelectMany(w => Acts(mended, w)));
        Assert.Equal(5, Changes(mended));
        Assert.Equal(0, Changes(await SyncAsync()));
        Assert.Equal(1, await portal.ScalarAsync<long>("select count(*) from simulator_objects where type = 'price' and body ->> 'product' = 'plan_standard' and body ->> 'active' = 'false'"));
    }

    private async Task ABoundPriceIsTakenAndOneThatDoesNotFitIsNamedAsync()
    {
        var price = await portal.StripeAsync(HttpMethod.Post, "/v1/prices", ("currency", "usd"), ("product", "plan_standard"), ("unit_amount", "9900"), ("recurring[interval]", "month"));
        var other = await portal.StripeAsync(HttpMethod.Post, "/v1/prices", ("currency", "eur"), ("product", "plan_standard"), ("unit_amount", "9900"), ("recurring[interval]", "month"));
        await BindAsync(price.GetProperty("id").GetString()!);
        Assert.Equal("ok", await StateAsync($"price {price.GetProperty("id").GetString()}"));
        Assert.Equal(["in_order"], Acts(await SyncAsync(), "price standard_month_usd"));

        foreach (var wrong in (string[])[other.GetProperty("id").GetString()!, "price_that_nobody_has"])
        {
            await BindAsync(wrong);
            Assert.Equal("error", await StateAsync($"price {wrong}"));
            Assert.Equal(["blocked"], Acts(await SyncAsync(), "price standard_month_usd"));
        }

        using var _ = await portal.Api().PutAsJsonAsync("admin/payment-providers/stripe", new { prices = (object?)null });
    }

    private async Task BindAsync(string price)
    {
        using var answer = await portal.Api().PutAsJsonAsync("admin/payment-providers/stripe", new { prices = new { standard_month_usd = price } });
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
    }
}
