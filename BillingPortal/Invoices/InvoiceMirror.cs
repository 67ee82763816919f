using System.Text.Json;
using BillingPortal.Data;
using BillingPortal.Observability;
using BillingPortal.Payments;
using BillingPortal.Payments.Stripe;
using BillingPortal.Primitives;
using Microsoft.EntityFrameworkCore;

namespace BillingPortal.Invoices;

/// <summary>Takes over an invoice as Stripe has it now.</summary>
public sealed class InvoiceMirror(TimeProvider time)
{
    /// <param name="scope">A writer's transaction.</param>
    /// <returns>Null when done; why not otherwise, and nothing may be kept.</returns>
    public async Task<string?> ApplyAsync(TenantScope scope, StripeInvoice now, CancellationToken ct)
    {
        if (now.Customer is not { } customer || await CustomerLinks.AccountOfAsync(scope, customer, ct) is not { } account)
        {
            return "No account is known for this customer. Bind the customer to an account, then replay.";
        }

        if (!Unit.TryParse(now.Currency, out var currency) || !currency.IsCurrency)
        {
            return $"'{now.Currency}' is no currency.";
        }

        var row = await scope.Db.Set<Invoice>().FirstOrDefaultAsync(i => i.AccountId == account && i.Id == now.Id, ct);
        if (row is null)
        {
            row = new Invoice { AccountId = account, Id = now.Id };
            scope.Db.Add(row);
        }

        Copy(now, currency, row);
        return null;
    }

    private void Copy(StripeInvoice now, Unit currency, Invoice row)
    {
        row.Number = now.Number;
        row.Status = now.Status ?? "draft";
        row.SubscriptionId = now.SubscriptionId;
        row.BillingReason = now.BillingReason;
        row.Currency = currency;
        row.Subtotal = StripeMoney.FromMinor(now.Subtotal, currency);
        row.Total = StripeMoney.FromMinor(now.Total, currency);
        row.Tax = StripeMoney.FromMinor(now.Total - (now.TotalExcludingTax ?? now.Total), currency);
        row.AmountPaid = StripeMoney.FromMinor(now.AmountPaid, currency);
        row.AmountRemaining = StripeMoney.FromMinor(now.AmountRemaining, currency);
        row.AttemptCount = now.AttemptCount;
        row.NextPaymentAttempt = now.NextPaymentAttempt;
        // What is billed by use belongs to the period before, and items put on by hand to none.
        var served = now.Lines.Data.Where(l => l.Parent?.InvoiceItemDetails is null).Select(l => l.Period).MaxBy(p => p?.End) ?? now.Lines.Data.Select(l => l.Period).MaxBy(p => p?.End);
        row.PeriodStart = served?.Start;
        row.PeriodEnd = served?.End;
        row.CreatedAt = now.Created;
        row.PaidAt = now.StatusTransitions?.PaidAt;
        row.UpdatedAt = time.Now();
        row.Lines = JsonSerializer.Serialize(now.Lines.Data.Select(l => new BilledLine(l.Id, l.Description, StripeMoney.FromMinor(l.Amount, currency), l.Quantity, l.Period?.Start, l.Period?.End,
            l.Pricing?.PriceDetails?.Product, l.Metadata?.GetValueOrDefault(MeteredPrice.ReportMark))), Json.Options);
    }
}
