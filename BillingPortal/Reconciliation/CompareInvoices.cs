using BillingPortal.Data;
using BillingPortal.Invoices;
using BillingPortal.Payments;
using BillingPortal.Payments.Stripe;
using BillingPortal.Primitives;
using Microsoft.EntityFrameworkCore;

namespace BillingPortal.Reconciliation;

/// <summary>Each invoice of a customer stands here with the status and amounts it has at Stripe.</summary>
internal sealed class CompareInvoices(StripeClient stripe, Tenants tenants) : IComparison
{
    public IReadOnlyCollection<DifferenceKind> Kinds { get; } = [DifferenceKind.InvoiceDiffers];

    public async Task<StripeError?> CompareAsync(Findings findings, CancellationToken ct)
    {
        if (!(await stripe.Books.InvoicesAsync(findings.Created, ct)).TryGet(out var there, out var error))
        {
            return error;
        }

        await using var scope = await tenants.ForStaffAsync(ct);
        foreach (var invoice in there.Where(i => i.Status is not (null or "draft") && i.Customer is not null))
        {
            findings.Compared++;
            if (await CustomerLinks.AccountOfAsync(scope, invoice.Customer!.Value, ct) is not { } account || !Unit.TryParse(invoice.Currency, out var currency))
            {
                continue;
            }

            var row = await scope.Db.Set<Invoice>().AsNoTracking().FirstOrDefaultAsync(i => i.AccountId == account && i.Id == invoice.Id, ct);
            var atStripe = Words(invoice.Status!, StripeMoney.FromMinor(invoice.Total, currency), StripeMoney.FromMinor(invoice.AmountPaid, currency), currency);
            var here = row is null ? "Not known." : Words(row.Status, row.Total, row.AmountPaid, row.Currency);
            if (atStripe != here)
            {
                findings.Add(new(DifferenceKind.InvoiceDiffers, invoice.Id, atStripe, here, Mend.TakeOver, invoice.IsPaid ? "invoice.paid" : "invoice.updated", account, invoice.Customer));
            }
        }

        return null;
    }

    private static string Words(string status, Amount total, Amount paid, Unit currency) => $"{status}, {paid} of {total} {currency} paid.";
}
