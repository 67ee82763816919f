using System.Globalization;
using System.Net.Http.Json;
using System.Text.Json;
using BillingPortal.Jobs;
using BillingPortal.Payments;
using BillingPortal.Tests.Gating;
using BillingPortal.Tests.Payments;
using BillingPortal.Tests.Testing;
using Microsoft.Extensions.DependencyInjection;
using Xunit.Abstractions;

namespace BillingPortal.Tests.Purchases;

/// <summary>R6: it dies between any two steps and is started again; each effect is there exactly once.</summary>
public sealed class DeathSweepTests(MortalFixture portal, ITestOutputHelper output) : IClassFixture<MortalFixture>
{
    /// <summary>Lives one life, all but its preparation under the threat of death.</summary>
    private delegate Task Life(string account, Func<Task> arm);

    /// <summary>At each step in the long form; in the short one at some.</summary>
    private async Task SweepAsync(string name, int about, Life life)
    {
        var stride = LongForm.IsAsked ? 1 : about / 2;
        var deaths = 0;
        await portal.ReviveAsync();
        for (var step = 1 + new Random(LongForm.Seed).Next(stride); ; step += stride)
        {
            var at = step;
            await life(string.Create(CultureInfo.InvariantCulture, $"{name}-{step}"), () => portal.DieAtAsync(at));
            if (await portal.ScalarAsync<bool>("select dies_at is not null from fate"))
            {
                await portal.ReviveAsync();
                output.WriteLine($"{name}: {step} steps and more do not come; died {deaths} times, at each {stride} of them");
                Assert.True(deaths > 0);
                return;
            }

            deaths++;
        }
    }

    private async Task<bool> RunAsync(params string[] jobs)
    {
        foreach (var name in jobs)
        {
            await portal.Services.GetServices<RecurringJob>().Single(j => j.Name == name).RunAsync(CancellationToken.None);
        }

        return true;
    }

    private async Task<JsonElement?> SendAsync(HttpMethod method, string path, object body, string key)
    {
        using var request = new HttpRequestMessage(method, path) { Content = JsonContent.Create(body), Headers = { { "Idempotency-Key", key } } };
        using var answer = await portal.Api().SendAsync(request);
        return answer.IsSuccessStatusCode ? await answer.Content.ReadFromJsonAsync<JsonElement>() : null;
    }

    private Task<long> CountAsync(string sql, string account) => portal.ScalarAsync<long>($"with mine as (select account_id from accounts where external_id = $1) {sql}", account);

    private async Task OnceAsync(string account, decimal credits, int payments)
    {
        Assert.Equal((account, credits), (account, await portal.BalanceAsync(account, "credit")));
        Assert.Equal(payments, await CountAsync("select count(*) from payments join mine using (account_id)", account));
        Assert.Equal(payments, await CountAsync("select count(*) from outbox_messages join mine using (account_id) where key like 'receipt:%'", account));
        Assert.Equal(payments, await CountAsync("select count(*) from simulator_objects o where type = 'payment_intent' and body ->> 'status' = 'succeeded' and body #>> '{metadata,account}' = (select 'acc_' || replace(account_id::text, '-', '') from mine)", account));
    }

    private async Task VerifiedAsync() => Assert.Null(await portal.Api().LedgerProblemsAsync());

    [Fact]
    public async Task From_the_checkout_to_the_grant()
    {
        await SweepAsync("bought", 30, async (account, arm) =>
        {
            using var opened = await portal.Api().PutAsJsonAsync($"accounts/{account}", new { email = $"{account}@example.com" });
            await arm();
            JsonElement? begun = null;
            await portal.UntilDoneAsync(async () => (begun = await SendAsync(HttpMethod.Post, $"accounts/{account}/checkout-sessions", new { kind = "credits", pack = "pack_2500" }, account)) is not null, "a checkout");
            using var paid = await portal.PayAsync(new(begun!.Value.GetProperty("url").GetString()!), StripeFixture.Works);
            await portal.AllDeliveredAsync();
            await OnceAsync(account, 2500, 1);
            Assert.Equal(1, await CountAsync("select count(*) from orders join mine using (account_id) where status = 'Fulfilled'", account));
        });
        await VerifiedAsync();
    }

