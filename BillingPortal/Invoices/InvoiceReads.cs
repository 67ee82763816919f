using BillingPortal.Data;
using BillingPortal.Payments;
using BillingPortal.Payments.Stripe;
using BillingPortal.Primitives;
using BillingPortal.Subscriptions;
using Microsoft.EntityFrameworkCore;

namespace BillingPortal.Invoices;

/// <summary>One invoice with what only Stripe has: lines and links that live shortly.</summary>
public sealed record InvoiceWithLines(Invoice Invoice, IReadOnlyList<InvoiceLine> Lines, string? HostedUrl, string? PdfUrl);

public sealed record InvoiceLine(string Description, Amount Amount, decimal? Quantity, DateTimeOffset? PeriodStart, DateTimeOffset? PeriodEnd, bool IsProration);

/// <summary>What will be billed next.</summary>
/// <param name="At">When it is due to be taken.</param>
public sealed record UpcomingInvoice(Unit Currency, Amount Total, Amount AmountDue, DateTimeOffset? At, IReadOnlyList<InvoiceLine> Lines);

/// <summary>An account's invoices for pages and programs: lists from the mirror, one with its lines from Stripe.</summary>
public sealed class InvoiceReads(Tenants tenants, StripeClient stripe)
{
    /// <summary>Newest first.</summary>
    /// <param name="after">The last id of the page before; null: from the start.</param>
    public async Task<IReadOnlyList<Invoice>> ListAsync(AccountId account, int limit, string? after = null, CancellationToken ct = default)
    {
        await using var scope = await tenants.ForAccountAsync(account, ct);
        var invoices = scope.Db.Set<Invoice>().AsNoTracking().Where(i => i.AccountId == account && i.Status != "draft");
        if (after is not null)
        {
            var created = await scope.Db.Set<Invoice>().Where(i => i.AccountId == account && i.Id == after).Select(i => i.CreatedAt).FirstOrDefaultAsync(ct);
            invoices = invoices.Where(i => EF.Functions.LessThan(ValueTuple.Create(i.CreatedAt, i.Id), ValueTuple.Create(created, after)));
        }

        return await invoices.OrderByDescending(i => i.CreatedAt).ThenByDescending(i => i.Id).Take(limit).ToListAsync(ct);
    }

    /// <returns>Null in both: the account has no such invoice.</returns>
    public async Task<(InvoiceWithLines? Invoice, Refusal? Refusal)> FindAsync(AccountId account, string id, CancellationToken ct = default)
    {
        Invoice? row;
        await using (var scope = await tenants.ForAccountAsync(account, ct))
        {
            // The mirror says whose it is; Stripe would show anybody's.
            row = await scope.Db.Set<Invoice>().AsNoTracking().FirstOrDefaultAsync(i => i.AccountId == account && i.Id == id, ct);
        }

        return row is null ? (null, null)
            : (await stripe.Invoices.GetAsync(id, ct)).Match<(InvoiceWithLines?, Refusal?)>(
                found => (new(row, Lines(found), found.HostedInvoiceUrl, found.InvoicePdf), null), error => (null, error.ToRefusal()));
    }

    /// <returns>Null in both: nothing will be billed.</returns>
    public async Task<(UpcomingInvoice? Invoice, Refusal? Refusal)> UpcomingAsync(AccountId account, CancellationToken ct = default)
    {
        Subscription? current;
        await using (var scope = await tenants.ForAccountAsync(account, ct))
        {
            current = await CurrentSubscription.FindAsync(scope, account, ct);
        }

        if (current is null || current.CancelAtPeriodEnd)
        {
            return (null, null);
        }

        return (await stripe.Invoices.CreatePreviewAsync(new() { Subscription = current.Id }, ct)).Match<(UpcomingInvoice?, Refusal?)>(
            preview =>
            {
                var currency = Unit.Of(preview.Currency);
                return (new(currency, StripeMoney.FromMinor(preview.Total, currency), StripeMoney.FromMinor(preview.AmountDue, currency), preview.NextPaymentAttempt, Lines(preview)), null);
            },
            error => error.Code == "invoice_upcoming_none" ? (null, null) : (null, error.ToRefusal()));
    }

    private static List<InvoiceLine> Lines(StripeInvoice invoice) =>
        [.. invoice.Lines.Data.Select(l => new InvoiceLine(l.Description ?? "", StripeMoney.FromMinor(l.Amount, Unit.Of(invoice.Currency)), l.Quantity, l.Period?.Start, l.Period?.End, l.IsProration))];
}
