using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;
using BillingPortal.Payments;
using BillingPortal.Payments.Simulator;
using BillingPortal.Tests.Payments;
using BillingPortal.Tests.Testing;
using Microsoft.Extensions.DependencyInjection;

namespace BillingPortal.Tests.Subscriptions;

/// <summary>One event of the life, for any account: see <see cref="RecordedLife.For"/>.</summary>
/// <param name="Stage">The first moment of the life at which it can be delivered.</param>
internal sealed record RecordedDelivery(int Stage, string Id, string Type, string Payload);

/// <summary>
/// A subscription's life as the simulator played it once: what was delivered after each step, and what Stripe would have answered then.
/// Ids are kept as templates, so that the same life can be lived by any number of accounts, each at its own pace.
/// </summary>
internal sealed partial class RecordedLife
{
    private const char Suffix = '\u0001', Account = '\u0002';

    /// <summary>Stripe's answers by path and query, for each stage.</summary>
    private readonly List<Dictionary<string, string>> answers = [];
    private readonly List<RecordedDelivery> deliveries = [];
    /// <summary>Where each account's life stands.</summary>
    private readonly int[] stages = new int[20_000];

    public IReadOnlyList<RecordedDelivery> Deliveries => deliveries;
    public int Stages => answers.Count;
    public Guid Original { get; private set; }

    public void Advance(int account, int stage) => Volatile.Write(ref stages[account], stage);

    /// <summary>An id or payload of the life as the account has it.</summary>
    public static string For(int account, Guid accountId, string template) =>
        template.Replace(Suffix.ToString(), SuffixOf(account), StringComparison.Ordinal).Replace(Account.ToString(), $"acc_{accountId:N}", StringComparison.Ordinal);

    public static string SuffixOf(int account) => $"xx{account.ToString(CultureInfo.InvariantCulture)}xx";

    /// <summary>What Stripe answers a reading of an account that lives this life; null: it is about something else.</summary>
    public string? AnswerTo(Uri asked, Func<int, Guid> accountId)
    {
        var account = -1;
        var path = LivedId().Replace(Uri.UnescapeDataString(asked.PathAndQuery), found =>
        {
            account = int.Parse(found.Groups["account"].Value, CultureInfo.InvariantCulture);
            return found.Groups["id"].Value;
        });
        if (account < 0)
        {
            return null;
        }

        path = path[path.IndexOf("/v1/", StringComparison.Ordinal)..];
        return answers[Volatile.Read(ref stages[account])].TryGetValue(path, out var answer)
            ? For(account, accountId(account), answer)
            : throw new InvalidOperationException($"Nothing was recorded of {path}.");
    }

    /// <summary>Plays the life at the simulator: trial, first payment, a pack, an upgrade, a failed renewal, recovery, refunds, cancellation.</summary>
    public static async Task<RecordedLife> PlayAsync(StripeFixture portal)
    {
        var life = new RecordedLife();
        var begin = portal.Time.GetUtcNow().AddDays(-80);
        var clock = await IdAsync(portal, "/v1/test_helpers/test_clocks", ("frozen_time", Seconds(begin)));
        var customer = await IdAsync(portal, "/v1/customers", ("email", "life@example.com"), ("test_clock", clock));
        using var opened = await portal.Api().PutAsync(new Uri("accounts/life", UriKind.Relative), new StringContent("""{"email":"life@example.com"}""", System.Text.Encoding.UTF8, "application/json"));
        life.Original = await portal.ScalarAsync<Guid>("select account_id from accounts where external_id = 'life'");
        await using (var scope = portal.Services.CreateAsyncScope())
        {
            await scope.ServiceProvider.GetRequiredService<CustomerLinks>().BindAsync(new(life.Original), customer, CancellationToken.None);
        }

        Task At(double days) => portal.StripeAsync(HttpMethod.Post, $"/v1/test_helpers/test_clocks/{clock}/advance", ("frozen_time", Seconds(begin.AddDays(days))));
        async Task BuyAsync(object what, string card = StripeFixture.Works)
        {
            using var paid = await portal.PayAsync(await portal.CheckoutAsync("life", what), card);
            Assert.True(paid.StatusCode == System.Net.HttpStatusCode.Redirect, await paid.Content.ReadAsStringAsync());
        }

        await BuyAsync(new { kind = "subscription", plan = "standard", interval = "month" });
        await life.RecordAsync(portal);
        var subscription = (await portal.ScalarAsync<string>("select id from simulator_objects where type = 'subscription'"))!;
        await BuyAsync(new { kind = "credits", pack = "pack_2500" }, "4000000000007726");
        await life.RecordAsync(portal);
        await At(14.1);
        await life.RecordAsync(portal);
        var item = (await portal.StripeAsync(HttpMethod.Get, $"/v1/subscriptions/{subscription}")).GetProperty("items").GetProperty("data")[0].GetProperty("id").GetString()!;
        var dear = (await portal.StripeAsync(HttpMethod.Get, "/v1/prices?lookup_keys[0]=pro_month_usd")).GetProperty("data")[0].GetProperty("id").GetString()!;
        await At(20);
        await portal.StripeAsync(HttpMethod.Post, $"/v1/subscriptions/{subscription}", ("items[0][id]", item), ("items[0][price]", dear), ("proration_behavior", "always_invoice"));
        await life.RecordAsync(portal);
        await BuyAsync(new { kind = "credits", pack = "pack_500" }, "4000000000005126");
        await life.RecordAsync(portal);
        var door = new Uri((await portal.StripeAsync(HttpMethod.Post, "/v1/billing_portal/sessions", ("customer", customer))).GetProperty("url").GetString()!);
        using (await portal.PressAsync(door, ("act", "card"), ("number", "4000000000000341")))
        {
            await life.RecordAsync(portal);
        }

        await At(46);
        await life.RecordAsync(portal);
        using (await portal.PressAsync(door, ("act", "card"), ("number", StripeFixture.Works)))
        {
            await life.RecordAsync(portal);
        }

        var open = (await portal.ScalarAsync<string>("select id from simulator_objects where type = 'invoice' and body ->> 'status' = 'open'"))!;
        using (await portal.PressAsync(door, ("act", "pay"), ("invoice", open)))
        {
            await life.RecordAsync(portal);
        }

        await RefundsAsync(portal, life);
        await portal.StripeAsync(HttpMethod.Post, $"/v1/subscriptions/{subscription}", ("cancel_at_period_end", "true"));
        await life.RecordAsync(portal);
        await portal.StripeAsync(HttpMethod.Post, $"/v1/subscriptions/{subscription}", ("cancel_at_period_end", "false"));
        await life.RecordAsync(portal);
        await portal.StripeAsync(HttpMethod.Post, $"/v1/subscriptions/{subscription}", ("cancel_at_period_end", "true"));
        await life.RecordAsync(portal);
        await At(79);
        await life.RecordAsync(portal);
        return life;
    }

