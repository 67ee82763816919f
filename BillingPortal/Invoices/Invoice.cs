using BillingPortal.Primitives;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;

namespace BillingPortal.Invoices;

/// <summary>A line of an invoice as it is kept.</summary>
/// <param name="Product">Stripe's id of what is billed; null: an amount by itself.</param>
/// <param name="Report">Identifier of the report of use that it bills; null: of none.</param>
public sealed record BilledLine(string Id, string? Description, Amount Amount, decimal? Quantity, DateTimeOffset? Start, DateTimeOffset? End, string? Product, string? Report);

/// <summary>An invoice as Stripe last showed it: a mirror for lists. Links expire at Stripe, so they are read afresh and not kept.</summary>
public sealed class Invoice
{
    public AccountId AccountId { get; init; }
    /// <summary><c>in_…</c></summary>
    public string Id { get; init; } = "";
    /// <summary>Null until finalized.</summary>
    public string? Number { get; set; }
    /// <summary>Stripe's word: <c>draft</c>, <c>open</c>, <c>paid</c>, <c>uncollectible</c>, <c>void</c>.</summary>
    public string Status { get; set; } = "";
    public string? SubscriptionId { get; set; }
    /// <summary>Why it was made, in Stripe's words: <c>subscription_create</c>, <c>subscription_cycle</c>, <c>subscription_update</c>, <c>manual</c>…</summary>
    public string? BillingReason { get; set; }
    public Unit Currency { get; set; }
    public Amount Subtotal { get; set; }
    /// <summary>Tax included.</summary>
    public Amount Total { get; set; }
    public Amount Tax { get; set; }
    public Amount AmountPaid { get; set; }
    public Amount AmountRemaining { get; set; }
    public int AttemptCount { get; set; }
    public DateTimeOffset? NextPaymentAttempt { get; set; }
    /// <summary>What the lines serve, from the earliest to the latest.</summary>
    public DateTimeOffset? PeriodStart { get; set; }
    public DateTimeOffset? PeriodEnd { get; set; }
    public DateTimeOffset CreatedAt { get; set; }
    public DateTimeOffset? PaidAt { get; set; }
    public DateTimeOffset UpdatedAt { get; set; }
    /// <summary>JSON: what it bills, see <see cref="BilledLine"/>; null: taken over before lines were kept.</summary>
    public string? Lines { get; set; }

    internal sealed class Table : IEntityTypeConfiguration<Invoice>
    {
        public void Configure(EntityTypeBuilder<Invoice> builder)
        {
            builder.ToTable("invoices");
            builder.HasKey(i => new { i.AccountId, i.Id });
            builder.Property(i => i.Id).HasMaxLength(255);
            builder.Property(i => i.Lines).HasColumnType("jsonb");
            builder.Property(i => i.Number).HasMaxLength(100);
            builder.Property(i => i.Status).HasMaxLength(40);
            builder.Property(i => i.SubscriptionId).HasMaxLength(255);
            builder.Property(i => i.BillingReason).HasMaxLength(60);
            builder.HasIndex(i => new { i.AccountId, i.CreatedAt });
            builder.HasIndex(i => i.CreatedAt);
        }
    }
}
