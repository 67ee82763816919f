using BillingPortal.Primitives;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;

namespace BillingPortal.Purchases;

/// <summary>A payment that the cardholder's bank disputes, as Stripe last showed it, and what that did to the balance.</summary>
public sealed class Dispute
{
    public AccountId AccountId { get; init; }
    /// <summary><c>dp_…</c></summary>
    public string Id { get; init; } = "";
    public string PaymentId { get; init; } = "";
    public Amount Amount { get; init; }
    public Unit Currency { get; init; }
    public string Reason { get; set; } = "";
    /// <summary>Stripe's word: <c>needs_response</c>, <c>under_review</c>, <c>won</c>, <c>lost</c>… An open set.</summary>
    public string Status { get; set; } = "";
    public DateTimeOffset? EvidenceDueBy { get; set; }
    public DateTimeOffset OpenedAt { get; init; }
    public DateTimeOffset? ClosedAt { get; set; }
    /// <summary>The share of the purchase that stands against it; 0 until money was withdrawn.</summary>
    public Amount Owed { get; set; }
    public Amount BonusOwed { get; set; }
    /// <summary>Taken from the wallet for it so far.</summary>
    public Amount DrawnBack { get; set; }
    public Amount BonusDrawnBack { get; set; }
    /// <summary>The account was suspended because of it.</summary>
    public bool HasSuspended { get; set; }

    public bool IsClosed => Status is "won" or "lost" or "warning_closed" or "prevented";

    /// <summary>The bank waits for an answer: evidence is sent once and for all.</summary>
    public bool MayBeAnswered => Status is "needs_response" or "warning_needs_response";

    internal sealed class Table : IEntityTypeConfiguration<Dispute>
    {
        public void Configure(EntityTypeBuilder<Dispute> builder)
        {
            builder.ToTable("disputes");
            builder.HasKey(d => new { d.AccountId, d.Id });
            builder.Property(d => d.Id).HasMaxLength(255);
            builder.Property(d => d.PaymentId).HasMaxLength(255);
            builder.Property(d => d.Reason).HasMaxLength(60);
            builder.Property(d => d.Status).HasMaxLength(40);
            builder.HasIndex(d => d.Id).IsUnique();
            builder.HasIndex(d => d.PaymentId);
            builder.HasIndex(d => d.OpenedAt);
            builder.Ignore(d => d.IsClosed);
            builder.Ignore(d => d.MayBeAnswered);
        }
    }
}
