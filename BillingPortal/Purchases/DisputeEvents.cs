using BillingPortal.Payments;
using BillingPortal.Payments.Stripe;

namespace BillingPortal.Purchases;

/// <summary>What any event about a dispute does: the dispute is read afresh and taken over.</summary>
internal sealed class DisputeEvents(StripeClient stripe, RefundReadings readings, DisputeSettlement settlement) : IStripeEventHandler
{
    public IReadOnlyCollection<string> EventTypes { get; } =
        ["charge.dispute.created", "charge.dispute.updated", "charge.dispute.closed", "charge.dispute.funds_withdrawn", "charge.dispute.funds_reinstated"];

    public async Task<StripeEffect> HandleAsync(StripeEvent received, CancellationToken ct)
    {
        if (received.ObjectId is not { } id)
        {
            return new StripeEffect.Park("The event names no dispute.");
        }

        if (!(await stripe.Disputes.GetAsync(id, ct)).TryGet(out var dispute, out var error))
        {
            return StripeEffect.Of(error);
        }

        if (dispute.PaymentIntent is not { } payment)
        {
            return (await stripe.Charges.GetAsync(dispute.Charge, ct)).Match(
                charge => new StripeEffect.Apply((scope, inner) => settlement.ApplyAsync(scope, dispute, null, charge.Customer?.Value, inner)), StripeEffect.Of);
        }

        if (!(await readings.ReadAsync(payment, ct)).TryGet(out var reading, out error))
        {
            return StripeEffect.Of(error);
        }

        return reading is { IsOurs: true, IsKnown: false }
            ? new StripeEffect.Later("The payment that is disputed is not fulfilled here yet.")
            : new StripeEffect.Apply((scope, inner) => settlement.ApplyAsync(scope, dispute, payment, reading.Refunds.Customer, inner));
    }
}
