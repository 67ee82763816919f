using BillingPortal.Payments.Settings;
using BillingPortal.Payments.Simulator;
using BillingPortal.Payments.Stripe;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;

namespace BillingPortal.Payments;

/// <summary>The connection in force: Stripe with a secret key, from the settings or the configuration; without one the simulator in Development, and no payments elsewhere.</summary>
internal sealed class ConfiguredStripe(StripeSettings settings, IConfiguration configuration, IHostEnvironment environment, IServer server, SimulatorSecrets simulator) : IStripeConnection
{
    internal static readonly Uri StripeItself = new("https://api.stripe.com");

    public StripeConnection Current
    {
        get
        {
            var keys = settings.InForce;
            var apiBase = Uri.TryCreate(configuration["Stripe:ApiBase"]?.Trim(), UriKind.Absolute, out var set) ? set : null;
            var connection = keys.SecretKey is { } key ? new(PaymentsMode.Stripe, apiBase ?? StripeItself, key, keys.WebhookSecrets!)
                // Keys are there and cannot be read: nothing is sold, and nothing is given away either.
                : settings.IsUnreadable ? new(PaymentsMode.Stripe, null, null, keys.WebhookSecrets!)
                : environment.IsDevelopment() ? new(PaymentsMode.Simulator, apiBase ?? OwnAddress(SimulatorSlice.Path), SimulatorSecrets.ApiKey, [.. keys.WebhookSecrets!, simulator.WebhookSecret])
                : StripeConnection.None;
            return connection with { CheckoutsPaused = keys.CheckoutsPaused, PublishableKey = keys.PublishableKey, PortalConfiguration = keys.PortalConfiguration, BoundPrices = keys.BoundPrices };
        }
    }

    /// <returns>A URL of this very process; null before it listens.</returns>
    public Uri? OwnAddress(string path)
    {
        var addresses = server.Features.Get<IServerAddressesFeature>()?.Addresses ?? [];
        // Plain HTTP to itself where it is offered: a development certificate is not trusted everywhere.
        var address = addresses.OrderBy(a => a.StartsWith("https", StringComparison.OrdinalIgnoreCase)).FirstOrDefault();
        if (address is null)
        {
            return null;
        }

        var reachable = address.Replace("://+", "://localhost", StringComparison.Ordinal).Replace("://*", "://localhost", StringComparison.Ordinal)
            .Replace("://0.0.0.0", "://127.0.0.1", StringComparison.Ordinal).Replace("://[::]", "://[::1]", StringComparison.Ordinal);
        var pathBase = configuration["Portal:PathBase"]?.Trim('/');
        return new Uri($"{reachable.TrimEnd('/')}{(string.IsNullOrEmpty(pathBase) ? "" : $"/{pathBase}")}{path}");
    }
}
