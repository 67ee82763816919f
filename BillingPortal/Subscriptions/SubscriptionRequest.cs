using BillingPortal.Primitives;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;

namespace BillingPortal.Subscriptions;

/// <summary>A change that somebody asked for, written down before Stripe is asked: its id is in the idempotency key, so that asking again changes nothing twice.</summary>
public sealed class SubscriptionRequest
{
    public AccountId AccountId { get; init; }
    public Guid Id { get; init; }
    /// <summary><c>start</c>, <c>change</c>, <c>cancel</c>, <c>cancel_now</c>, <c>resume</c>.</summary>
    public string Kind { get; init; } = "";
    public string? Plan { get; init; }
    public string? Interval { get; init; }
    public string Actor { get; init; } = "";
    public DateTimeOffset CreatedAt { get; init; }
    /// <summary><c>done</c>, or why not; null while unknown: the events tell.</summary>
    public string? Outcome { get; set; }

    internal string StripeKey => $"subscription-request:{Id:N}";

    internal sealed class Table : IEntityTypeConfiguration<SubscriptionRequest>
    {
        public void Configure(EntityTypeBuilder<SubscriptionRequest> builder)
        {
            builder.ToTable("subscription_requests");
            builder.HasKey(r => new { r.AccountId, r.Id });
            builder.Property(r => r.Kind).HasMaxLength(20);
            builder.Property(r => r.Plan).HasMaxLength(60);
            builder.Property(r => r.Interval).HasMaxLength(10);
            builder.Property(r => r.Actor).HasMaxLength(200);
            builder.Property(r => r.Outcome).HasMaxLength(1000);
            builder.Ignore(r => r.StripeKey);
        }
    }
}
