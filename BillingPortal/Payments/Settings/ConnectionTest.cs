using BillingPortal.Payments.Stripe;

namespace BillingPortal.Payments.Settings;

/// <summary>What one call to Stripe showed.</summary>
/// <param name="Mode"><c>test</c> or <c>live</c>, by the key; null without one.</param>
/// <param name="Mend">What to do; null when all is well.</param>
public sealed record ConnectionReport(bool Ok, string? Mode, string Message, string? Mend = null);

/// <summary>Asks Stripe for one event with a key: the one in force, or one that is about to be kept. Changes nothing, there or here.</summary>
public sealed class ConnectionTest(IHttpClientFactory clients, IStripeConnection connection, StripeRetries retries, ILogger<StripeClient> log)
{
    /// <param name="candidate">Null: the key in force.</param>
    public async Task<ConnectionReport> RunAsync(string? candidate, CancellationToken ct = default)
    {
        var current = connection.Current;
        if (StripeKeyRules.Clean(candidate) is { } key)
        {
            if (StripeKeyRules.Check(new() { SecretKey = key }, new() { SecretKey = key }, StripeKeys.None, new()) is { } wrong)
            {
                return new(false, null, wrong.Detail, "Copy the secret key anew from Stripe's dashboard (Developers, API keys).");
            }

            current = current with { Mode = PaymentsMode.Stripe, SecretKey = key, ApiBase = current is { Mode: PaymentsMode.Stripe, ApiBase: { } set } ? set : ConfiguredStripe.StripeItself };
        }

        if (current.SecretKey is null || current.ApiBase is null)
        {
            return new(false, null, "There is no key to try.", "Give a secret key.");
        }

        var client = new StripeClient(clients.CreateClient(nameof(StripeClient)), new Fixed(current), retries, log);
        var mode = StripeKeys.ModeOf(current.SecretKey);
        return (await client.Events.ListAsync(new() { Limit = 1 }, ct)).Match(
            _ => new ConnectionReport(true, mode, current.Mode == PaymentsMode.Simulator ? "The built-in simulator answers." : $"Stripe takes the {mode} key."),
            error => new ConnectionReport(false, mode, $"Stripe does not take the {mode} key: {error.Message}", error.IsTransient
                ? "Stripe could not be reached. Check the way out of this machine (HTTPS to api.stripe.com), then try again."
                : "Copy the secret key anew from Stripe's dashboard (Developers, API keys); a restricted key needs to read events."));
    }

    private sealed record Fixed(StripeConnection Current) : IStripeConnection;
}
