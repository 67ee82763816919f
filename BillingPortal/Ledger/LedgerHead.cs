using BillingPortal.Catalog;
using BillingPortal.Primitives;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;

namespace BillingPortal.Ledger;

public enum AccountStatus { Active, PastDue, Suspended, Closed }

/// <summary>The one row that is locked before anything of an account's ledger is touched. It carries what decisions need, so that a decision under the lock is never stale.</summary>
public sealed class LedgerHead
{
    public AccountId AccountId { get; init; }
    /// <summary>Plan id of the catalog.</summary>
    public string Plan { get; set; } = "";
    public AccountStatus Status { get; set; } = AccountStatus.Active;
    /// <summary>End of the access that a failed payment leaves, where one failed.</summary>
    public DateTimeOffset? GraceUntil { get; set; }
    /// <summary>Null: the plan's.</summary>
    public LowBalancePolicy? LowBalancePolicy { get; set; }
    public Amount? OverdraftLimit { get; set; }
    /// <summary>Fixed by the first money transfer (DESIGN §7.21).</summary>
    public Unit? Currency { get; set; }
    public DateTimeOffset PeriodAnchor { get; set; }
    public DateTimeOffset PeriodStart { get; set; }
    public DateTimeOffset PeriodEnd { get; set; }
    /// <summary>The account's own clock: never goes back (DESIGN §2).</summary>
    public DateTimeOffset AdvancedAt { get; set; }
    /// <summary>Uses ever charged.</summary>
    public long TotalUses { get; set; }
    /// <summary>JSON: plan, prices, allowances, features of this customer alone; null: none.</summary>
    public string? Overrides { get; set; }
    /// <summary>There are budgets to be read before anything is decided.</summary>
    public bool HasBudgets { get; set; }
    /// <summary>There are meters that stand at a level, to be rated when a period closes.</summary>
    public bool HasLevels { get; set; }

    internal sealed class Table : IEntityTypeConfiguration<LedgerHead>
    {
        public void Configure(EntityTypeBuilder<LedgerHead> builder)
        {
            builder.ToTable("ledger_heads");
            // Room beside each row, so that changing it makes no new index entries (HOT).
            builder.HasStorageParameter("fillfactor", 50);
            builder.HasKey(h => h.AccountId);
            builder.Property(h => h.Plan).HasMaxLength(60);
            builder.Property(h => h.Status).HasConversion<string>().HasMaxLength(20);
            builder.Property(h => h.LowBalancePolicy).HasConversion<string>().HasMaxLength(20);
            builder.Property(h => h.Overrides).HasColumnType("jsonb");
            builder.Property(h => h.HasBudgets).HasDefaultValue(false);
            builder.Property(h => h.HasLevels).HasDefaultValue(false);
            builder.HasIndex(h => h.PeriodEnd);
        }
    }
}
