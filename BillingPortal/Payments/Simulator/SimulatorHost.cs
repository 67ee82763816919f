using System.Security.Cryptography;
using BillingPortal.Payments.Stripe;

namespace BillingPortal.Payments.Simulator;

/// <summary>What the portal and its simulator share. The webhook secret lives as long as the process: every delivery is signed anew.</summary>
internal sealed class SimulatorSecrets
{
    /// <summary>No secret: the simulator takes any test key, and holds nothing of value.</summary>
    public const string ApiKey = "sk_test_simulator";

    public string WebhookSecret { get; } = $"whsec_{RandomNumberGenerator.GetHexString(48, lowercase: true)}";
}

/// <summary>Where the simulator's pages and the portal's webhook endpoint are reached.</summary>
internal sealed class SimulatorHost(ConfiguredStripe own, IConfiguration configuration)
{
    /// <summary>Pages are for people: under the public address where one is set.</summary>
    public SimulatorAddress Address => new(
        configuration["Portal:PublicUrl"] is { Length: > 0 } set ? set.TrimEnd('/') + SimulatorSlice.Path
        : own.OwnAddress(SimulatorSlice.Path)?.AbsoluteUri.TrimEnd('/') ?? SimulatorSlice.Path);

    public Uri? Webhooks => own.OwnAddress(WebhookEndpoint.Path);
}

/// <summary>Wakes the deliveries; they look by themselves every second anyway.</summary>
internal sealed class SimulatorDeliverySignal : IDisposable
{
    private readonly SemaphoreSlim due = new(0, 1);

    public void Wake()
    {
        try
        {
            due.Release();
        }
        catch (SemaphoreFullException)
        {
            // Already awake.
        }
    }

    public Task WaitAsync(TimeSpan longest, CancellationToken ct) => due.WaitAsync(longest, ct);

    public void Dispose() => due.Dispose();
}
