using BillingPortal.Data;

namespace BillingPortal.Payments;

/// <summary>What one type of Stripe event does. Lives with the slice it changes.</summary>
/// <remarks>
/// Two steps, so that no transaction is open while Stripe is asked. First <see cref="HandleAsync"/> reads, without writing, the object as Stripe has it now (events come
/// late, twice and out of order). Then the effect it returns is applied in the transaction that also marks the event processed: both or neither.
/// Events of one customer are handled one at a time, so that an older reading never overwrites a newer one.
/// </remarks>
#pragma warning disable CA1711 // It handles Stripe's events; it is no .NET event handler.
public interface IStripeEventHandler
#pragma warning restore CA1711
{
    /// <summary>The types it handles, e.g. <c>invoice.paid</c>.</summary>
    IReadOnlyCollection<string> EventTypes { get; }

    Task<StripeEffect> HandleAsync(StripeEvent received, CancellationToken ct);
}

/// <summary>What is to be done about an event. Closed.</summary>
public abstract record StripeEffect
{
    private StripeEffect()
    {
    }

    /// <summary>To be done in the transaction that marks the event; may run again from the start when that fails.</summary>
    /// <returns>In <paramref name="InTransaction"/>: null when done, or why it must not be (the event is parked and nothing is kept).</returns>
    public sealed record Apply(Func<TenantScope, CancellationToken, Task<string?>> InTransaction) : StripeEffect;

    /// <summary>Nothing to do, and why; the event counts as processed.</summary>
    public sealed record Nothing(string Why) : StripeEffect;

    /// <summary>Not now, but later perhaps: Stripe gave no answer, or something is not there yet.</summary>
    public sealed record Later(string Why) : StripeEffect;

    /// <summary>A person must look at it.</summary>
    public sealed record Park(string Why) : StripeEffect;

    /// <summary>What an error while reading means: wait where waiting may help, else a person.</summary>
    public static StripeEffect Of(Stripe.StripeError error) =>
        error.Failure is Stripe.StripeFailure.Missing or Stripe.StripeFailure.Invalid
            ? new Park($"Stripe: {error.Message}")
            : new Later($"Stripe: {error.Message}");
}
