using BillingPortal.Primitives;

namespace BillingPortal.Ledger;

/// <summary>What is put into a wallet, and on what terms.</summary>
/// <param name="Amount">Above zero.</param>
public sealed record GrantTerms(Unit Unit, Amount Amount, GrantSource Source)
{
    /// <summary>Lower burns first; null: the source's own.</summary>
    public int? Priority { get; init; }
    public DateTimeOffset? ExpiresAt { get; init; }
    /// <summary>What it came from, at most 255 characters; no personal text.</summary>
    public string? Reference { get; init; }

    internal Book Book => Source switch
    {
        GrantSource.Purchase => Book.Stripe,
        GrantSource.Bonus or GrantSource.Free or GrantSource.Promotional => Book.Promotion,
        GrantSource.Plan or GrantSource.Rollover => Book.Plan,
        GrantSource.Adjustment => Book.Adjustment,
        GrantSource.Refund => Book.Revenue,
    };

    internal TransferKind Kind => Source switch
    {
        GrantSource.Purchase => TransferKind.TopUp,
        GrantSource.Adjustment => TransferKind.Adjustment,
        GrantSource.Refund => TransferKind.Refund,
        GrantSource.Bonus or GrantSource.Free or GrantSource.Promotional or GrantSource.Plan or GrantSource.Rollover => TransferKind.Grant,
    };

    /// <summary>What was given burns before what was paid for; what expires anyway burns first.</summary>
    internal int BurnPriority => Priority ?? Source switch
    {
        GrantSource.Free => 0,
        GrantSource.Rollover => 10,
        GrantSource.Plan => 20,
        GrantSource.Refund => 30,
        GrantSource.Promotional => 40,
        GrantSource.Bonus => 50,
        GrantSource.Adjustment => 60,
        GrantSource.Purchase => 70,
    };
}
