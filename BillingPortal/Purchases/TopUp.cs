using BillingPortal.Primitives;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;

namespace BillingPortal.Purchases;

public enum TopUpStatus
{
    /// <summary>Written down and, perhaps, sent: what became of it is not known yet.</summary>
    Sent,
    /// <summary>The money is on its way (delayed payment methods).</summary>
    Processing,
    /// <summary>Paid and granted.</summary>
    Succeeded,
    Declined,
    /// <summary>It never reached Stripe, and is not tried again.</summary>
    Abandoned,
}

/// <summary>One automatic payment for one dip of the balance: all of it frozen before Stripe is asked, so that asking again asks the same.</summary>
public sealed class TopUp
{
    public const string Prefix = "top_";

    public AccountId AccountId { get; init; }
    /// <summary>1, 2, 3… for the account.</summary>
    public int Dip { get; init; }
    public Guid Id { get; init; }
    public TopUpStatus Status { get; set; }
    public Amount Price { get; init; }
    public Unit Currency { get; init; }
    public Unit Unit { get; init; }
    public Amount Granted { get; init; }
    public Amount Bonus { get; init; }
    public int? ExpiresAfterDays { get; init; }
    /// <summary>Null: money.</summary>
    public string? Pack { get; init; }
    public string CustomerId { get; init; } = "";
    public string PaymentMethodId { get; init; } = "";
    /// <summary><c>pi_…</c>; null until Stripe has answered.</summary>
    public string? PaymentId { get; set; }
    public DateTimeOffset CreatedAt { get; init; }
    public int Attempts { get; set; }
    public DateTimeOffset NextTryAt { get; set; }
    public DateTimeOffset? SettledAt { get; set; }
    public string? Outcome { get; set; }

    public string ShownId => Primitives.ShownId.Show(Prefix, Id);
    /// <summary>Derived from the dip, the same for whoever sends it and however often.</summary>
    internal string StripeKey => $"top-up:{AccountId.Value:N}:{Dip.ToString(System.Globalization.CultureInfo.InvariantCulture)}";

    internal sealed class Table : IEntityTypeConfiguration<TopUp>
    {
        public void Configure(EntityTypeBuilder<TopUp> builder)
        {
            builder.ToTable("top_ups", t => t.HasCheckConstraint("ck_top_ups_price", "price > 0 and granted > 0 and bonus >= 0"));
            builder.HasKey(t => new { t.AccountId, t.Dip });
            builder.Property(t => t.Status).HasConversion<string>().HasMaxLength(20);
            builder.Property(t => t.Pack).HasMaxLength(60);
            builder.Property(t => t.CustomerId).HasMaxLength(255);
            builder.Property(t => t.PaymentMethodId).HasMaxLength(255);
            builder.Property(t => t.PaymentId).HasMaxLength(255);
            builder.Property(t => t.Outcome).HasMaxLength(1000);
            builder.HasIndex(t => t.Id).IsUnique();
            // One at a time for each account, whoever looks.
            builder.HasIndex(t => t.AccountId, "ux_top_ups_open").IsUnique().HasFilter("status in ('Sent', 'Processing')");
            builder.HasIndex(t => t.NextTryAt, "ix_top_ups_open").HasFilter("status in ('Sent', 'Processing')");
            builder.Ignore(t => t.ShownId);
            builder.Ignore(t => t.StripeKey);
        }
    }
}
