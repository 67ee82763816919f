using BillingPortal.Primitives;

namespace BillingPortal.Ledger;

/// <summary>What becomes of the part of a clawback that the customer has spent already.</summary>
public enum Shortfall
{
    /// <summary>It becomes debt, past any floor.</summary>
    Debt,
    /// <summary>It is let go: only what is there is taken.</summary>
    Forgiven,
}

/// <summary>What a purchase had put in, to be taken back.</summary>
/// <param name="Paid">Goes back to the book of payments; zero or more.</param>
/// <param name="Bonus">Goes back to the book of promotions; zero or more.</param>
public readonly record struct ClawbackParts(Unit Unit, Amount Paid, Amount Bonus)
{
    public Amount Total => Paid + Bonus;
}

/// <summary>Takes back what a refunded or disputed payment had bought: that purchase's grants first, then the others, and what is gone already becomes debt, past any floor (DESIGN §7.1, §7.20).</summary>
/// <param name="parts">Above zero in all.</param>
/// <param name="grantReference">The reference under which the purchase was granted.</param>
/// <param name="isDispute">True for a lost or opened dispute, false for a refund.</param>
public sealed class ClawbackOperation(AccountId account, Origin origin, string key, ClawbackParts parts, string grantReference, bool isDispute, Shortfall shortfall, string? reason = null)
    : Operation(account, origin, key)
{
    public override string Kind => isDispute ? "dispute" : "purchase_refund";
    public override string? Details { get; } = reason is null ? null : DetailsJson.OfReason(reason);
    public override byte[] BodyHash => Hash();

    public override Refusal? Decide(AccountState account)
    {
        var most = shortfall == Shortfall.Debt ? parts.Total : Amount.Max(Amount.Zero, Amount.Min(account.Available(parts.Unit), parts.Total));
        var paid = Amount.Min(parts.Paid, most);
        Take(account, paid, Book.Stripe);
        Take(account, most - paid, Book.Promotion);
        return null;
    }

    private void Take(AccountState account, Amount amount, Book book)
    {
        if (amount.IsPositive)
        {
            account.Debit(parts.Unit, amount, book, isDispute ? TransferKind.Dispute : TransferKind.Reversal, grantReference);
        }
    }

    private byte[] Hash()
    {
        var digest = new DigestWriter(stackalloc byte[512]);
        digest.Add(Kind);
        digest.Add(parts.Unit);
        digest.Add(parts.Paid);
        digest.Add(parts.Bonus);
        digest.Add(grantReference);
        digest.Add(shortfall.ToString());
        digest.Add(Details);
        return digest.Sha256();
    }
}
