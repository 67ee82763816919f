using BillingPortal.Primitives;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;

namespace BillingPortal.Purchases;

public enum RefundStatus
{
    /// <summary>Written down; what Stripe made of it is not known yet.</summary>
    Requested,
    /// <summary>On its way to the customer.</summary>
    Pending,
    Succeeded,
    /// <summary>The money came back to us; what was drawn back was returned.</summary>
    Failed,
    Canceled,
    /// <summary>Stripe did not take it: nothing moved.</summary>
    Refused,
}

/// <summary>Money given back, whether it was asked for here or at Stripe. Its id is in the idempotency key, and stands before Stripe is asked.</summary>
public sealed class Refund
{
    public const string Prefix = "rfd_";

    public AccountId AccountId { get; init; }
    public Guid Id { get; init; }
    /// <summary>The PaymentIntent; also one of a subscription's invoice, which bought no grant.</summary>
    public string PaymentId { get; init; } = "";
    /// <summary><c>re_…</c>; null until Stripe has answered.</summary>
    public string? StripeId { get; set; }
    public RefundStatus Status { get; set; }
    public Amount Amount { get; init; }
    public Unit Currency { get; init; }
    /// <summary>What was taken from the wallet for it, in the payment's unit.</summary>
    public Amount DrawnBack { get; set; }
    public Amount BonusDrawnBack { get; set; }
    /// <summary>Who asked: <c>stripe</c>, or the caller as the audit log names them.</summary>
    public string Actor { get; init; } = "";
    public string? Reason { get; init; }
    /// <summary>The caller's own key, where it was asked for here.</summary>
    public string? ClientKey { get; init; }
    public DateTimeOffset CreatedAt { get; init; }
    /// <summary>Why it failed or was refused.</summary>
    public string? Outcome { get; set; }

    public string ShownId => Primitives.ShownId.Show(Prefix, Id);
    internal string StripeKey => $"refund:{Id:N}";

    internal sealed class Table : IEntityTypeConfiguration<Refund>
    {
        public void Configure(EntityTypeBuilder<Refund> builder)
        {
            builder.ToTable("refunds", t => t.HasCheckConstraint("ck_refunds_amount", "amount > 0"));
            builder.HasKey(r => new { r.AccountId, r.Id });
            builder.Property(r => r.PaymentId).HasMaxLength(255);
            builder.Property(r => r.StripeId).HasMaxLength(255);
            builder.Property(r => r.Status).HasConversion<string>().HasMaxLength(20);
            builder.Property(r => r.Actor).HasMaxLength(200);
            builder.Property(r => r.Reason).HasMaxLength(500);
            builder.Property(r => r.ClientKey).HasMaxLength(IdempotencyKey.MaxLength);
            builder.Property(r => r.Outcome).HasMaxLength(1000);
            builder.HasIndex(r => r.StripeId).IsUnique().HasFilter("stripe_id is not null");
            builder.HasIndex(r => new { r.AccountId, r.ClientKey }).IsUnique().HasFilter("client_key is not null");
            builder.HasIndex(r => r.PaymentId);
            builder.HasIndex(r => r.CreatedAt, "ix_refunds_requested").HasFilter("status = 'Requested'");
            builder.Ignore(r => r.ShownId);
            builder.Ignore(r => r.StripeKey);
        }
    }
}