    [Fact]
    public async Task From_a_dip_to_the_top_up()
    {
        await SweepAsync("dipped", 24, async (account, arm) =>
        {
            await WatchedAsync(account);
            await arm();
            await portal.UntilDoneAsync(async () => await RunAsync("watch_balances", "settle_top_ups") && await CountAsync("select count(*) from top_ups join mine using (account_id) where status = 'Succeeded'", account) == 1, "a top-up");
            await portal.AllDeliveredAsync();
            await OnceAsync(account, 500, 1);
            Assert.Equal(1, await CountAsync("select count(*) from top_ups join mine using (account_id)", account));
        });
        await VerifiedAsync();
    }

    /// <summary>An account with a card, which tops up by itself.</summary>
    private async Task WatchedAsync(string account)
    {
        using var opened = await portal.Api().PutAsJsonAsync($"accounts/{account}", new { email = $"{account}@example.com" });
        var card = await SendAsync(HttpMethod.Post, $"accounts/{account}/payment-methods", new { }, account);
        using var saved = await portal.PayAsync(new(card!.Value.GetProperty("url").GetString()!), StripeFixture.Works);
        using var watched = await portal.Api().PatchAsJsonAsync($"accounts/{account}", new { auto_top_up = new { enabled = true, threshold = 100, pack = "pack_500" } });
        Assert.True(watched.IsSuccessStatusCode, await watched.Content.ReadAsStringAsync());
    }

    /// <summary>The next payments are made, and the connection breaks before Stripe's answer.</summary>
    private async Task DropAfterAsync(int times)
    {
        if (times > 0)
        {
            using var asked = await portal.PressAsync(new($"{portal.Url}/stripe-simulator/faults"), ("fault", "drop_after"), ("path", "/v1/payment_intents"), ("times", times.ToString(CultureInfo.InvariantCulture)));
            Assert.True(asked.IsSuccessStatusCode);
        }
    }

    private async Task<int> DropsLeftAsync() => (await portal.Client().GetFromJsonAsync<JsonElement>($"{portal.Url}/stripe-simulator/faults")).GetArrayLength();

    /// <summary>R5, a thousand times in the long form.</summary>
    [Fact]
    public async Task Answers_that_are_lost_after_the_payment_never_charge_twice()
    {
        await portal.ReviveAsync();
        var (account, dips, lost) = ("deaf", LongForm.IsAsked ? 1_000 : 10, 0);
        var random = new Random(LongForm.Seed);
        await WatchedAsync(account);
        for (var dip = 1; dip <= dips; dip++)
        {
            var drops = random.Next(4);
            lost += drops;
            await DropAfterAsync(drops);
            await RunAsync("watch_balances");
            await portal.UntilDoneAsync(async () =>
            {
                portal.Time.Advance(TimeSpan.FromMinutes(1));
                return await RunAsync("settle_top_ups") && await CountAsync("select count(*) from top_ups join mine using (account_id) where status = 'Succeeded'", account) == dip;
            }, "a top-up");
            Assert.Equal(0, await DropsLeftAsync());
            Assert.NotNull(await SendAsync(HttpMethod.Post, "admin/adjustments", new { account, unit = "credit", amount = -500, reason = "as if used" }, $"deaf-{dip}"));
        }

        await portal.AllDeliveredAsync();
        await OnceAsync(account, 0, dips);
        Assert.Equal(dips, await CountAsync("select count(*) from top_ups join mine using (account_id)", account));
        // The first tries, and one more for each answer that nobody heard.
        var tries = await CountAsync("select sum(attempts)::bigint from top_ups join mine using (account_id)", account);
        Assert.Equal(dips + lost, tries);
        output.WriteLine($"{dips} top-ups, {lost} answers lost, {tries} tries; BILLING_SEED={LongForm.Seed}");
    }

