using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;

namespace BillingPortal.Payments;

/// <summary>Where a received event stands.</summary>
public enum WebhookEventStatus
{
    /// <summary>Stored; to be processed, now or after a failed try.</summary>
    Received,
    Processed,
    /// <summary>Nobody handles this type; kept.</summary>
    Unhandled,
    /// <summary>Given up on: waits for a person and the replay button.</summary>
    Parked,
}

/// <summary>One event as Stripe delivered it: the inbox. Stored once per event id, before the delivery is answered.</summary>
public sealed class WebhookEvent
{
    /// <summary>Stripe's own id, <c>evt_…</c>; what makes repeats harmless.</summary>
    public string Id { get; init; } = "";
    public string Type { get; init; } = "";
    public string? ApiVersion { get; init; }
    public bool Livemode { get; init; }
    /// <summary>Id of the object the event is about, where it has one.</summary>
    public string? ObjectId { get; init; }
    /// <summary>Stripe customer, where the object names one. Events of one customer are processed one at a time.</summary>
    public string? Customer { get; init; }
    /// <summary>The body as received.</summary>
    public string Payload { get; init; } = "";
    /// <summary>When Stripe made it.</summary>
    public DateTimeOffset CreatedAt { get; init; }
    public DateTimeOffset ReceivedAt { get; init; }
    public WebhookEventStatus Status { get; set; }
    public int Attempts { get; set; }
    /// <summary>Attempts at which the handler broke: too many, and it is parked. Waiting for Stripe is none.</summary>
    public int Failures { get; set; }
    /// <summary>Not before this; moved ahead while somebody works on it.</summary>
    public DateTimeOffset NextAttemptAt { get; set; }
    public DateTimeOffset? ProcessedAt { get; set; }
    /// <summary>True: it was never delivered, and was read from Stripe's list or is a hint of our own.</summary>
    public bool Fetched { get; init; }
    /// <summary>What came of it: why it failed, or why it had no effect.</summary>
    public string? Outcome { get; set; }

    internal sealed class Table : IEntityTypeConfiguration<WebhookEvent>
    {
        public void Configure(EntityTypeBuilder<WebhookEvent> builder)
        {
            builder.ToTable("webhook_events");
            builder.HasKey(e => e.Id);
            builder.Property(e => e.Id).HasMaxLength(255);
            builder.Property(e => e.Type).HasMaxLength(255);
            builder.Property(e => e.ApiVersion).HasMaxLength(60);
            builder.Property(e => e.ObjectId).HasMaxLength(255);
            builder.Property(e => e.Customer).HasMaxLength(255);
            builder.Property(e => e.Status).HasConversion<string>().HasMaxLength(20);
            builder.Property(e => e.Outcome).HasMaxLength(1000);
            builder.HasIndex(e => e.NextAttemptAt, "ix_webhook_events_due").HasFilter("status = 'Received'");
            builder.HasIndex(e => new { e.ReceivedAt, e.Id });
            builder.HasIndex(e => e.ObjectId).HasFilter("object_id is not null");
            builder.HasIndex(e => e.ReceivedAt, "ix_webhook_events_fetched").HasFilter("fetched");
        }
    }
}
