using BillingPortal.Primitives;

namespace BillingPortal.Ledger;

/// <summary>Takes back what a refunded or disputed payment had bought: that purchase's grants first, then the others, and what is gone already becomes debt, past any floor (DESIGN §7.1, §7.20).</summary>
/// <param name="amount">Above zero.</param>
/// <param name="grantReference">The reference under which the purchase was granted.</param>
/// <param name="isDispute">True for a lost or opened dispute, false for a refund.</param>
public sealed class ClawbackOperation(AccountId account, Origin origin, string key, Unit unit, Amount amount, string grantReference, bool isDispute, string? reason = null)
    : Operation(account, origin, key)
{
    public override string Kind => isDispute ? "dispute" : "purchase_refund";
    public override string? Details { get; } = reason is null ? null : DetailsJson.OfReason(reason);
    public override byte[] BodyHash => Hash();

    public override Refusal? Decide(AccountState account)
    {
        account.Debit(unit, amount, Book.Stripe, isDispute ? TransferKind.Dispute : TransferKind.Reversal, grantReference);
        return null;
    }

    private byte[] Hash()
    {
        var digest = new DigestWriter(stackalloc byte[512]);
        digest.Add(Kind);
        digest.Add(unit);
        digest.Add(amount);
        digest.Add(grantReference);
        digest.Add(Details);
        return digest.Sha256();
    }
}
