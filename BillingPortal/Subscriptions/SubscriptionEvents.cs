using BillingPortal.Payments;
using BillingPortal.Payments.Stripe;

namespace BillingPortal.Subscriptions;

/// <summary>What any event about a subscription does: the subscription is read afresh and taken over. Which event it was does not matter, nor in what order they come.</summary>
internal sealed class SubscriptionEvents(StripeClient stripe, SubscriptionMirror mirror) : IStripeEventHandler
{
    public IReadOnlyCollection<string> EventTypes { get; } =
    [
        "customer.subscription.created", "customer.subscription.updated", "customer.subscription.deleted", "customer.subscription.paused", "customer.subscription.resumed",
        "customer.subscription.pending_update_applied", "customer.subscription.pending_update_expired",
    ];

    public async Task<StripeEffect> HandleAsync(StripeEvent received, CancellationToken ct) => received.ObjectId is not { } id
        ? new StripeEffect.Park("The event names no subscription.")
        : (await stripe.Subscriptions.GetAsync(id, ct)).Match(
            subscription => new StripeEffect.Apply((scope, inner) => mirror.ApplyAsync(scope, subscription, new("stripe", received.Id), inner)),
            StripeEffect.Of);
}
