using BillingPortal.Data;
using BillingPortal.Payments.Stripe;
using BillingPortal.Purchases;
using Microsoft.EntityFrameworkCore;

namespace BillingPortal.Reconciliation;

/// <summary>Each refund and dispute of a payment that bought something here has taken back, or returned, what belongs to it.</summary>
internal sealed class CompareReversals(StripeClient stripe, Tenants tenants) : IComparison
{
    public IReadOnlyCollection<DifferenceKind> Kinds { get; } = [DifferenceKind.RefundDiffers, DifferenceKind.DisputeDiffers];

    public async Task<StripeError?> CompareAsync(Findings findings, CancellationToken ct)
    {
        if (!(await stripe.Books.RefundsAsync(findings.Created, ct)).TryGet(out var refunds, out var error) || !(await stripe.Books.DisputesAsync(findings.Created, ct)).TryGet(out var disputes, out error))
        {
            return error;
        }

        findings.Compared += refunds.Count + disputes.Count;
        await using var scope = await tenants.ForStaffAsync(ct);
        foreach (var refund in refunds)
        {
            var row = await scope.Db.Set<Refund>().AsNoTracking().FirstOrDefaultAsync(r => r.StripeId == refund.Id, ct);
            var here = row is null ? "Not known." : Words(row.Status is RefundStatus.Pending or RefundStatus.Succeeded);
            if (Words(refund.Stands) != here && await PaymentAsync(scope, refund.PaymentIntent, ct) is { } payment)
            {
                findings.Add(new(DifferenceKind.RefundDiffers, refund.Id, $"{Words(refund.Stands)} {refund.Amount} {refund.Currency} (minor units), {refund.Status}.", here, Mend.TakeOver, "refund.updated", payment.AccountId));
            }
        }

        foreach (var dispute in disputes)
        {
            var row = await scope.Db.Set<Dispute>().AsNoTracking().FirstOrDefaultAsync(d => d.Id == dispute.Id, ct);
            if (row?.Status != dispute.Status && await PaymentAsync(scope, dispute.PaymentIntent, ct) is { } payment)
            {
                findings.Add(new(DifferenceKind.DisputeDiffers, dispute.Id, $"{dispute.Status}: {dispute.Amount} {dispute.Currency} (minor units).", row?.Status ?? "Not known.", Mend.TakeOver, "charge.dispute.updated", payment.AccountId));
            }
        }

        return null;
    }

    /// <returns>Null: it bought nothing here, and is not ours to judge.</returns>
    private static async Task<Payment?> PaymentAsync(TenantScope scope, StripeId? payment, CancellationToken ct) =>
        payment is { Value: var id } ? await scope.Db.Set<Payment>().AsNoTracking().FirstOrDefaultAsync(p => p.Id == id, ct) : null;

    private static string Words(bool stands) => stands ? "Given back." : "Not given back.";
}
