using BillingPortal.Primitives;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;

namespace BillingPortal.Gating;

/// <summary>What was asked and answered without anything moving: a check, or a charge that was refused (C5). Like ones within a moment share a row.</summary>
public sealed class CheckRecord
{
    public AccountId AccountId { get; init; }
    public Guid Id { get; init; }
    public DateTimeOffset CreatedAt { get; init; }
    /// <summary><c>check</c>, <c>charge</c>, or <c>observed</c>: let pass with the code that enforcing would have refused with.</summary>
    public string Kind { get; init; } = "check";
    public bool Allowed { get; init; }
    public string? ErrorCode { get; init; }
    /// <summary>Action, meter or unit that was asked for.</summary>
    public string? Subject { get; init; }
    public string? Model { get; init; }
    public string? Member { get; init; }
    public string? Agent { get; init; }
    public string? Run { get; init; }
    public Unit? Unit { get; init; }
    public Amount? Required { get; init; }
    public Amount? Available { get; init; }
    /// <summary>How many were alike.</summary>
    public int Times { get; init; }

    internal sealed class Table : IEntityTypeConfiguration<CheckRecord>
    {
        public void Configure(EntityTypeBuilder<CheckRecord> builder)
        {
            builder.ToTable("checks");
            builder.HasKey(c => new { c.AccountId, c.Id });
            builder.Property(c => c.Kind).HasMaxLength(10);
            builder.Property(c => c.ErrorCode).HasMaxLength(60);
            builder.HasIndex(c => c.CreatedAt);
            // Partial: what was not observed costs nothing here.
            builder.HasIndex(c => c.CreatedAt, "ix_checks_observed").HasFilter("kind = 'observed'");
        }
    }
}
