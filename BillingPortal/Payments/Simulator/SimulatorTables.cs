using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;

namespace BillingPortal.Payments.Simulator;

/// <summary>One simulated Stripe object, as JSON. Fields that start with <c>_</c> are the simulator's own and are never answered.</summary>
internal sealed class SimulatorObject
{
    public string Id { get; init; } = "";
    /// <summary>Stripe's <c>object</c>: <c>customer</c>, <c>checkout.session</c>…</summary>
    public string Type { get; init; } = "";
    /// <summary>Order of making; lists are newest first.</summary>
    public long Seq { get; init; }
    public string? Customer { get; init; }
    public string Body { get; init; } = "";

    internal sealed class Table : IEntityTypeConfiguration<SimulatorObject>
    {
        public void Configure(EntityTypeBuilder<SimulatorObject> builder)
        {
            builder.ToTable("simulator_objects");
            builder.HasKey(o => o.Id);
            builder.Property(o => o.Id).HasMaxLength(255);
            builder.Property(o => o.Type).HasMaxLength(60);
            builder.Property(o => o.Customer).HasMaxLength(255);
            builder.Property(o => o.Seq).UseIdentityAlwaysColumn();
            builder.Property(o => o.Body).HasColumnType("jsonb");
            builder.HasIndex(o => new { o.Type, o.Seq });
            builder.HasIndex(o => new { o.Customer, o.Type });
        }
    }
}

/// <summary>What was answered to an idempotency key.</summary>
internal sealed class SimulatorRequest
{
    public string Key { get; init; } = "";
    /// <summary>Hash over method, path and parameters.</summary>
    public byte[] Digest { get; init; } = [];
    public int Status { get; init; }
    public string Body { get; init; } = "";
    public DateTimeOffset CreatedAt { get; init; }

    internal sealed class Table : IEntityTypeConfiguration<SimulatorRequest>
    {
        public void Configure(EntityTypeBuilder<SimulatorRequest> builder)
        {
            builder.ToTable("simulator_requests");
            builder.HasKey(r => r.Key);
            builder.Property(r => r.Key).HasMaxLength(255);
        }
    }
}

/// <summary>An event that is to be posted to the portal's webhook endpoint.</summary>
internal sealed class SimulatorDelivery
{
    public string EventId { get; init; } = "";
    public long Seq { get; init; }
    public int Attempts { get; init; }
    /// <summary>Null: delivered, or given up.</summary>
    public DateTimeOffset? NextAttemptAt { get; init; }
    /// <summary>The endpoint's last answer; 0 for none.</summary>
    public int? LastStatus { get; init; }

    internal sealed class Table : IEntityTypeConfiguration<SimulatorDelivery>
    {
        public void Configure(EntityTypeBuilder<SimulatorDelivery> builder)
        {
            builder.ToTable("simulator_deliveries");
            builder.HasKey(d => d.EventId);
            builder.Property(d => d.EventId).HasMaxLength(255);
            builder.Property(d => d.Seq).UseIdentityAlwaysColumn();
            builder.HasIndex(d => d.NextAttemptAt, "ix_simulator_deliveries_due").HasFilter("next_attempt_at is not null");
        }
    }
}
