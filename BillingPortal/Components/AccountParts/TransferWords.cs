using BillingPortal.Ledger;

namespace BillingPortal.Components.AccountParts;

/// <summary>Words for what the ledger's enums mean to a customer.</summary>
public static class TransferWords
{
    public static string Word(this TransferKind kind) => kind switch
    {
        TransferKind.Grant => "Granted",
        TransferKind.TopUp => "Bought",
        TransferKind.Charge => "Used",
        TransferKind.Refund => "Refunded",
        TransferKind.Adjustment => "Adjusted",
        TransferKind.Expiry => "Expired",
        TransferKind.Overage => "Overage billed",
        TransferKind.Reversal => "Reversed",
        TransferKind.Dispute => "Disputed",
    };

    public static string Word(this GrantSource source) => source switch
    {
        GrantSource.Purchase => "Bought",
        GrantSource.Bonus => "Bonus",
        GrantSource.Plan => "Plan",
        GrantSource.Free => "Free",
        GrantSource.Promotional => "Given",
        GrantSource.Adjustment => "Adjustment",
        GrantSource.Refund => "Refund",
        GrantSource.Rollover => "Carried over",
    };

    /// <summary>The badge's class.</summary>
    public static string Tone(this TransferView row) => row.Kind switch
    {
        TransferKind.Charge => "plain",
        TransferKind.Expiry or TransferKind.Dispute or TransferKind.Overage => "badge-warn",
        TransferKind.Reversal or TransferKind.Adjustment => "badge-info",
        TransferKind.Grant or TransferKind.TopUp or TransferKind.Refund => "badge-good",
    };

    /// <summary>Said where nobody gave a reason.</summary>
    public static string Why(this TransferView row) => row.Kind switch
    {
        TransferKind.Grant => row.Book == Book.Plan ? "Allowance of the plan" : "Given by us",
        TransferKind.TopUp => "Payment received",
        TransferKind.Charge => "Use",
        TransferKind.Expiry => "Unused at the end",
        TransferKind.Overage => "Use beyond the allowance, billed with the period",
        TransferKind.Refund => "Charge refunded",
        TransferKind.Adjustment => "Correction",
        TransferKind.Reversal => row.Book == Book.Plan ? "Allowance of the former plan" : "Correction of an earlier entry",
        TransferKind.Dispute => "Payment disputed",
    };
}
