using BillingPortal.Payments.Simulator;
using BillingPortal.Payments.Stripe;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;

namespace BillingPortal.Payments;

/// <summary>The connection that the configuration names: Stripe with a secret key; without one the simulator in Development, and no payments elsewhere.</summary>
internal sealed class ConfiguredStripe(IConfiguration configuration, IHostEnvironment environment, IServer server, SimulatorSecrets simulator) : IStripeConnection
{
    private static readonly Uri StripeItself = new("https://api.stripe.com");

    public StripeConnection Current
    {
        get
        {
            var key = configuration["Stripe:SecretKey"]?.Trim();
            var apiBase = Uri.TryCreate(configuration["Stripe:ApiBase"]?.Trim(), UriKind.Absolute, out var set) ? set : null;
            var secrets = (configuration["Stripe:WebhookSecret"] ?? "").Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
            if (!string.IsNullOrEmpty(key))
            {
                return new(PaymentsMode.Stripe, apiBase ?? StripeItself, key, secrets);
            }

            return environment.IsDevelopment()
                ? new(PaymentsMode.Simulator, apiBase ?? OwnAddress(SimulatorSlice.Path), SimulatorSecrets.ApiKey, [.. secrets, simulator.WebhookSecret])
                : StripeConnection.None;
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
