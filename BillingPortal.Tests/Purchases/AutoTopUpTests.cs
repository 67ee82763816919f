using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using BillingPortal.Purchases;
using BillingPortal.Tests.Payments;
using Microsoft.Extensions.DependencyInjection;

namespace BillingPortal.Tests.Purchases;

/// <summary>A portal whose calls to make payments can be made to lose their answers: Stripe has done it, and nobody hears.</summary>
public class DeafFixture : StripeFixture
{
    /// <summary>How many answers to off-session payments are lost from now on.</summary>
    public int Lost { get => lost; set => lost = value; }
    /// <summary>Payments asked for, answered or not.</summary>
    public int Asked => asked;

    private int lost, asked;

    public DeafFixture() => Time.AwayFromBorders(); // limits are by the month

    protected override void ConfigureServices(IServiceCollection services) =>
        services.AddHttpClient<BillingPortal.Payments.Stripe.StripeClient>().AddHttpMessageHandler(() => new Deaf(this));

    private sealed class Deaf(DeafFixture fixture) : DelegatingHandler
    {
        protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            var answer = await base.SendAsync(request, cancellationToken);
            if (request.Method != HttpMethod.Post || !request.RequestUri!.AbsolutePath.EndsWith("/v1/payment_intents", StringComparison.Ordinal))
            {
                return answer;
            }

            Interlocked.Increment(ref fixture.asked);
            if (Interlocked.Decrement(ref fixture.lost) < 0)
            {
                return answer;
            }

            answer.Dispose();
            throw new HttpRequestException(HttpRequestError.ResponseEnded, "The answer was lost.");
        }
    }
}

/// <summary>Auto top-up (D8): once for each dip, never again after a decline, and one charge when the answer is lost (R5).</summary>
public sealed class AutoTopUpTests(DeafFixture portal) : IClassFixture<DeafFixture>
{
    private async Task<(HttpStatusCode Status, JsonElement Body)> SendAsync(HttpMethod method, string path, object body)
    {
        using var request = new HttpRequestMessage(method, path) { Content = JsonContent.Create(body), Headers = { { "Idempotency-Key", Guid.NewGuid().ToString("N") } } };
        using var answer = await portal.Api().SendAsync(request);
        return (answer.StatusCode, await answer.Content.ReadFromJsonAsync<JsonElement>());
    }

    /// <summary>Saves a card on the hosted page of setup mode.</summary>
    private async Task SaveCardAsync(string account, string number)
    {
        var (status, made) = await SendAsync(HttpMethod.Post, $"accounts/{account}/payment-methods", new { });
        Assert.True(status == HttpStatusCode.Created, made.ToString());
        using var saved = await portal.PayAsync(new(made.GetProperty("url").GetString()!), number);
        Assert.Equal(HttpStatusCode.Redirect, saved.StatusCode);
        await portal.SettledAsync();
    }

    private async Task CardedAsync(string account, string card = StripeFixture.Works)
    {
        await SendAsync(HttpMethod.Put, $"accounts/{account}", new { email = $"{account}@example.com" });
        await SaveCardAsync(account, card);
    }

    /// <summary>A customer with a card, who tops up by themselves from now on, and is below the threshold.</summary>
    private async Task<string> CustomerAsync(string account, string card = StripeFixture.Works, decimal? monthly = null)
    {
        await CardedAsync(account, card);
        var (status, view) = await SendAsync(HttpMethod.Patch, $"accounts/{account}", new { auto_top_up = new { enabled = true, threshold = 100, pack = "pack_500", monthly_limit = monthly } });
        Assert.True(status == HttpStatusCode.OK, view.ToString());
        Assert.Equal("pack_500", view.GetProperty("auto_top_up").GetProperty("pack").GetString());
        return (await portal.ScalarAsync<string>("select account_id::text from accounts where external_id = $1", account))!;
    }

