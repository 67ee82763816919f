using BillingPortal.Primitives;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;

namespace BillingPortal.Charging;

public enum ChargeCaseStatus
{
    Open,
    /// <summary>The charge was given back.</summary>
    Accepted,
    Rejected,
}

/// <summary>A customer's "why was I charged?" about one charge, for staff to decide (F3).</summary>
public sealed class ChargeCase
{
    public const string Prefix = "case_";

    public AccountId AccountId { get; init; }
    public Guid Id { get; init; }
    public Guid Charge { get; init; }
    public ChargeCaseStatus Status { get; set; }
    /// <summary>The customer's own words.</summary>
    public string Reason { get; init; } = "";
    public string OpenedBy { get; init; } = "";
    public DateTimeOffset OpenedAt { get; init; }
    /// <summary>What staff answered.</summary>
    public string? Answer { get; set; }
    public string? DecidedBy { get; set; }
    public DateTimeOffset? DecidedAt { get; set; }

    public ChargeId ChargeId => new(AccountId, Charge);
    public string ShownId => Primitives.ShownId.Show(Prefix, Id);

    internal sealed class Table : IEntityTypeConfiguration<ChargeCase>
    {
        public void Configure(EntityTypeBuilder<ChargeCase> builder)
        {
            builder.ToTable("charge_cases");
            builder.HasKey(c => new { c.AccountId, c.Id });
            builder.Property(c => c.Status).HasConversion<string>().HasMaxLength(20);
            builder.Property(c => c.Reason).HasMaxLength(1000);
            builder.Property(c => c.OpenedBy).HasMaxLength(200);
            builder.Property(c => c.Answer).HasMaxLength(1000);
            builder.Property(c => c.DecidedBy).HasMaxLength(200);
            builder.HasIndex(c => new { c.AccountId, c.Charge }).IsUnique();
            builder.HasIndex(c => c.OpenedAt, "ix_charge_cases_open").HasFilter("status = 'Open'");
            builder.Ignore(c => c.ChargeId);
            builder.Ignore(c => c.ShownId);
        }
    }
}
