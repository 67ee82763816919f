using BillingPortal.Ledger;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;

namespace BillingPortal.Charging;

/// <summary>The admin's switch, for everything or for one action (B8).</summary>
public sealed class EnforcementSetting
{
    /// <summary>The action's or meter's id; empty: everything that has no setting of its own.</summary>
    public string Action { get; init; } = "";
    public EnforcementMode Mode { get; set; }
    public DateTimeOffset ChangedAt { get; set; }

    internal sealed class Table : IEntityTypeConfiguration<EnforcementSetting>
    {
        public void Configure(EntityTypeBuilder<EnforcementSetting> builder)
        {
            builder.ToTable("enforcement_settings");
            builder.HasKey(e => e.Action);
            builder.Property(e => e.Action).HasMaxLength(100);
            builder.Property(e => e.Mode).HasConversion<string>().HasMaxLength(10);
        }
    }
}
