using BillingPortal.Primitives;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;

namespace BillingPortal.Audit;

/// <summary>One act of a person or key: who, what, to what, before, after, from where. Never changed, never deleted.</summary>
public sealed class AuditEntry
{
    /// <summary>uuid v7: sorts by time.</summary>
    public Guid Id { get; init; } = Guid.CreateVersion7();
    /// <summary>The customer it concerns; null for what concerns all.</summary>
    public AccountId? AccountId { get; init; }
    public DateTimeOffset At { get; init; }
    /// <summary>Who, without secrets: <c>key:Backend</c>, <c>user:018f…</c>, <c>job:advance_accounts</c>.</summary>
    public required string Actor { get; init; }
    /// <summary>What was done, noun and verb: <c>grant.made</c>, <c>api_key.revoked</c>.</summary>
    public required string Action { get; init; }
    /// <summary>What it was done to: an id or name.</summary>
    public required string Subject { get; init; }
    /// <summary>JSON; null where there was nothing.</summary>
    public string? Before { get; init; }
    /// <summary>JSON; null where nothing is left.</summary>
    public string? After { get; init; }
    /// <summary>Why, where the act demands a reason.</summary>
    public string? Reason { get; init; }
    /// <summary>Address of the caller; null for commands and jobs.</summary>
    public string? Address { get; init; }
    public string? RequestId { get; init; }

    internal sealed class Table : IEntityTypeConfiguration<AuditEntry>
    {
        public void Configure(EntityTypeBuilder<AuditEntry> builder)
        {
            builder.ToTable("audit_entries");
            builder.HasKey(e => e.Id);
            builder.Property(e => e.Id).ValueGeneratedNever();
            builder.Property(e => e.Actor).HasMaxLength(200);
            builder.Property(e => e.Action).HasMaxLength(60);
            builder.Property(e => e.Subject).HasMaxLength(300);
            builder.Property(e => e.Before).HasColumnType("jsonb");
            builder.Property(e => e.After).HasColumnType("jsonb");
            builder.Property(e => e.Reason).HasMaxLength(500);
            builder.Property(e => e.Address).HasMaxLength(64);
            builder.Property(e => e.RequestId).HasMaxLength(128);
            builder.HasIndex(e => new { e.AccountId, e.Id });
            builder.HasIndex(e => new { e.Action, e.Id });
        }
    }
}
