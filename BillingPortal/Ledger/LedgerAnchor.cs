using BillingPortal.Primitives;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;

namespace BillingPortal.Ledger;

/// <summary>
/// The head of a wallet's chain as it once stood, written daily (<see cref="AnchorLedgers"/>) and handed out with exports. A chain proves every row by the one after it,
/// but nothing in it proves the last: who cuts the tail and sets the wallet back is found by the anchor, and by every copy of it that left the house.
/// </summary>
public sealed class LedgerAnchor
{
    public AccountId AccountId { get; init; }
    public Unit Unit { get; init; }
    /// <summary>Number of the last transfer then; at least 1.</summary>
    public long Seq { get; init; }
    /// <summary>The wallet's balance after it.</summary>
    public Amount Balance { get; init; }
    /// <summary>SHA-256 of that transfer.</summary>
    public byte[] Hash { get; init; } = [];
    public DateTimeOffset AnchoredAt { get; init; }

    internal sealed class Table : IEntityTypeConfiguration<LedgerAnchor>
    {
        public void Configure(EntityTypeBuilder<LedgerAnchor> builder)
        {
            builder.ToTable("ledger_anchors", t =>
            {
                t.HasCheckConstraint("ck_ledger_anchors_seq", "seq > 0");
                t.HasCheckConstraint("ck_ledger_anchors_hash", "octet_length(hash) = 32");
            });
            builder.HasKey(a => new { a.AccountId, a.Unit, a.Seq });
        }
    }
}

/// <summary>An anchor as people see it.</summary>
/// <param name="Hash">Lower-case hexadecimal.</param>
public sealed record AnchorView(AccountId Account, Unit Unit, long Seq, Amount Balance, string Hash, DateTimeOffset AnchoredAt);
