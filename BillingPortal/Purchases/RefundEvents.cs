using BillingPortal.Data;
using BillingPortal.Payments;
using BillingPortal.Payments.Stripe;
using BillingPortal.Primitives;
using Microsoft.EntityFrameworkCore;

namespace BillingPortal.Purchases;

/// <summary>What any event about a refund does: all refunds of the payment are read afresh and taken over, whoever made them.</summary>
internal sealed class RefundEvents(RefundReadings readings, RefundSettlement settlement) : IStripeEventHandler
{
    public IReadOnlyCollection<string> EventTypes { get; } = ["refund.created", "refund.updated", "refund.failed", "charge.refunded", "charge.refund.updated"];

    public async Task<StripeEffect> HandleAsync(StripeEvent received, CancellationToken ct)
    {
        if (received.ObjectId is not { } id)
        {
            return new StripeEffect.Park("The event names no refund or charge.");
        }

        if (!(await readings.PaymentOfAsync(id, ct)).TryGet(out var payment, out var error))
        {
            return StripeEffect.Of(error);
        }

        if (payment is null)
        {
            return new StripeEffect.Nothing("Not of a PaymentIntent.");
        }

        if (!(await readings.ReadAsync(payment, ct)).TryGet(out var reading, out error))
        {
            return StripeEffect.Of(error);
        }

        return reading is { IsOurs: true, IsKnown: false }
            ? new StripeEffect.Later("The payment that was refunded is not fulfilled here yet.")
            : new StripeEffect.Apply((scope, inner) => settlement.ApplyAsync(scope, reading.Refunds, inner));
    }
}

/// <summary>A payment as far as refunds and disputes need it.</summary>
/// <param name="IsOurs">The portal began it: an order or a top-up stands behind it.</param>
/// <param name="IsKnown">What it bought was granted here.</param>
internal sealed record PaymentReading(RefundReading Refunds, bool IsOurs, bool IsKnown);

/// <summary>Reads what Stripe knows of a payment's refunds.</summary>
internal sealed class RefundReadings(StripeClient stripe, Tenants tenants)
{
    /// <param name="id">Of a refund or a charge.</param>
    /// <returns>The PaymentIntent behind it; null for none.</returns>
    public async Task<StripeResult<string?>> PaymentOfAsync(string id, CancellationToken ct) => id.StartsWith("ch_", StringComparison.Ordinal) || id.StartsWith("py_", StringComparison.Ordinal)
        ? (await stripe.Charges.GetAsync(id, ct)).Match(charge => Answer(charge.PaymentIntent), error => error)
        : (await stripe.Refunds.GetAsync(id, ct)).Match(refund => Answer(refund.PaymentIntent), error => error);

    public async Task<StripeResult<PaymentReading>> ReadAsync(string payment, CancellationToken ct)
    {
        var intent = await stripe.PaymentIntents.GetAsync(payment, ct);
        var refunds = await stripe.Refunds.ListAsync(payment, ct);
        if (!intent.TryGet(out var paid, out var error) || !refunds.TryGet(out var all, out error))
        {
            return error;
        }

        await using var scope = await tenants.ForStaffAsync(ct);
        var known = await scope.Db.Set<Payment>().AnyAsync(p => p.Id == payment, ct);
        return new PaymentReading(new(payment, paid.Customer?.Value, all.Data), paid.Metadata.ContainsKey("order") || paid.Metadata.ContainsKey("top_up"), known);
    }

    private static StripeResult<string?> Answer(StripeId? id) => new StripeResult<string?>.Answered(id?.Value);
}
