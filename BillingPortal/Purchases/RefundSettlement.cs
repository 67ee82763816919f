using System.Globalization;
using BillingPortal.Accounts;
using BillingPortal.Catalog;
using BillingPortal.Data;
using BillingPortal.Ledger;
using BillingPortal.Outbox;
using BillingPortal.Payments;
using BillingPortal.Payments.Stripe;
using BillingPortal.Primitives;
using Microsoft.EntityFrameworkCore;

namespace BillingPortal.Purchases;

/// <summary>The refunds of one payment as Stripe has them now.</summary>
/// <param name="Customer">Whose the payment is.</param>
internal sealed record RefundReading(string PaymentIntent, string? Customer, IReadOnlyList<StripeRefund> Refunds);

/// <summary>Takes over a payment's refunds as Stripe has them: each draws back once what it gives back, and returns it once when it fails.</summary>
internal sealed class RefundSettlement(Clawbacks clawbacks, CatalogSnapshot catalog, Outbox.Outbox outbox, TimeProvider time)
{
    /// <param name="scope">A writer's transaction.</param>
    /// <returns>Null when done; why not otherwise, and nothing may be kept.</returns>
    public async Task<string?> ApplyAsync(TenantScope scope, RefundReading reading, CancellationToken ct)
    {
        var payment = await Clawbacks.LockAsync(scope, reading.PaymentIntent, ct);
        if (payment is null)
        {
            // The same order for who refunds a subscription's payment, which has no row to lock.
            await scope.Db.Database.ExecuteSqlAsync($"select pg_advisory_xact_lock(hashtextextended({reading.PaymentIntent}, 8))", ct);
        }

        if ((payment?.AccountId ?? (reading.Customer is { } customer ? await CustomerLinks.AccountOfAsync(scope, customer, ct) : null)) is not { } account)
        {
            return "No account is known for this customer. Bind the customer to an account, then replay.";
        }

        var rows = await scope.Db.Set<Refund>().Where(r => r.PaymentId == reading.PaymentIntent).ToListAsync(ct);
        foreach (var now in reading.Refunds.OrderBy(r => r.Created).ThenBy(r => r.Id, StringComparer.Ordinal))
        {
            var row = RowOf(scope, rows, account, reading.PaymentIntent, now);
            await FollowAsync(scope, payment, row, now, rows, ct);
        }

        if (payment is not null)
        {
            payment.Refunded = Standing(rows);
        }

        return null;
    }

    private Refund RowOf(TenantScope scope, List<Refund> rows, AccountId account, string payment, StripeRefund now)
    {
        var ours = now.Metadata?.GetValueOrDefault("refund");
        var row = rows.Find(r => r.StripeId == now.Id) ?? rows.Find(r => r.StripeId is null && r.ShownId == ours);
        if (row is null)
        {
            var currency = Unit.Of(now.Currency);
            row = new Refund
            {
                AccountId = account,
                Id = Guid.CreateVersion7(),
                PaymentId = payment,
                Amount = StripeMoney.FromMinor(now.Amount, currency),
                Currency = currency,
                Actor = "stripe",
                Reason = now.Reason,
                CreatedAt = time.Now(),
            };
            rows.Add(row);
            scope.Db.Add(row);
        }

        row.StripeId = now.Id;
        return row;
    }

    private async Task FollowAsync(TenantScope scope, Payment? payment, Refund row, StripeRefund now, List<Refund> rows, CancellationToken ct)
    {
        var status = now.Status switch
        {
            "succeeded" => RefundStatus.Succeeded,
            "failed" => RefundStatus.Failed,
            "canceled" => RefundStatus.Canceled,
            _ => RefundStatus.Pending,
        };
        // What has ended stays ended, and what has succeeded does not pend again: an older reading may come late.
        if (row.Status is RefundStatus.Failed or RefundStatus.Canceled || (row.Status == RefundStatus.Succeeded && status == RefundStatus.Pending))
        {
            return;
        }

        var wasTaken = row.Status is RefundStatus.Pending or RefundStatus.Succeeded;
        row.Status = status;
        row.Outcome = now.FailureReason;
        if (now.Stands && !wasTaken)
        {
            await TakeAsync(scope, payment, row, rows, ct);
        }
        else if (!now.Stands && wasTaken && payment is not null)
        {
            await clawbacks.ReturnAsync(scope, payment, new(payment.Unit, row.DrawnBack, row.BonusDrawnBack), $"refund_failed:{now.Id}", ct);
            (row.DrawnBack, row.BonusDrawnBack) = (Amount.Zero, Amount.Zero);
        }
    }

    private async Task TakeAsync(TenantScope scope, Payment? payment, Refund row, List<Refund> rows, CancellationToken ct)
    {
        if (payment is not null)
        {
            var parts = PurchaseShare.Of(payment, row.Amount, isRest: Standing(rows) >= payment.Paid);
            var taken = await clawbacks.TakeAsync(scope, payment, parts, $"refund:{row.StripeId}", isDispute: false, (catalog.Current.Reversals ?? Reversals.Usual).Spent.ToShortfall(), ct);
            (row.DrawnBack, row.BonusDrawnBack) = (taken.Paid, taken.Bonus);
        }

        if (await scope.Db.Set<Account>().Where(a => a.AccountId == row.AccountId).Select(a => a.Email).FirstOrDefaultAsync(ct) is { } email)
        {
            var text = string.Create(CultureInfo.InvariantCulture, $"We have refunded {row.Amount} {row.Currency.Code.ToUpperInvariant()} to the payment method you paid with. It takes a few days to arrive.");
            await outbox.PutAsync(scope, new(email, "Your refund", row.DrawnBack.IsPositive ? $"{text}\n\nWhat the payment had bought was taken off your balance: {row.DrawnBack + row.BonusDrawnBack} {payment!.Unit}." : text, $"refund:{row.StripeId}"), row.AccountId, ct);
        }
    }

    private static Amount Standing(List<Refund> rows) =>
        rows.Where(r => r.Status is RefundStatus.Pending or RefundStatus.Succeeded).Aggregate(Amount.Zero, (sum, r) => sum + r.Amount);
}
