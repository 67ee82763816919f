using BillingPortal.Primitives;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;

namespace BillingPortal.Ledger;

/// <summary>Why value moved.</summary>
public enum TransferKind { Grant, TopUp, Charge, Refund, Adjustment, Expiry, Overage, Reversal, Dispute }

/// <summary>The house's side of a transfer. House books have no running balance, so no row of theirs is ever hot.</summary>
public enum Book { Stripe, Promotion, Plan, Revenue, Expired, Overage, Adjustment }

/// <summary>One ledger row: a positive amount that moved between the customer's wallet and a book of the house. Never changed, never deleted.</summary>
public sealed class Transfer
{
    public AccountId AccountId { get; init; }
    public Unit Unit { get; init; }
    /// <summary>1, 2, 3… within the wallet, without gaps.</summary>
    public long Seq { get; init; }
    public TransferId Id { get; init; }
    /// <summary>True: from the book into the wallet. False: out of the wallet.</summary>
    public bool IsCredit { get; init; }
    public Amount Amount { get; init; }
    public Amount BalanceAfter { get; init; }
    public TransferKind Kind { get; init; }
    public Book Book { get; init; }
    /// <summary>The operation that moved it.</summary>
    public Guid OperationId { get; init; }
    /// <summary>The charge paid or refunded, where there is one.</summary>
    public Guid? ChargeId { get; init; }
    /// <summary>Grants filled or drawn, with <see cref="GrantAmounts"/> beside; what they do not cover became or repaid debt.</summary>
    public Guid[] GrantIds { get; init; } = [];
    public decimal[] GrantAmounts { get; init; } = [];
    public DateTimeOffset CreatedAt { get; init; }
    /// <summary>Salted digest of the erasable details of the operation, where it has any.</summary>
    public byte[]? DetailsDigest { get; init; }
    /// <summary>SHA-256 over this row and the hash before it.</summary>
    public byte[] Hash { get; internal set; } = [];

    /// <summary>The amount with the wallet's sign.</summary>
    public Amount Signed => IsCredit ? Amount : -Amount;

    internal sealed class Table : IEntityTypeConfiguration<Transfer>
    {
        public void Configure(EntityTypeBuilder<Transfer> builder)
        {
            builder.ToTable("transfers", t =>
            {
                t.HasCheckConstraint("ck_transfers_amount", "amount > 0");
                t.HasCheckConstraint("ck_transfers_hash", "octet_length(hash) = 32");
            });
            builder.HasKey(t => new { t.AccountId, t.Unit, t.Seq });
            builder.Property(t => t.Kind).HasConversion<string>().HasMaxLength(20);
            builder.Property(t => t.Book).HasConversion<string>().HasMaxLength(20);
            builder.Property(t => t.GrantAmounts).HasColumnType("numeric(20,6)[]");
            builder.Ignore(t => t.Signed);
            // Costs charges nothing, and finds the few other rows of a busy wallet.
            builder.HasIndex(t => new { t.AccountId, t.Unit, t.Seq }, "ix_transfers_no_charges").HasFilter("kind <> 'Charge'");
            // A few bytes per hundred pages: stretches of time across all accounts.
            builder.HasIndex(t => t.CreatedAt).HasMethod("brin").HasStorageParameter("autosummarize", true).HasStorageParameter("pages_per_range", 32);
        }
    }
}
