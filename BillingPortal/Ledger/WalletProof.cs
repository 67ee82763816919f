using BillingPortal.Primitives;

namespace BillingPortal.Ledger;

/// <summary>Something that should never be found. Each names the wallet and, where one is at fault, the row.</summary>
/// <param name="Seq">Number of the transfer; 0 where the wallet or the account as a whole is meant.</param>
public sealed record LedgerProblem(AccountId Account, Unit? Unit, long Seq, string What);

/// <summary>Follows one wallet's rows from the first and says where they do not add up. Pure.</summary>
/// <param name="lastAnchor">The newest anchor of the wallet, read together with it; null: none.</param>
internal sealed class WalletProof(Wallet wallet, IReadOnlyList<Grant> grants, IReadOnlyList<HoldState> holds, LedgerAnchor? lastAnchor = null)
{
    private readonly Dictionary<Guid, decimal> inGrants = [];
    private readonly List<LedgerProblem> problems = [];
    private byte[] hash = new byte[32];
    private decimal balance;
    private long seq;
    private DateTimeOffset last = DateTimeOffset.MinValue;
    private bool isBroken;

    public IReadOnlyList<LedgerProblem> Problems => problems;

    /// <summary>Takes the wallet's rows in order; what was appended after the wallet was read is none of this proof's.</summary>
    /// <param name="anchor">What was anchored when this row was the last; null: it never was.</param>
    public void Add(Transfer row, LedgerAnchor? anchor = null)
    {
        if (row.Seq > wallet.Seq)
        {
            return;
        }

        if (row.Seq != seq + 1)
        {
            Problem(row.Seq, $"number {seq + 1} is missing");
        }

        balance += row.Signed.Value;
        if (balance != row.BalanceAfter.Value)
        {
            Problem(row.Seq, $"the balance after it is {row.BalanceAfter}, its rows add up to {balance}");
            balance = row.BalanceAfter.Value;
        }

        if (!isBroken && !HashChain.Next(hash, row).AsSpan().SequenceEqual(row.Hash))
        {
            Problem(row.Seq, "its hash does not follow from the row and the hash before it");
            isBroken = true;
        }

        if (anchor is not null && !(anchor.Hash.AsSpan().SequenceEqual(row.Hash) && anchor.Balance == row.BalanceAfter))
        {
            Problem(row.Seq, $"it is not the row that was anchored at {anchor.AnchoredAt:u}");
        }

        if (row.CreatedAt < last)
        {
            Problem(row.Seq, "it is older than the row before it");
        }

        for (var i = 0; i < row.GrantIds.Length; i++)
        {
            var signed = row.IsCredit ? row.GrantAmounts[i] : -row.GrantAmounts[i];
            inGrants[row.GrantIds[i]] = inGrants.GetValueOrDefault(row.GrantIds[i]) + signed;
        }

        (seq, hash, last) = (row.Seq, row.Hash, row.CreatedAt);
    }

    /// <summary>To be called after the last row: compares the rows with the wallet and its grants.</summary>
    public void Close()
    {
        if (seq != wallet.Seq)
        {
            Problem(wallet.Seq, $"the wallet counts {wallet.Seq} rows, the last one found is {seq}");
        }
        else if (!isBroken && !hash.AsSpan().SequenceEqual(wallet.LastHash))
        {
            Problem(seq, "the wallet's last hash is not that of its last row");
        }

        if (lastAnchor is { } anchor && anchor.Seq > wallet.Seq)
        {
            Problem(anchor.Seq, $"it was anchored at {anchor.AnchoredAt:u} and is not there any more");
        }

        if (balance != wallet.Balance.Value)
        {
            Problem(0, $"the wallet's balance is {wallet.Balance}, its rows add up to {balance}");
        }

        var remaining = grants.Aggregate(Amount.Zero, (sum, grant) => sum + grant.Remaining);
        var reserved = grants.Aggregate(Amount.Zero, (sum, grant) => sum + grant.Reserved);
        if (wallet.Balance != remaining - wallet.Debt)
        {
            Problem(0, $"the balance {wallet.Balance} is not what remains in grants ({remaining}) less the debt ({wallet.Debt})");
        }

        ProveHolds();

        if (wallet.Debt.IsPositive && remaining > reserved)
        {
            Problem(0, $"there is a debt of {wallet.Debt} while {remaining - reserved} remains unreserved");
        }

        foreach (var grant in grants)
        {
            var moved = inGrants.GetValueOrDefault(grant.Id.Value);
            if (moved != grant.Remaining.Value)
            {
                Problem(0, $"{grant.Id} has {grant.Remaining} left, its rows add up to {moved}");
            }
        }
    }

    /// <summary>What is held is what open holds have, and each of their parts is reserved on the grants that it names; what it names none for lies below zero.</summary>
    private void ProveHolds()
    {
        List<HoldPart> parts = [.. holds.SelectMany(hold => hold.Parts).Where(part => part.Unit == wallet.Unit && !part.Unlimited)];
        var held = parts.Aggregate(Amount.Zero, (sum, part) => sum + part.Amount);
        if (wallet.Held != held)
        {
            Problem(0, $"{wallet.Held} is held, its open holds have {held}");
        }

        var named = parts.SelectMany(part => part.Grants).ToLookup(draw => draw.Grant, draw => draw.Amount.Value);
        foreach (var grant in grants.Where(grant => grant.Reserved.Value != named[grant.Id].Sum()))
        {
            Problem(0, $"{grant.Id} has {grant.Reserved} reserved, open holds name it for {named[grant.Id].Sum()}");
        }

        foreach (var unknown in named.Where(n => grants.All(grant => grant.Id != n.Key)))
        {
            Problem(0, $"a hold names {unknown.Key}, which is no grant of this wallet");
        }

        if (parts.Any(part => part.Grants.Sum(draw => draw.Amount.Value) > part.Amount.Value))
        {
            Problem(0, "a hold names grants for more than it holds");
        }
    }

    private void Problem(long row, string what) => problems.Add(new(wallet.AccountId, wallet.Unit, row, what));
}
