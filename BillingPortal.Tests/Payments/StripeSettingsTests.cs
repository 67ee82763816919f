using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using BillingPortal.Data;
using BillingPortal.Payments;
using BillingPortal.Payments.Settings;
using BillingPortal.Payments.Stripe;
using BillingPortal.Tests.Testing;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;

namespace BillingPortal.Tests.Payments;

/// <summary>Keys for Stripe kept in the database (C7, C11, S9), and the pause of new checkouts (B8). Stripe is this instance's own simulator, reached as a real one would be.</summary>
public sealed class StripeSettingsTests(StripeSettingsTests.Keeping portal) : IClassFixture<StripeSettingsTests.Keeping>
{
    private const string Path = "admin/payment-providers/stripe";
    private const string TestKey = "sk_test_51SettingsTestKeyThatNobodyHas", LiveKey = "sk_live_51SettingsLiveKeyThatNobodyHas";
    private const string Signing = "whsec_SettingsSigningSecretOfTests";

    public sealed class Keeping : StripeFixture
    {
        public const string Older = "an-older-key-of-more-than-32-characters", Newer = "a-newer-key-of-more-than-32-characters";

        public string Keys { get; set; } = Older;

        protected override void Configure(IDictionary<string, string?> settings)
        {
            base.Configure(settings);
            settings["Encryption:Keys"] = Keys;
            settings["Stripe:ApiBase"] = $"{settings["urls"]}/stripe-simulator";
        }
    }

    private async Task<JsonElement> PutAsync(object body, HttpStatusCode expected = HttpStatusCode.OK)
    {
        using var answer = await portal.Api().PutAsJsonAsync(Path, body);
        var text = await answer.Content.ReadAsStringAsync();
        Assert.True(answer.StatusCode == expected, text);
        return JsonElement.Parse(text);
    }

    private Task<JsonElement> ForgetAsync() => PutAsync(new { secret_key = (string?)null, publishable_key = (string?)null, webhook_secrets = (string[]?)null, checkouts_paused = false, prices = (object?)null });

    [Fact]
    public async Task Keys_are_trimmed_kept_in_force_at_once_and_shown_masked()
    {
        var shown = await PutAsync(new { secret_key = $" \n{TestKey}\u200B ", webhook_secrets = (string[])[$"{Signing}\r\n"], publishable_key = "pk_test_abcdefghijklmnop" });
        Assert.Equal("stripe", shown.GetProperty("payments").GetString());
        Assert.Equal("test", shown.GetProperty("mode").GetString());
        Assert.Equal("sk_test_…Has".Length + 1, shown.GetProperty("secret_key").GetProperty("masked").GetString()!.Length);
        Assert.DoesNotContain(TestKey, shown.ToString(), StringComparison.Ordinal);
        Assert.DoesNotContain(Signing, shown.ToString(), StringComparison.Ordinal);
        var connection = portal.Services.GetRequiredService<IStripeConnection>().Current;
        Assert.Equal((PaymentsMode.Stripe, TestKey), (connection.Mode, connection.SecretKey));
        Assert.Equal([Signing], connection.WebhookSecrets);

        var test = await (await portal.Api().PostAsync(new Uri($"{Path}/test", UriKind.Relative), null)).Content.ReadFromJsonAsync<JsonElement>();
        Assert.True(test.GetProperty("ok").GetBoolean(), test.ToString());

        using var delivered = await portal.DeliverAsync("""{"id":"evt_settings","object":"event","api_version":"2026-10-28.endive","created":1,"type":"x.y","livemode":false,"data":{"object":{}}}""", secret: Signing);
        Assert.Equal(HttpStatusCode.OK, delivered.StatusCode);

        var back = await ForgetAsync();
        Assert.Equal("simulator", back.GetProperty("payments").GetString());
        Assert.Equal("configuration", back.GetProperty("webhook_secrets_source").GetString());
    }

    [Fact]
    public async Task Another_instance_goes_by_a_change_within_seconds()
    {
        var other = await portal.StartInstanceAsync();
        await PutAsync(new { secret_key = TestKey });
        var started = DateTime.UtcNow;
        await StripeFixture.UntilAsync(() => Task.FromResult(other.Services.GetRequiredService<IStripeConnection>().Current.SecretKey == TestKey), "in force elsewhere");
        Assert.True(DateTime.UtcNow - started < TimeSpan.FromSeconds(5), "the machine is busy, but not that busy");
        await ForgetAsync();
    }

    [Fact]
    public async Task Keys_of_the_wrong_kind_or_of_two_modes_are_refused_and_change_nothing()
    {
        await PutAsync(new { secret_key = TestKey, webhook_secrets = (string[])[Signing], publishable_key = "pk_test_abcdefghijklmnop" });
        foreach (var (body, field) in ((object, string)[])
        [
            (new { secret_key = "pk_test_abcdefghijklmnop" }, "secret_key"),
            (new { secret_key = Signing }, "secret_key"),
            (new { secret_key = "sk_test_with a space" }, "secret_key"),
            (new { secret_key = "nonsense" }, "secret_key"),
            (new { secret_key = 7 }, "secret_key"),
            (new { secret_key = $"sk_test_{new string('x', 300)}" }, "secret_key"),
            (new { publishable_key = "pk_live_abcdefghijklmnop" }, "publishable_key"),
            (new { publishable_key = TestKey }, "publishable_key"),
            (new { webhook_secrets = (string[])["secret"] }, "webhook_secrets"),
            (new { webhook_secrets = "whsec_x" }, "webhook_secrets"),
            (new { secret_key = LiveKey, publishable_key = "pk_live_abcdefghijklmnop" }, "webhook_secrets"),
            (new { secret_key = LiveKey, webhook_secrets = (string[])[Signing] }, "secret_key"),
            (new { checkouts_paused = "yes" }, "checkouts_paused"),
            (new { prices = (string[])["price_1"] }, "prices"),
            (new { prices = new { pro_month_usd = "prod_1" } }, "prices"),
        ])
        {
            var problem = await PutAsync(body, HttpStatusCode.BadRequest);
            Assert.True(problem.GetProperty("errors").TryGetProperty(field, out _), problem.ToString());
        }

        Assert.Equal(TestKey, portal.Services.GetRequiredService<IStripeConnection>().Current.SecretKey);
        await ForgetAsync();
    }