    private Task<long> PaymentsAsync(string account) => portal.ScalarAsync<long>("select count(*) from simulator_objects where type = 'payment_intent' and body ->> 'status' = 'succeeded' and body #>> '{metadata,account}' = (select 'acc_' || replace(account_id::text, '-', '') from accounts where external_id = $1)", account);

    private Task ConsiderAsync(string id, IServiceProvider? services = null)
    {
        var scope = (services ?? portal.Services).CreateScope();
        return scope.ServiceProvider.GetRequiredService<AutoTopUps>().ConsiderAsync(new(Guid.Parse(id))).ContinueWith(_ => scope.Dispose(), TaskScheduler.Default);
    }

    private Task<(HttpStatusCode Status, JsonElement Body)> SpendAsync(string account, decimal amount) => SendAsync(HttpMethod.Post, "admin/adjustments", new { account, unit = "credit", amount = -amount, reason = "as if used" });

    [Fact]
    public async Task A_dip_brings_one_top_up_however_many_look()
    {
        var id = await CustomerAsync("dipper");
        await using var other = await portal.StartInstanceAsync();
        await Task.WhenAll(Enumerable.Range(0, 30).Select(i => ConsiderAsync(id, i % 2 == 0 ? portal.Services : other.Services)));
        await StripeFixture.UntilAsync(async () => await portal.BalanceAsync("dipper", "credit") == 500, "topped up");
        await portal.SettledAsync();
        Assert.Equal(1, await PaymentsAsync("dipper"));
        // The next dip brings the next one, by itself.
        await SpendAsync("dipper", 450);
        await StripeFixture.UntilAsync(async () => await portal.BalanceAsync("dipper", "credit") == 550, "topped up again");
        await portal.SettledAsync();
        Assert.Equal(2, await PaymentsAsync("dipper"));
        Assert.Equal(2, await portal.ScalarAsync<long>("select count(*) from payments p join accounts a using (account_id) where a.external_id = 'dipper' and is_automatic"));
        Assert.Equal(2, await portal.ScalarAsync<long>("select count(*) from outbox_messages where recipient = 'dipper@example.com' and key like 'receipt:%'"));
        var payment = await portal.ScalarAsync<string>("select p.id from payments p join accounts a using (account_id) where a.external_id = 'dipper' order by paid_at limit 1");
        var traced = (await portal.Api().GetFromJsonAsync<JsonElement>($"admin/payment-trace?q={payment}")).GetProperty("data").EnumerateArray().Single();
        Assert.Equal((true, 1, payment), (traced.GetProperty("is_granted").GetBoolean(), traced.GetProperty("grants").GetArrayLength(), traced.GetProperty("payment_intent").GetString()));
        Assert.Contains("Automatic top-up, paid and granted", traced.GetProperty("verdict").GetString(), StringComparison.Ordinal);
        Assert.Equal(2, (await portal.Api().GetFromJsonAsync<JsonElement>("admin/payment-trace?q=dipper@example.com")).GetProperty("data").GetArrayLength());
    }

    [Fact]
    public async Task A_decline_stops_it_and_tells_the_customer_until_they_act()
    {
        var id = await CustomerAsync("broke", "4000000000000341");
        await ConsiderAsync(id);
        await StripeFixture.UntilAsync(async () => await portal.ScalarAsync<bool>("select stopped_at is not null from balance_watches where account_id = $1", Guid.Parse(id)), "stopped");
        for (var i = 0; i < 5; i++)
        {
            await ConsiderAsync(id);
        }

        Assert.Equal(1, await portal.ScalarAsync<long>("select count(*) from top_ups where account_id = $1", Guid.Parse(id)));
        Assert.Equal(1, await portal.ScalarAsync<long>("select count(*) from outbox_messages where recipient = 'broke@example.com' and key like 'top-up-declined:%'"));
        var seen = await portal.Api().GetFromJsonAsync<JsonElement>("accounts/broke");
        Assert.Contains("declined", seen.GetProperty("auto_top_up").GetProperty("stopped_reason").GetString(), StringComparison.Ordinal);

        await SaveCardAsync("broke", StripeFixture.Works);
        var cards = (await portal.Api().GetFromJsonAsync<JsonElement>("accounts/broke/payment-methods")).GetProperty("data").EnumerateArray().ToList();
        Assert.Equal(2, cards.Count);
        var good = cards.Single(c => c.GetProperty("last4").GetString() == "4242").GetProperty("id").GetString();
        using var preferred = await portal.Api().PostAsync(new Uri($"accounts/broke/payment-methods/{good}/default", UriKind.Relative), null);
        Assert.Equal(HttpStatusCode.NoContent, preferred.StatusCode);
        await StripeFixture.UntilAsync(async () => await portal.BalanceAsync("broke", "credit") == 500, "topped up from the other card");
        Assert.Equal(1, await PaymentsAsync("broke"));
    }

