using BillingPortal.Primitives;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;

namespace BillingPortal.Ledger;

/// <summary>An operation that took effect: the row that makes a key work at most once, for ever. Written by the ledger's writer only; append-only.</summary>
public sealed class RecordedOperation
{
    public AccountId AccountId { get; init; }
    public Origin Origin { get; init; }
    public string Key { get; init; } = "";
    /// <summary>Also the id of the charge or refund that it made.</summary>
    public Guid Id { get; init; }
    public string Kind { get; init; } = "";
    /// <summary>SHA-256 over kind and bound values; the same key with another hash is a conflict.</summary>
    public byte[] BodyHash { get; init; } = [];
    /// <summary>The transfers that it appended, as <c>unit:seq</c> with spaces between, oldest first: a repeat reads them back.</summary>
    public string Moved { get; init; } = "";
    public DateTimeOffset CreatedAt { get; init; }

    internal sealed class Table : IEntityTypeConfiguration<RecordedOperation>
    {
        public void Configure(EntityTypeBuilder<RecordedOperation> builder)
        {
            builder.ToTable("operations", t => t.HasCheckConstraint("ck_operations_body_hash", "octet_length(body_hash) = 32"));
            builder.HasKey(o => new { o.AccountId, o.Origin, o.Key });
            builder.Property(o => o.Origin).HasConversion<string>().HasMaxLength(10);
            builder.Property(o => o.Key).HasMaxLength(IdempotencyKey.MaxLength).UseCollation("C");
            builder.Property(o => o.Kind).HasMaxLength(30);
        }
    }
}

/// <summary>Personal text of an operation (reason, metadata): erasable, while its salted digest in the ledger stays.</summary>
public sealed class OperationDetails
{
    public AccountId AccountId { get; init; }
    public Guid OperationId { get; init; }
    /// <summary>Random; without it the digest in the ledger tells nothing of the text.</summary>
    public byte[] Salt { get; init; } = [];
    /// <summary>JSON as it was digested, byte for byte (so no jsonb, which would rewrite it).</summary>
    public string Details { get; init; } = "";

    internal sealed class Table : IEntityTypeConfiguration<OperationDetails>
    {
        public void Configure(EntityTypeBuilder<OperationDetails> builder)
        {
            builder.ToTable("operation_details");
            builder.HasKey(d => new { d.AccountId, d.OperationId });
        }
    }
}