    [Fact]
    public async Task A_key_that_stripe_refuses_is_a_clear_message_and_no_crash()
    {
        using var answer = await portal.Api().PostAsJsonAsync($"{Path}/test", new { secret_key = LiveKey });
        var report = await answer.Content.ReadFromJsonAsync<JsonElement>();
        Assert.Equal((HttpStatusCode.OK, false, "live"), (answer.StatusCode, report.GetProperty("ok").GetBoolean(), report.GetProperty("mode").GetString()));
        Assert.NotEqual("", report.GetProperty("mend").GetString());
    }

    [Fact]
    public async Task A_full_dump_and_the_audit_record_hold_no_secret()
    {
        await PutAsync(new { secret_key = TestKey, webhook_secrets = (string[])[Signing] });
        foreach (var row in await portal.RowsAsync("select relname from pg_class where relkind in ('r', 'p') and relnamespace = 'public'::regnamespace"))
        {
            foreach (var secret in (string[])[TestKey, Signing])
            {
                var plain = await portal.ScalarAsync<long>($"select count(*) from {row[0]} t where t::text like $1", $"%{secret}%");
                var bytes = await portal.ScalarAsync<long>($"select count(*) from {row[0]} t where t::text like $1", $"%{Convert.ToHexStringLower(System.Text.Encoding.UTF8.GetBytes(secret))}%");
                Assert.Equal(((string)row[0]!, 0L, 0L), ((string)row[0]!, plain, bytes));
            }
        }

        Assert.Equal(0, await portal.ScalarAsync<long>("select count(*) from protection_keys where xml like '%<masterKey%'"));
        var audited = await portal.ScalarAsync<string>("select after::text from audit_entries where action = 'stripe_settings.changed' order by id desc limit 1");
        Assert.Contains("set (test)", audited, StringComparison.Ordinal);
        await ForgetAsync();
    }

    [Fact]
    public async Task After_a_new_encryption_key_is_put_in_front_and_a_restart_the_old_one_can_go()
    {
        await PutAsync(new { secret_key = TestKey });
        var key = await portal.ScalarAsync<byte[]>("select secret_key from stripe_settings");
        Assert.True(new SecretBox(With(Keeping.Older)).Open(key, "stripe_settings.secret_key") is { IsNewest: true });

        portal.Keys = $"{Keeping.Newer}, {Keeping.Older}";
        using (await portal.StartInstanceAsync())
        {
            var sealedAnew = await portal.ScalarAsync<byte[]>("select secret_key from stripe_settings");
            Assert.True(new SecretBox(With(Keeping.Newer)).Open(sealedAnew, "stripe_settings.secret_key") is { IsNewest: true, Text: TestKey });
            Assert.Null(new SecretBox(With(Keeping.Older)).Open(sealedAnew, "stripe_settings.secret_key"));
        }

        portal.Keys = Keeping.Newer;
        using (var after = await portal.StartInstanceAsync())
        {
            Assert.Equal(TestKey, after.Services.GetRequiredService<IStripeConnection>().Current.SecretKey);
            using var visitor = new Visitor(after.Url);
            await visitor.RegisterAsync("after-rotation@example.com"); // cookies and tokens still open
        }

        portal.Keys = "quite-another-key-of-more-than-32-characters";
        using (var lost = await portal.StartInstanceAsync())
        {
            Assert.True(lost.Services.GetRequiredService<StripeSettings>().IsUnreadable);
            Assert.Contains((await lost.Services.GetRequiredService<Doctor>().LookAsync()).Findings, f => f is { Check: "encryption keys", State: FindingState.Error });
        }

        portal.Keys = Keeping.Older;
        await portal.ExecuteAsync("update stripe_settings set secret_key = null");
        await ForgetAsync();
    }

    [Fact]
    public async Task While_checkouts_are_paused_none_begins_and_one_begun_before_is_fulfilled()
    {
        var page = await portal.CheckoutAsync("paused", new { kind = "credits", pack = await PackAsync() });
        await PutAsync(new { checkouts_paused = true });
        using var refused = await portal.Api().PostAsJsonAsync("accounts/paused/checkout-sessions", new { kind = "credits", pack = await PackAsync() });
        Assert.Equal(HttpStatusCode.Conflict, refused.StatusCode);
        Assert.Equal(1, await portal.ScalarAsync<long>("select count(*) from orders join accounts using (account_id) where external_id = 'paused'"));

        using var _ = await portal.PayAsync(page, StripeFixture.Works);
        await portal.SettledAsync();
        Assert.True(await portal.BalanceAsync("paused", "credit") > 0);
        await PutAsync(new { checkouts_paused = false });
        await portal.CheckoutAsync("paused", new { kind = "credits", pack = await PackAsync() });
    }

    private async Task<string> PackAsync() => (await portal.Api().GetFromJsonAsync<JsonElement>("credit-packs")).GetProperty("data")[0].GetProperty("id").GetString()!;

    private static IConfiguration With(string keys) => new ConfigurationBuilder().AddInMemoryCollection([new("Encryption:Keys", keys)]).Build();
}