    [Fact]
    public async Task Lost_answers_charge_once_and_settle_by_themselves()
    {
        portal.Lost = 5; // the client asks three times at once, and twice more later
        var before = portal.Asked;
        var id = await CustomerAsync("lost");
        await ConsiderAsync(id);
        await StripeFixture.UntilAsync(async () =>
        {
            await portal.ExecuteAsync("update top_ups set next_try_at = now() where account_id = $1 and status = 'Sent' and attempts > 1", Guid.Parse(id));
            return portal.Asked - before >= 3 && await portal.ScalarAsync<string>("select status from top_ups where account_id = $1", Guid.Parse(id)) == "Succeeded";
        }, "found out");
        await portal.SettledAsync();
        Assert.Equal(1, await PaymentsAsync("lost"));
        Assert.Equal(500, await portal.BalanceAsync("lost", "credit"));
        portal.Lost = 0;
    }

    [Fact]
    public async Task A_top_up_older_than_stripes_memory_is_looked_up_and_never_sent_again()
    {
        portal.Lost = 3;
        var before = portal.Asked;
        var id = await CustomerAsync("ancient");
        await ConsiderAsync(id);
        // Asked in vain, unless an event told it. The job would ask again with the same key, as it may within a day.
        await StripeFixture.UntilAsync(async () => portal.Asked == before + 3 && await portal.ExecuteAsync(
            "update top_ups set next_try_at = next_try_at + interval '30 days' where account_id = $1 and (attempts = 2 or status = 'Succeeded')", Guid.Parse(id)) == 1, "put off");
        portal.Lost = 0;
        var asked = portal.Asked;
        await using (var scope = portal.Services.CreateAsyncScope())
        {
            var topUp = new TopUp
            {
                AccountId = new(Guid.Parse(id)), Dip = 1, Id = await portal.ScalarAsync<Guid>("select id from top_ups where account_id = $1", Guid.Parse(id)), CreatedAt = portal.Time.GetUtcNow().AddDays(-1),
                CustomerId = (await portal.ScalarAsync<string>("select customer_id from top_ups where account_id = $1", Guid.Parse(id)))!,
            };
            await scope.ServiceProvider.GetRequiredService<AutoTopUps>().LookUpAsync(topUp, CancellationToken.None);
        }

        Assert.Equal(asked, portal.Asked);
        Assert.Equal(1, await PaymentsAsync("ancient"));
        Assert.Equal(500, await portal.BalanceAsync("ancient", "credit"));
    }

    [Fact]
    public async Task The_monthly_limit_holds_and_is_told_once()
    {
        var id = await CustomerAsync("limited", monthly: 9);
        await ConsiderAsync(id);
        await StripeFixture.UntilAsync(async () => await portal.BalanceAsync("limited", "credit") == 500, "the first");
        await SpendAsync("limited", 450);
        for (var i = 0; i < 3; i++)
        {
            await ConsiderAsync(id);
        }

        Assert.Equal(50, await portal.BalanceAsync("limited", "credit"));
        Assert.Equal(1, await PaymentsAsync("limited"));
        Assert.Equal(1, await portal.ScalarAsync<long>("select count(*) from outbox_messages where recipient = 'limited@example.com' and key like 'top-up-limit:%'"));
    }

