using BillingPortal.Primitives;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;

namespace BillingPortal.Ledger;

/// <summary>What limits: an account's holding of one unit. Always: balance = Σ grants' remaining − debt; available = balance − held.</summary>
public sealed class Wallet
{
    public AccountId AccountId { get; init; }
    public Unit Unit { get; init; }
    public Amount Balance { get; set; }
    /// <summary>Reserved by open holds on named grants.</summary>
    public Amount Held { get; set; }
    /// <summary>Depth below zero; above zero only when nothing unreserved remains.</summary>
    public Amount Debt { get; set; }
    /// <summary>What this period's use has taken: of a meter, all that its own wallet paid or counted without limit; of credits and money, what came out of the plan's grants.</summary>
    public Amount UsedInPeriod { get; set; }
    /// <summary>Number of the last transfer; transfers are numbered 1, 2, 3… without gaps.</summary>
    public long Seq { get; set; }
    /// <summary>Hash of the last transfer; 32 zero bytes before the first.</summary>
    public byte[] LastHash { get; set; } = new byte[32];

    public Amount Available => Balance - Held;
    /// <summary>It has no row yet.</summary>
    internal bool IsNew { get; init; }

    internal sealed class Table : IEntityTypeConfiguration<Wallet>
    {
        public void Configure(EntityTypeBuilder<Wallet> builder)
        {
            builder.ToTable("wallets", t =>
            {
                t.HasCheckConstraint("ck_wallets_held", "held >= 0");
                t.HasCheckConstraint("ck_wallets_debt", "debt >= 0");
                t.HasCheckConstraint("ck_wallets_last_hash", "octet_length(last_hash) = 32");
            });
            // Room beside each row, so that changing it makes no new index entries (HOT).
            builder.HasStorageParameter("fillfactor", 50);
            builder.HasKey(w => new { w.AccountId, w.Unit });
            builder.Property(w => w.UsedInPeriod).HasDefaultValueSql("0");
            builder.Ignore(w => w.Available);
            builder.Ignore(w => w.IsNew);
        }
    }
}
