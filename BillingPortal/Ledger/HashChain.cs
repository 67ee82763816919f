namespace BillingPortal.Ledger;

/// <summary>The chain that makes a wallet's rows prove themselves: each hash is taken over the row and the hash before it.</summary>
internal static class HashChain
{
    /// <summary>SHA-256 over length-prefixed binary of every column: microseconds, scaled integers, big-endian ids; names of kind and book, so that renumbering an enum changes nothing.</summary>
    public static byte[] Next(ReadOnlySpan<byte> previous, Transfer row)
    {
        var digest = new DigestWriter(stackalloc byte[768]);
        digest.Add(previous);
        digest.Add(row.AccountId.Value);
        digest.Add(row.Unit);
        digest.Add(row.Seq);
        digest.Add(row.Id.Value);
        digest.Add(row.IsCredit ? 1L : 0L);
        digest.Add(row.Amount);
        digest.Add(row.BalanceAfter);
        digest.Add(row.Kind.ToString());
        digest.Add(row.Book.ToString());
        digest.Add(row.OperationId);
        digest.Add(row.ChargeId is null ? 0L : 1L);
        digest.Add(row.ChargeId ?? Guid.Empty);
        digest.Add((long)row.GrantIds.Length);
        for (var i = 0; i < row.GrantIds.Length; i++)
        {
            digest.Add(row.GrantIds[i]);
            digest.Add((long)(row.GrantAmounts[i] * 1_000_000m));
        }

        digest.Add(row.CreatedAt);
        digest.Add(row.DetailsDigest ?? []);
        return digest.Sha256();
    }

    /// <summary>What stands in the ledger for an operation's erasable text: nothing can be read or guessed from it without the salt.</summary>
    public static byte[] DetailsDigest(byte[] salt, string details)
    {
        var digest = new DigestWriter(stackalloc byte[512]);
        digest.Add(salt);
        digest.Add(details);
        return digest.Sha256();
    }
}