    [Fact]
    public async Task A_low_balance_is_told_once_for_each_fall()
    {
        await SendAsync(HttpMethod.Put, "accounts/watcher", new { email = "watcher@example.com" });
        await SendAsync(HttpMethod.Post, "admin/grants", new { account = "watcher", amount = 100, reason = "x" });
        var (status, _) = await SendAsync(HttpMethod.Patch, "accounts/watcher", new { low_balance_notice = 50 });
        Assert.Equal(HttpStatusCode.OK, status);
        Task<long> MailsAsync() => portal.ScalarAsync<long>("select count(*) from outbox_messages where recipient = 'watcher@example.com' and key like 'low-balance:%'");
        await SpendAsync("watcher", 60);
        await StripeFixture.UntilAsync(async () => await MailsAsync() == 1, "told");
        await SpendAsync("watcher", 10);
        await SendAsync(HttpMethod.Post, "admin/grants", new { account = "watcher", amount = 100, reason = "x" });
        await StripeFixture.UntilAsync(async () => await portal.ScalarAsync<bool>("select notified_at is null from balance_watches w join accounts a using (account_id) where a.external_id = 'watcher'"), "above again");
        await SpendAsync("watcher", 100);
        await StripeFixture.UntilAsync(async () => await MailsAsync() == 2, "told again");
    }

    public static TheoryData<string> Bad =>
    [
        """{"auto_top_up":{"enabled":true,"threshold":100}}""",
        """{"auto_top_up":{"enabled":true,"threshold":100,"pack":"none"}}""",
        """{"auto_top_up":{"enabled":true,"threshold":100,"pack":"pack_500","amount":5}}""",
        """{"auto_top_up":{"enabled":true,"threshold":-1,"pack":"pack_500"}}""",
        """{"auto_top_up":{"enabled":true,"threshold":1,"pack":"pack_500","monthly_limit":1}}""",
        """{"auto_top_up":{"enabled":"yes"}}""",
        """{"auto_top_up":[]}""",
        """{"low_balance_notice":-5}""",
    ];

    [Theory]
    [MemberData(nameof(Bad))]
    public async Task Settings_that_cannot_be_are_refused_and_change_nothing(string body)
    {
        await SendAsync(HttpMethod.Put, "accounts/bad-watch", new { });
        using var content = new StringContent(body, System.Text.Encoding.UTF8, "application/json");
        using var answer = await portal.Api().PatchAsync(new Uri("accounts/bad-watch", UriKind.Relative), content);
        Assert.Equal(HttpStatusCode.BadRequest, answer.StatusCode);
        Assert.Equal(0, await portal.ScalarAsync<long>("select count(*) from balance_watches w join accounts a using (account_id) where a.external_id = 'bad-watch'"));
    }

    [Fact]
    public async Task A_foreign_card_is_not_found_and_a_removed_one_is_gone()
    {
        await CardedAsync("carded");
        await CardedAsync("stranger");
        var card = (await portal.Api().GetFromJsonAsync<JsonElement>("accounts/carded/payment-methods")).GetProperty("data")[0].GetProperty("id").GetString();
        using var foreign = await portal.Api().DeleteAsync(new Uri($"accounts/stranger/payment-methods/{card}", UriKind.Relative));
        Assert.Equal(HttpStatusCode.NotFound, foreign.StatusCode);
        using var removed = await portal.Api().DeleteAsync(new Uri($"accounts/carded/payment-methods/{card}", UriKind.Relative));
        Assert.Equal(HttpStatusCode.NoContent, removed.StatusCode);
        Assert.Equal(0, (await portal.Api().GetFromJsonAsync<JsonElement>("accounts/carded/payment-methods")).GetProperty("data").GetArrayLength());
    }
}
