using BillingPortal.Jobs;
using BillingPortal.Payments.Stripe;

namespace BillingPortal.Reconciliation;

/// <summary>Every few minutes: what Stripe tells and nobody delivered.</summary>
internal sealed class FetchMissedEvents(IServiceProvider services) : RecurringJob
{
    public override string Name => "fetch_missed_events";
    public override TimeSpan Every => TimeSpan.FromMinutes(5);

    public override async Task RunAsync(CancellationToken ct)
    {
        await using var scope = services.CreateAsyncScope();
        (await scope.ServiceProvider.GetRequiredService<MissedEvents>().FetchAsync(ct)).Match(_ => true, Fail);
    }

    private static bool Fail(StripeError error) => throw new InvalidOperationException($"Stripe's events could not be read: {error.Message}");
}

/// <summary>Every hour: the whole comparison.</summary>
internal sealed class CompareBooks(IServiceProvider services) : RecurringJob
{
    public override string Name => "reconcile";
    public override TimeSpan Every => TimeSpan.FromHours(1);

    public override async Task RunAsync(CancellationToken ct)
    {
        await using var scope = services.CreateAsyncScope();
        // What went wrong is kept with the state, and shown.
        await scope.ServiceProvider.GetRequiredService<Books>().CompareAsync(ct);
    }
}
