using BillingPortal.Catalog;
using BillingPortal.Primitives;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;

namespace BillingPortal.Ledger;

/// <summary>What closes a stretch of overage. A grant into the meter does, since what is granted is not for what was used before.</summary>
public enum OverageEnd { PeriodEnd, PlanChange, Grant }

/// <summary>Use beyond an allowance that a period's end, a change of plan or a grant has closed: how much, and on which terms it was sold. Written with the transfer to the book <see cref="Book.Overage"/>, never changed.</summary>
/// <remarks>Debt that a plan lets pass without selling it, such as a soft cap's grace, leaves none.</remarks>
public sealed class Overage
{
    public AccountId AccountId { get; init; }
    public Unit Meter { get; init; }
    /// <summary>Number of its transfer within the meter's wallet.</summary>
    public long Seq { get; init; }
    public Amount Amount { get; init; }
    public string Plan { get; init; } = "";
    /// <summary>Of <see cref="Per"/>, in <see cref="Currency"/>.</summary>
    public decimal Price { get; init; }
    public int Per { get; init; }
    public Unit Currency { get; init; }
    public DateTimeOffset ClosedAt { get; init; }
    public OverageEnd End { get; init; }

    public OveragePrice Terms => new(Price, Currency, Per);

    internal sealed class Table : IEntityTypeConfiguration<Overage>
    {
        public void Configure(EntityTypeBuilder<Overage> builder)
        {
            builder.ToTable("overages", t => t.HasCheckConstraint("ck_overages_amount", "amount > 0"));
            builder.HasKey(o => new { o.AccountId, o.Meter, o.Seq });
            builder.Property(o => o.Plan).HasMaxLength(60);
            builder.Property(o => o.Price).HasPrecision(20, 6);
            builder.Property(o => o.End).HasConversion<string>().HasMaxLength(20);
            builder.Ignore(o => o.Terms);
        }
    }
}

/// <summary>Says that an account has overage which nobody has reported yet. Several say no more than one.</summary>
public sealed class OverageMark
{
    public AccountId AccountId { get; init; }
    public Guid Id { get; init; }

    internal sealed class Table : IEntityTypeConfiguration<OverageMark>
    {
        public void Configure(EntityTypeBuilder<OverageMark> builder)
        {
            builder.ToTable("overage_marks");
            builder.HasKey(m => new { m.AccountId, m.Id });
        }
    }
}
