using BillingPortal.Accounts;
using BillingPortal.Data;
using BillingPortal.Primitives;

namespace BillingPortal.Purchases;

/// <summary>What was bought, for a receipt.</summary>
internal sealed record PurchaseReceipt(Amount Paid, Unit Currency, Amount Granted, Unit Unit, string Reference);

/// <summary>The mails of purchases: receipts, and what went wrong. Accounts without an address get none.</summary>
internal static class TopUpMails
{
    public static Task ReceiptAsync(Outbox.Outbox outbox, TenantScope scope, Account who, PurchaseReceipt bought, CancellationToken ct) => who.Email is not { } email ? Task.CompletedTask : outbox.PutAsync(
        scope,
        new(email, "Receipt for your purchase",
            $"""
            Thank you. We have received {bought.Paid} {bought.Currency.Code.ToUpperInvariant()}.

            Added to your balance: {bought.Granted} {(bought.Unit.IsCurrency ? bought.Unit.Code.ToUpperInvariant() : "credits")}
            Reference: {bought.Reference}

            Every entry stands in your ledger in the portal.
            """, $"receipt:{bought.Reference}"), who.AccountId, ct);

    public static Task StoppedAsync(Outbox.Outbox outbox, TenantScope scope, Account who, string why, string key, CancellationToken ct) => who.Email is not { } email ? Task.CompletedTask : outbox.PutAsync(
        scope,
        new(email, "Your automatic top-up has stopped",
            $"""
            Your balance is low, and the automatic top-up could not be paid: {why}

            Nothing was charged and nothing is tried again until you act: choose another card or save the top-up's settings once more, under Payment in the portal.
            """, key), who.AccountId, ct);

    public static Task LowAsync(Outbox.Outbox outbox, TenantScope scope, Account who, Amount available, Unit unit, string key, CancellationToken ct) => who.Email is not { } email ? Task.CompletedTask : outbox.PutAsync(
        scope,
        new(email, "Your balance is low",
            $"""
            Your balance is down to {available} {(unit.IsCurrency ? unit.Code.ToUpperInvariant() : "credits")}.

            You asked to be told. Buy more in the portal, or let it top up by itself.
            """, key), who.AccountId, ct);
}
