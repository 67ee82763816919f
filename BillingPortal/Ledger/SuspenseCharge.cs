using BillingPortal.Primitives;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;

namespace BillingPortal.Ledger;

public enum SuspenseState { Open, Priced, Waived }

/// <summary>A charge for a model that no rate covers, taken without a price: it waits for staff to price or to waive it (F6). Written with the charge.</summary>
public sealed class SuspenseCharge
{
    public AccountId AccountId { get; init; }
    public Guid ChargeId { get; init; }
    public DateTimeOffset CreatedAt { get; init; }
    public string? Provider { get; init; }
    public string Model { get; init; } = "";
    public long Tokens { get; init; }
    public SuspenseState State { get; set; }
    public DateTimeOffset? SettledAt { get; set; }
    /// <summary>Who it was, as the audit log names them.</summary>
    public string? SettledBy { get; set; }
    /// <summary>The charge that its price was taken by.</summary>
    public Guid? PricedBy { get; set; }

    public ChargeId ShownId => new(AccountId, ChargeId);

    internal sealed class Table : IEntityTypeConfiguration<SuspenseCharge>
    {
        public void Configure(EntityTypeBuilder<SuspenseCharge> builder)
        {
            builder.ToTable("suspense_charges");
            builder.HasKey(s => new { s.AccountId, s.ChargeId });
            builder.Property(s => s.State).HasConversion<string>().HasMaxLength(10);
            builder.Property(s => s.SettledBy).HasMaxLength(200);
            builder.Ignore(s => s.ShownId);
            builder.HasIndex(s => s.ChargeId, "ix_suspense_charges_open").HasFilter("state = 'Open'");
        }
    }
}
