using BillingPortal.Catalog;
using BillingPortal.Data;
using BillingPortal.Ledger;
using BillingPortal.Primitives;
using Microsoft.EntityFrameworkCore;

namespace BillingPortal.Purchases;

/// <summary>Which part of a purchase belongs to a part of its payment. Pure.</summary>
internal static class PurchaseShare
{
    /// <param name="money">In the payment's currency.</param>
    /// <param name="isRest">True: nothing of the payment stands after this, so all that is left goes, without a remainder of rounding.</param>
    public static ClawbackParts Of(Payment payment, Amount money, bool isRest)
    {
        var (paid, bonus) = (payment.Granted - payment.DrawnBack, payment.Bonus - payment.BonusDrawnBack);
        return isRest
            ? new(payment.Unit, paid, bonus)
            : new(payment.Unit, Amount.Min(paid, Part(payment.Granted)), Amount.Min(bonus, Part(payment.Bonus)));

        Amount Part(Amount whole) => Amount.Round(whole.Value * money.Value / payment.Paid.Value);
    }
}

/// <summary>Takes back what a payment had bought, and returns it when the payment stands after all.</summary>
internal sealed class Clawbacks(Ledger.Ledger ledger)
{
    /// <summary>The payment with its row locked: whoever takes back of it or returns does so one after the other.</summary>
    /// <param name="scope">A writer's transaction.</param>
    public static Task<Payment?> LockAsync(TenantScope scope, string payment, CancellationToken ct) =>
        scope.Db.Set<Payment>().FromSql($"select * from payments where id = {payment} for update").SingleOrDefaultAsync(ct);

    /// <returns>What was taken; less than asked where the policy forgives what is spent.</returns>
    public async Task<ClawbackParts> TakeAsync(TenantScope scope, Payment payment, ClawbackParts parts, string key, bool isDispute, Shortfall shortfall, CancellationToken ct)
    {
        if (!parts.Total.IsPositive)
        {
            return parts;
        }

        var posted = await ledger.PostAsync(scope, new ClawbackOperation(payment.AccountId, Origin.Stripe, key, parts, payment.Reference, isDispute, shortfall), ct);
        var moved = posted.Match(taken => taken.Transfers, refusal => throw new InvalidOperationException(refusal.Detail));
        var taken = new ClawbackParts(parts.Unit, Sum(moved, Book.Stripe), Sum(moved, Book.Promotion));
        payment.DrawnBack += taken.Paid;
        payment.BonusDrawnBack += taken.Bonus;
        return taken;
    }

    /// <summary>Grants again what <see cref="TakeAsync"/> took.</summary>
    public async Task ReturnAsync(TenantScope scope, Payment payment, ClawbackParts parts, string key, CancellationToken ct)
    {
        var terms = new List<GrantTerms>(2);
        if (parts.Paid.IsPositive)
        {
            terms.Add(new(parts.Unit, parts.Paid, GrantSource.Purchase) { Reference = payment.Reference });
        }

        if (parts.Bonus.IsPositive)
        {
            terms.Add(new(parts.Unit, parts.Bonus, GrantSource.Bonus) { Reference = payment.Reference });
        }

        if (terms.Count == 0)
        {
            return;
        }

        var posted = await ledger.PostAsync(scope, new GrantOperation(payment.AccountId, Origin.Stripe, key, terms), ct);
        _ = posted.Match(_ => true, refusal => throw new InvalidOperationException(refusal.Detail));
        payment.DrawnBack -= parts.Paid;
        payment.BonusDrawnBack -= parts.Bonus;
    }

    private static Amount Sum(IReadOnlyList<Transfer> transfers, Book book) =>
        transfers.Where(t => t.Book == book && !t.IsCredit).Aggregate(Amount.Zero, (sum, t) => sum + t.Amount);
}

internal static class SpentReversals
{
    public static Shortfall ToShortfall(this SpentReversal spent) => spent == SpentReversal.Forgive ? Shortfall.Forgiven : Shortfall.Debt;
}
