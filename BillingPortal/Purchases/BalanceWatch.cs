using BillingPortal.Primitives;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;

namespace BillingPortal.Purchases;

/// <summary>What an account wants done when its balance runs low (D8): a notice, an auto top-up, both or neither.</summary>
public sealed class BalanceWatch
{
    public AccountId AccountId { get; init; }
    /// <summary>The wallet that is watched: <c>credit</c>, or the money reserve's currency.</summary>
    public Unit Unit { get; set; }
    /// <summary>A notice goes out once when what is available falls below; null: none.</summary>
    public Amount? NotifyBelow { get; set; }
    /// <summary>When it fell below and the notice went out; null while it is above.</summary>
    public DateTimeOffset? NotifiedAt { get; set; }
    /// <summary>Top up by itself.</summary>
    public bool TopsUp { get; set; }
    /// <summary>When what is available falls below.</summary>
    public Amount Threshold { get; set; }
    /// <summary>The pack that is bought; null: <see cref="TopUpAmount"/> of money.</summary>
    public string? Pack { get; set; }
    public Amount? TopUpAmount { get; set; }
    /// <summary>At most so much in a calendar month, in the currency paid in; null: no limit.</summary>
    public Amount? MonthlyLimit { get; set; }
    /// <summary>Counts the dips that brought a payment. The next one's number is in its idempotency key.</summary>
    public int Dips { get; set; }
    /// <summary>Since when nothing is tried any more, until the customer acts.</summary>
    public DateTimeOffset? StoppedAt { get; set; }
    /// <summary>For the customer.</summary>
    public string? StopReason { get; set; }
    public DateTimeOffset UpdatedAt { get; set; }

    internal sealed class Table : IEntityTypeConfiguration<BalanceWatch>
    {
        public void Configure(EntityTypeBuilder<BalanceWatch> builder)
        {
            builder.ToTable("balance_watches", t => t.HasCheckConstraint("ck_balance_watches_top_up", "not tops_up or (pack is null) <> (top_up_amount is null)"));
            builder.HasKey(w => w.AccountId);
            builder.Property(w => w.Pack).HasMaxLength(60);
            builder.Property(w => w.StopReason).HasMaxLength(500);
            builder.HasIndex(w => w.AccountId, "ix_balance_watches_on").HasFilter("notify_below is not null or (tops_up and stopped_at is null)");
        }
    }
}
