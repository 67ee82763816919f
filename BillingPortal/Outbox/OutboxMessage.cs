using BillingPortal.Primitives;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;

namespace BillingPortal.Outbox;

/// <summary>How far a message has come. <see cref="Dead"/>: given up, waiting for a person.</summary>
public enum OutboxState { Waiting, Sent, Dead }

/// <summary>Something that must leave the house after a commit. Written in the transaction that causes it; sent at least once.</summary>
public sealed class OutboxMessage
{
    public Guid Id { get; init; } = Guid.CreateVersion7();
    public AccountId? AccountId { get; init; }
    /// <summary>Which <see cref="IDelivery"/> takes it: <c>mail</c>.</summary>
    public required string Kind { get; init; }
    /// <summary>Where to: an e-mail address.</summary>
    public required string Recipient { get; init; }
    public required string Subject { get; init; }
    public required string Body { get; init; }
    /// <summary>The same key is written once, however often its cause is repeated: <c>receipt:cs_…</c>.</summary>
    public required string Key { get; init; }
    public OutboxState State { get; set; }
    public int Attempts { get; set; }
    public DateTimeOffset CreatedAt { get; init; }
    public DateTimeOffset DueAt { get; set; }
    public DateTimeOffset? SentAt { get; set; }
    /// <summary>Why the last attempt failed.</summary>
    public string? LastError { get; set; }

    internal sealed class Table : IEntityTypeConfiguration<OutboxMessage>
    {
        public void Configure(EntityTypeBuilder<OutboxMessage> builder)
        {
            builder.ToTable("outbox_messages");
            builder.HasKey(m => m.Id);
            builder.Property(m => m.Id).ValueGeneratedNever();
            builder.Property(m => m.Kind).HasMaxLength(20);
            builder.Property(m => m.Recipient).HasMaxLength(320);
            builder.Property(m => m.Subject).HasMaxLength(300);
            builder.Property(m => m.Key).HasMaxLength(255);
            builder.Property(m => m.State).HasConversion<string>().HasMaxLength(20);
            builder.Property(m => m.LastError).HasMaxLength(500);
            builder.HasIndex(m => m.Key).IsUnique();
            builder.HasIndex(m => m.DueAt, "ix_outbox_messages_due").HasFilter("state = 'Waiting'");
        }
    }
}
