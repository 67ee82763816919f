using BillingPortal.Primitives;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;

namespace BillingPortal.Ledger;

/// <summary>Where a grant's value came from. Priority of burning is the grant's own.</summary>
public enum GrantSource { Purchase, Bonus, Plan, Free, Promotional, Adjustment, Refund, Rollover }

/// <summary>What entitles: value put into a wallet. Burned by priority, then earliest expiry, then age.</summary>
public sealed class Grant
{
    public AccountId AccountId { get; init; }
    public GrantId Id { get; init; }
    public Unit Unit { get; init; }
    public GrantSource Source { get; init; }
    /// <summary>What was put in, after any debt it repaid.</summary>
    public Amount Amount { get; init; }
    /// <summary>What is left, reserved parts included.</summary>
    public Amount Remaining { get; set; }
    /// <summary>The part of <see cref="Remaining"/> that open holds have reserved; expiry takes only what is not reserved.</summary>
    public Amount Reserved { get; set; }
    /// <summary>Something remains. A column of its own, so that drawing on a grant leaves every index alone (HOT updates).</summary>
    public bool IsOpen { get; set; } = true;
    /// <summary>Lower burns first.</summary>
    public int Priority { get; init; }
    public DateTimeOffset EffectiveAt { get; init; }
    /// <summary>Null: never. Moved only when a change of plan ends an allowance that holds have reserved.</summary>
    public DateTimeOffset? ExpiresAt { get; internal set; }
    public DateTimeOffset CreatedAt { get; init; }
    /// <summary>What it came from: a checkout session, a plan's period, a charge that was refunded. No personal text.</summary>
    public string? Reference { get; init; }

    internal sealed class Table : IEntityTypeConfiguration<Grant>
    {
        public void Configure(EntityTypeBuilder<Grant> builder)
        {
            builder.ToTable("grants", t =>
            {
                t.HasCheckConstraint("ck_grants_remaining", "amount >= remaining and remaining >= reserved and reserved >= 0");
                t.HasCheckConstraint("ck_grants_is_open", "is_open = (remaining > 0)");
            });
            builder.HasKey(g => new { g.AccountId, g.Id });
            builder.Property(g => g.Source).HasConversion<string>().HasMaxLength(20);
            builder.Property(g => g.Reference).HasMaxLength(255);
            // Room beside each row, so that changing it makes no new index entries (HOT).
            builder.HasStorageParameter("fillfactor", 50);
            builder.HasIndex(g => g.AccountId, "ix_grants_open").HasFilter("is_open");
            builder.HasIndex(g => g.ExpiresAt, "ix_grants_expiring").HasFilter("is_open and expires_at is not null");
        }
    }
}
