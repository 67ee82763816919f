using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using BillingPortal.Payments;
using BillingPortal.Tests.Testing;

namespace BillingPortal.Tests.Payments;

/// <summary>A portal that buys at its own simulator, and takes deliveries signed with a secret that tests know.</summary>
public class StripeFixture : PortalFixture
{
    public const string Secret = "whsec_known_to_tests";
    public const string Works = "4242 4242 4242 4242", Declined = "4000000000000002", NoFunds = "4000000000009995", Asks = "4000000000003220";

    protected override void Configure(IDictionary<string, string?> settings) => settings["Stripe:WebhookSecret"] = $" whsec_old ,  {Secret} ";

    /// <summary>Begins a checkout through the API.</summary>
    public async Task<Uri> CheckoutAsync(string account, object body)
    {
        using var answer = await Api().PostAsJsonAsync($"accounts/{account}/checkout-sessions", body);
        var text = await answer.Content.ReadAsStringAsync();
        Assert.True(answer.IsSuccessStatusCode, text);
        return new(JsonElement.Parse(text).GetProperty("url").GetString()!);
    }

    /// <summary>Fills in the hosted page as a person would.</summary>
    public Task<HttpResponseMessage> PayAsync(Uri page, string number) => PressAsync(page, ("number", number), ("name", "Ada Example"), ("email", "ada@example.com"));

    public async Task<HttpResponseMessage> PressAsync(Uri page, params (string Name, string Value)[] fields)
    {
        using var form = new FormUrlEncodedContent(fields.Select(f => KeyValuePair.Create(f.Name, f.Value)));
        return await Client().PostAsync(page, form);
    }

    /// <summary>Posts a delivery to the webhook endpoint, signed now unless told otherwise.</summary>
    public async Task<HttpResponseMessage> DeliverAsync(string payload, string? signature = null, string secret = Secret, TimeSpan age = default)
    {
        using var content = new ByteArrayContent(Encoding.UTF8.GetBytes(payload));
        content.Headers.TryAddWithoutValidation(WebhookSignature.Header, signature ?? WebhookSignature.Sign(Encoding.UTF8.GetBytes(payload), secret, Time.GetUtcNow() - age));
        using var request = new HttpRequestMessage(HttpMethod.Post, Url + "/webhooks/stripe") { Content = content };
        // A large body is refused unread: whoever is still sending would see a broken connection and not the answer.
        request.Headers.ExpectContinue = payload.Length > 1_000_000;
        return await Client().SendAsync(request);
    }

    /// <summary>Calls the simulator's API as Stripe's client would.</summary>
    public async Task<JsonElement> StripeAsync(HttpMethod method, string path, params (string Name, string Value)[] parameters)
    {
        using var request = new HttpRequestMessage(method, $"{Url}/stripe-simulator{path}") { Content = method == HttpMethod.Post ? new FormUrlEncodedContent(parameters.Select(p => KeyValuePair.Create(p.Name, p.Value))) : null };
        request.Headers.TryAddWithoutValidation("Authorization", "Bearer sk_test_tests");
        using var answer = await Client().SendAsync(request);
        return JsonElement.Parse(await answer.Content.ReadAsStringAsync());
    }

    public Task<decimal> BalanceAsync(string account, string unit) =>
        ScalarAsync<decimal>("select coalesce((select balance from wallets w join accounts a using (account_id) where a.external_id = $1 and w.unit = $2), 0)", account, unit);

    /// <summary>Waits for something the background brings, some seconds at most.</summary>
    public static async Task UntilAsync(Func<Task<bool>> holds, string what)
    {
        for (var i = 0; i < 200; i++)
        {
            if (await holds())
            {
                return;
            }

            await Task.Delay(100);
        }

        Assert.Fail($"Never came about: {what}");
    }

    /// <summary>Waits until all that the simulator sent was taken and processed.</summary>
    public Task SettledAsync() => UntilAsync(async () => await ScalarAsync<long>(
        "select (select count(*) from simulator_deliveries where next_attempt_at is not null) + (select count(*) from webhook_events where status = 'Received')") == 0, "all events processed");

    /// <summary>An event of the simulator's as it was delivered.</summary>
    public async Task<string> DeliveredAsync(string type, string about) =>
        await ScalarAsync<string>("select payload from webhook_events where type = $1 and object_id = $2 order by received_at desc limit 1", type, about) ?? throw new InvalidOperationException($"No {type} was delivered.");
}
