using BillingPortal.Primitives;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;

namespace BillingPortal.Purchases;

/// <summary>A payment that bought credits or money: what was paid, what it put in, and what was taken back of it. Written in the transaction of its grant; changed under its row's lock.</summary>
public sealed class Payment
{
    public AccountId AccountId { get; init; }
    /// <summary>The PaymentIntent, <c>pi_…</c></summary>
    public string Id { get; init; } = "";
    public DateTimeOffset PaidAt { get; init; }
    /// <summary>What was bought: a pack's id, <c>reserve</c>.</summary>
    public string Bought { get; init; } = "";
    /// <summary>True: by the account's auto top-up, and not at a checkout.</summary>
    public bool IsAutomatic { get; init; }
    /// <summary>What its grants name as where they came from.</summary>
    public string Reference { get; init; } = "";
    /// <summary>In <see cref="Currency"/>, tax included, discounts taken off.</summary>
    public Amount Paid { get; init; }
    public Unit Currency { get; init; }
    /// <summary>Unit of <see cref="Granted"/> and <see cref="Bonus"/>.</summary>
    public Unit Unit { get; init; }
    public Amount Granted { get; init; }
    public Amount Bonus { get; init; }
    /// <summary>Money that went back or is on its way, in <see cref="Currency"/>.</summary>
    public Amount Refunded { get; set; }
    /// <summary>Taken back of <see cref="Granted"/>, by refunds and disputes.</summary>
    public Amount DrawnBack { get; set; }
    /// <summary>Taken back of <see cref="Bonus"/>.</summary>
    public Amount BonusDrawnBack { get; set; }

    internal sealed class Table : IEntityTypeConfiguration<Payment>
    {
        public void Configure(EntityTypeBuilder<Payment> builder)
        {
            builder.ToTable("payments", t => t.HasCheckConstraint("ck_payments_drawn_back", "paid > 0 and drawn_back between 0 and granted and bonus_drawn_back between 0 and bonus and refunded between 0 and paid"));
            builder.HasKey(p => new { p.AccountId, p.Id });
            builder.Property(p => p.Id).HasMaxLength(255);
            builder.Property(p => p.Bought).HasMaxLength(60);
            builder.Property(p => p.Reference).HasMaxLength(255);
            builder.HasIndex(p => p.Id).IsUnique();
            builder.HasIndex(p => new { p.PaidAt, p.Id });
        }
    }
}
