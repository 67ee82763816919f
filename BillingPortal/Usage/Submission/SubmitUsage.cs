using BillingPortal.Jobs;
using BillingPortal.Payments.Stripe;

namespace BillingPortal.Usage.Submission;

/// <summary>Every five minutes (<c>Usage:SubmitSeconds</c>): overage is frozen into reports, and reports are sent to Stripe.</summary>
internal sealed class SubmitUsage(FreezeOverage freeze, IServiceProvider services, IStripeConnection connection, IConfiguration configuration) : RecurringJob
{
    public override string Name => "submit_usage";
    public override TimeSpan Every { get; } = TimeSpan.FromSeconds(Math.Max(1, configuration.GetValue("Usage:SubmitSeconds", 300)));

    public override async Task RunAsync(CancellationToken ct)
    {
        if (connection.Current is { Mode: PaymentsMode.None } or { SecretKey: null })
        {
            return; // what is due stays marked
        }

        await freeze.RunAsync(ct);
        await using var scope = services.CreateAsyncScope();
        if (await scope.ServiceProvider.GetRequiredService<SendReports>().RunAsync(ct) is { } error)
        {
            throw new InvalidOperationException($"Usage waits to be submitted: {error.Message}");
        }
    }
}