    [Fact]
    public async Task From_a_renewal_to_the_next_periods_allowance()
    {
        await SweepAsync("renewed", 60, async (account, arm) =>
        {
            var now = portal.Time.GetUtcNow();
            var clock = (await portal.StripeAsync(HttpMethod.Post, "/v1/test_helpers/test_clocks", ("frozen_time", Seconds(now)))).GetProperty("id").GetString()!;
            var customer = (await portal.StripeAsync(HttpMethod.Post, "/v1/customers", ("test_clock", clock))).GetProperty("id").GetString()!;
            using var opened = await portal.Api().PutAsJsonAsync($"accounts/{account}", new { });
            await using (var scope = portal.Services.CreateAsyncScope())
            {
                await scope.ServiceProvider.GetRequiredService<CustomerLinks>().BindAsync(new(await portal.ScalarAsync<Guid>("select account_id from accounts where external_id = $1", account)), customer, CancellationToken.None);
            }

            using var paid = await portal.PayAsync(await portal.CheckoutAsync(account, new { kind = "subscription", plan = "pro", interval = "month" }), StripeFixture.Works);
            await portal.AllDeliveredAsync();
            portal.Time.Advance(now.AddMonths(1).AddHours(1) - now);
            await arm();
            await portal.StripeAsync(HttpMethod.Post, $"/v1/test_helpers/test_clocks/{clock}/advance", ("frozen_time", Seconds(now.AddMonths(1).AddHours(1))));
            await portal.AllDeliveredAsync();
            await portal.UntilDoneAsync(() => RunAsync("advance_accounts"), "the period turned");
            Assert.Equal(2, await CountAsync("select count(*) from invoices join mine using (account_id) where status = 'paid'", account));
            Assert.Equal(2, await CountAsync("select count(*) from grants join mine using (account_id) where unit = 'messages' and source = 'Plan' and amount = 10000", account));
            Assert.Equal(10_000, await portal.BalanceAsync(account, "messages"));
            Assert.Equal(1_000, await portal.BalanceAsync(account, "credit"));
            Assert.Equal(["started", "renewed"], (await portal.RowsAsync("select kind from subscription_changes c join accounts a using (account_id) where a.external_id = $1 order by c.id", account)).Select(r => (string)r[0]!));
        });
        await VerifiedAsync();
    }

    [Fact]
    public async Task From_reported_use_to_the_rollup()
    {
        await SweepAsync("used", 20, async (account, arm) =>
        {
            using var opened = await portal.Api().PutAsJsonAsync($"accounts/{account}", new { });
            await arm();
            var events = Enumerable.Range(0, 12).Select(i => new { id = $"{account}-{i}", source = "sweep", account, meter = "messages", quantity = 2 });
            await portal.UntilDoneAsync(async () => await SendAsync(HttpMethod.Post, "usage/events", new { events }, $"{account}-use") is not null, "use reported");
            await portal.UntilDoneAsync(async () => await RunAsync("charge_usage", "roll_up_usage")
                && !await portal.ScalarAsync<bool>("select exists (select from uncharged_usage where refusal is null) or exists (select from uncounted_charges)"), "use counted");
            await portal.UntilDoneAsync(async () => await SendAsync(HttpMethod.Post, "usage/events", new { events }, $"{account}-again") is not null && await RunAsync("charge_usage", "roll_up_usage"), "use reported again");
            Assert.Equal(26, await portal.BalanceAsync(account, "messages"));
            Assert.Equal(24, await portal.ScalarAsync<decimal>("select sum(quantity) from usage_rollups r join accounts a using (account_id) where a.external_id = $1 and r.meter = 'messages'", account));
        });
        await VerifiedAsync();
    }

    private static string Seconds(DateTimeOffset at) => at.ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture);
}
