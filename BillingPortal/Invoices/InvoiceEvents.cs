using BillingPortal.Payments;
using BillingPortal.Payments.Stripe;
using BillingPortal.Subscriptions;

namespace BillingPortal.Invoices;

/// <summary>What any event about an invoice does: the invoice is read afresh and taken over; a payment, made or missed, is also news of its subscription.</summary>
internal sealed class InvoiceEvents(StripeClient stripe, InvoiceMirror invoices, SubscriptionMirror subscriptions) : IStripeEventHandler
{
    public IReadOnlyCollection<string> EventTypes { get; } =
    [
        "invoice.created", "invoice.updated", "invoice.finalized", "invoice.paid", "invoice.payment_failed", "invoice.payment_action_required",
        "invoice.voided", "invoice.marked_uncollectible", "invoice.overdue",
    ];

    public async Task<StripeEffect> HandleAsync(StripeEvent received, CancellationToken ct)
    {
        if (received.ObjectId is not { } id)
        {
            return new StripeEffect.Park("The event names no invoice.");
        }

        if (!(await stripe.Invoices.GetAsync(id, ct)).TryGet(out var invoice, out var error))
        {
            // A draft may be deleted before its event is handled.
            return error.Failure == StripeFailure.Missing && received.Type is "invoice.created" or "invoice.updated" ? new StripeEffect.Nothing("The invoice is gone.") : StripeEffect.Of(error);
        }

        StripeSubscription? subscription = null;
        if (received.Type is "invoice.paid" or "invoice.payment_failed" && invoice.SubscriptionId is { } subscriptionId
            && !(await stripe.Subscriptions.GetAsync(subscriptionId, ct)).TryGet(out subscription, out error))
        {
            return StripeEffect.Of(error);
        }

        return new StripeEffect.Apply(async (scope, inner) =>
            await invoices.ApplyAsync(scope, invoice, inner)
            ?? (subscription is null ? null : await subscriptions.ApplyAsync(scope, subscription, new("stripe", received.Id), inner)));
    }
}
