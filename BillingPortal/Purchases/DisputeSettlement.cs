using BillingPortal.Catalog;
using BillingPortal.Data;
using BillingPortal.Ledger;
using BillingPortal.Payments;
using BillingPortal.Payments.Stripe;
using BillingPortal.Primitives;
using Microsoft.EntityFrameworkCore;

namespace BillingPortal.Purchases;

/// <summary>Takes over a dispute as Stripe has it now (catalog: <see cref="Reversals"/>). Opened: what the payment bought is frozen by policy. Lost: all of it is gone. Won: what was taken is returned. Each once.</summary>
internal sealed class DisputeSettlement(Clawbacks clawbacks, CatalogSnapshot catalog, Ledger.Ledger ledger, TimeProvider time)
{
    /// <param name="scope">A writer's transaction.</param>
    /// <param name="payment">The PaymentIntent; null for a charge without one.</param>
    /// <param name="customer">Whose payment it is.</param>
    /// <returns>Null when done; why not otherwise, and nothing may be kept.</returns>
    public async Task<string?> ApplyAsync(TenantScope scope, StripeDispute now, string? payment, string? customer, CancellationToken ct)
    {
        var bought = payment is null ? null : await Clawbacks.LockAsync(scope, payment, ct);
        await scope.Db.Database.ExecuteSqlAsync($"select pg_advisory_xact_lock(hashtextextended({now.Id}, 8))", ct);
        if ((bought?.AccountId ?? (customer is null ? null : await CustomerLinks.AccountOfAsync(scope, customer, ct))) is not { } account)
        {
            return "No account is known for this customer. Bind the customer to an account, then replay.";
        }

        var row = await scope.Db.Set<Dispute>().SingleOrDefaultAsync(d => d.Id == now.Id, ct);
        if (row is { IsClosed: true })
        {
            return null; // an older reading that came late
        }

        row ??= Open(scope, account, now, payment);
        (row.Status, row.Reason, row.EvidenceDueBy) = (now.Status, Short(now.Reason), now.EvidenceDetails?.DueBy);
        row.ClosedAt = row.IsClosed ? time.Now() : null;
        if (bought is not null && !now.IsInquiry && !now.IsWon && (row.Owed + row.BonusOwed).IsZero)
        {
            var owed = PurchaseShare.Of(bought, row.Amount, isRest: bought.Refunded + row.Amount >= bought.Paid);
            (row.Owed, row.BonusOwed) = (owed.Paid, owed.Bonus);
        }

        await SettleAsync(scope, bought, row, now, ct);
        return null;
    }

    private static Dispute Open(TenantScope scope, AccountId account, StripeDispute now, string? payment)
    {
        var currency = Unit.Of(now.Currency);
        var row = new Dispute { AccountId = account, Id = now.Id, PaymentId = payment ?? "", Amount = StripeMoney.FromMinor(now.Amount, currency), Currency = currency, OpenedAt = now.Created };
        scope.Db.Add(row);
        return row;
    }

    private async Task SettleAsync(TenantScope scope, Payment? bought, Dispute row, StripeDispute now, CancellationToken ct)
    {
        var policy = catalog.Current.Reversals ?? Reversals.Usual;
        if (now.IsWon)
        {
            if (bought is not null)
            {
                await clawbacks.ReturnAsync(scope, bought, new(bought.Unit, row.DrawnBack, row.BonusDrawnBack), $"dispute_won:{row.Id}", ct);
                (row.DrawnBack, row.BonusDrawnBack) = (Amount.Zero, Amount.Zero);
            }

            await ReopenAsync(scope, row, ct);
        }
        else if (now.IsLost)
        {
            await TakeAsync(scope, bought, row, $"dispute_lost:{row.Id}", policy.Spent.ToShortfall(), ct);
            await ReopenAsync(scope, row, ct);
        }
        else if (!now.IsInquiry && policy.Dispute != DisputePolicy.Wait)
        {
            await FreezeAsync(scope, bought, row, policy.Dispute, ct);
        }
    }

    private async Task FreezeAsync(TenantScope scope, Payment? bought, Dispute row, DisputePolicy policy, CancellationToken ct)
    {
        // Frozen once: what is bought later is not touched before the dispute is lost.
        if ((row.DrawnBack + row.BonusDrawnBack).IsZero)
        {
            await TakeAsync(scope, bought, row, $"dispute:{row.Id}", Shortfall.Forgiven, ct);
        }

        if (policy == DisputePolicy.Suspend && !row.HasSuspended)
        {
            row.HasSuspended = true;
            await StandAsync(scope, row, AccountStatus.Suspended, $"dispute_suspend:{row.Id}", ct);
        }
    }

    private async Task TakeAsync(TenantScope scope, Payment? bought, Dispute row, string key, Shortfall shortfall, CancellationToken ct)
    {
        if (bought is null)
        {
            return;
        }

        // A refund may have taken its share meanwhile: never more than the payment put in.
        var parts = new ClawbackParts(bought.Unit, Amount.Min(row.Owed - row.DrawnBack, bought.Granted - bought.DrawnBack), Amount.Min(row.BonusOwed - row.BonusDrawnBack, bought.Bonus - bought.BonusDrawnBack));
        var taken = await clawbacks.TakeAsync(scope, bought, parts, key, isDispute: true, shortfall, ct);
        row.DrawnBack += taken.Paid;
        row.BonusDrawnBack += taken.Bonus;
    }

    private async Task ReopenAsync(TenantScope scope, Dispute row, CancellationToken ct)
    {
        if (row.HasSuspended && !await scope.Db.Set<Dispute>().AnyAsync(d => d.AccountId == row.AccountId && d.Id != row.Id && d.HasSuspended && d.ClosedAt == null, ct))
        {
            await StandAsync(scope, row, AccountStatus.Active, $"dispute_reopen:{row.Id}", ct);
        }
    }

    private async Task StandAsync(TenantScope scope, Dispute row, AccountStatus status, string key, CancellationToken ct)
    {
        var posted = await ledger.PostAsync(scope, new StatusChangeOperation(row.AccountId, Origin.Stripe, key, status), ct);
        _ = posted.Match(_ => true, refusal => throw new InvalidOperationException(refusal.Detail));
    }

    private static string Short(string text) => text.Length <= 60 ? text : text[..60];
}
