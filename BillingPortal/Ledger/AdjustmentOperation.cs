using BillingPortal.Primitives;

namespace BillingPortal.Ledger;

/// <summary>A correction by staff, with its mandatory reason: puts in or takes out, never below the wallet's floor.</summary>
/// <param name="amount">Above zero puts in, below zero takes out; never zero.</param>
public sealed class AdjustmentOperation(AccountId account, Origin origin, string key, Unit unit, Amount amount, string reason)
    : Operation(account, origin, key)
{
    public override string Kind => "adjustment";
    public override string? Details { get; } = DetailsJson.OfReason(reason);
    public override byte[] BodyHash => Hash();

    public override Refusal? Decide(AccountState account) => amount.IsPositive
        ? account.Grant(new(unit, amount, GrantSource.Adjustment))
        : account.DebitAboveFloor(unit, -amount, Book.Adjustment, TransferKind.Adjustment);

    private byte[] Hash()
    {
        var digest = new DigestWriter(stackalloc byte[512]);
        digest.Add(Kind);
        digest.Add(unit);
        digest.Add(amount);
        digest.Add(Details);
        return digest.Sha256();
    }
}