    /// <summary>A part and the rest of the first pack, which pend; the second pack's, which fails; the last bill's.</summary>
    private static async Task RefundsAsync(StripeFixture portal, RecordedLife life)
    {
        var bought = (await portal.RowsAsync("select body ->> 'payment_intent' from simulator_objects where type = 'checkout.session' and body ->> 'mode' = 'payment' order by seq")).Select(r => (string)r[0]!).ToList();
        var billed = await portal.ScalarAsync<string>("select id from simulator_objects where type = 'payment_intent' and body ->> 'status' = 'succeeded' order by seq desc limit 1");
        await portal.StripeAsync(HttpMethod.Post, "/v1/refunds", ("payment_intent", bought[0]), ("amount", "333"));
        await life.RecordAsync(portal);
        await portal.StripeAsync(HttpMethod.Post, "/v1/refunds", ("payment_intent", bought[1]));
        await portal.StripeAsync(HttpMethod.Post, "/v1/refunds", ("payment_intent", billed!));
        await life.RecordAsync(portal);
        await portal.StripeAsync(HttpMethod.Post, "/v1/refunds", ("payment_intent", bought[0]));
        await life.RecordAsync(portal);
        await using var state = await portal.Services.GetRequiredService<SimulatorStore>().OpenAsync(CancellationToken.None);
        state.Now += 3600;
        await SimulatedRefunds.SettleDueAsync(state);
        await state.CommitAsync();
        await life.RecordAsync(portal);
    }

    /// <summary>Ends a stage: keeps what was sent since the last one, and what each object can be read as now.</summary>
    private async Task RecordAsync(StripeFixture portal)
    {
        var handlers = portal.Services.GetRequiredService<StripeEventHandlers>();
        var known = deliveries.Select(d => d.Id).ToHashSet(StringComparer.Ordinal);
        foreach (var row in await portal.RowsAsync("select id, body ->> 'type', body from simulator_objects where type = 'event' order by seq"))
        {
            var id = Template((string)row[0]!);
            if (handlers.Handles((string)row[1]!) && !known.Contains(id))
            {
                deliveries.Add(new(Stages, id, (string)row[1]!, Template((string)row[2]!)));
            }
        }

        var now = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var row in await portal.RowsAsync("select id, type from simulator_objects where type in ('subscription', 'invoice', 'checkout.session', 'payment_intent', 'charge', 'refund')"))
        {
            foreach (var path in Readings((string)row[0]!, (string)row[1]!))
            {
                now[path] = Template((await portal.StripeAsync(HttpMethod.Get, path)).GetRawText());
            }
        }

        answers.Add(now);
    }

    /// <summary>How the portal reads an object.</summary>
    private static IEnumerable<string> Readings(string id, string type) => type switch
    {
        "subscription" => [$"/v1/subscriptions/{id}?expand[0]=schedule.phases.items.price"],
        "invoice" => [$"/v1/invoices/{id}"],
        "checkout.session" => [$"/v1/checkout/sessions/{id}"],
        "payment_intent" => [$"/v1/payment_intents/{id}", $"/v1/refunds?payment_intent={id}&limit=100"],
        "charge" => [$"/v1/charges/{id}"],
        _ => [$"/v1/refunds/{id}"],
    };

    private string Template(string text) => OwnId().Replace(text.Replace($"acc_{Original:N}", Account.ToString(), StringComparison.Ordinal), found => found.Value + Suffix);

    private static async Task<string> IdAsync(StripeFixture portal, string path, params (string, string)[] parameters) =>
        (await portal.StripeAsync(HttpMethod.Post, path, parameters)).GetProperty("id").GetString()!;

    private static string Seconds(DateTimeOffset at) => at.ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture);

    /// <summary>Ids of what each account has for itself; products, prices and clocks are shared.</summary>
    [GeneratedRegex(@"\b(?:evt|sub|si|in|il|cus|cs_test|pi|ch|re|pm|inpay)_[A-Za-z0-9]{24}\b")]
    private static partial Regex OwnId();

    [GeneratedRegex(@"(?<id>(?:sub|in|cs_test|pi|ch|re)_[A-Za-z0-9]{24})xx(?<account>[0-9]+)xx")]
    private static partial Regex LivedId();
}
