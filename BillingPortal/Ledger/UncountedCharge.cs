using BillingPortal.Primitives;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;

namespace BillingPortal.Ledger;

/// <summary>A charge or refund that stands in no rollup yet: written with it, deleted in the transaction that counts it, so that each is counted exactly once.</summary>
public sealed class UncountedCharge
{
    public AccountId AccountId { get; init; }
    /// <summary>The charge, the refund, or the operation that was both.</summary>
    public Guid ChargeId { get; init; }

    internal sealed class Table : IEntityTypeConfiguration<UncountedCharge>
    {
        public void Configure(EntityTypeBuilder<UncountedCharge> builder)
        {
            builder.ToTable("uncounted_charges");
            builder.HasKey(c => new { c.AccountId, c.ChargeId });
        }
    }
}
