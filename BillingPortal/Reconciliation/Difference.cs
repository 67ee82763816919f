using BillingPortal.Primitives;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;

namespace BillingPortal.Reconciliation;

public enum DifferenceKind
{
    /// <summary>Paid at Stripe, and nothing was granted here.</summary>
    PaymentNotGranted,
    /// <summary>Paid at Stripe under this portal's mark, and no such order is known here.</summary>
    PaymentUnknown,
    /// <summary>Granted here as bought, and Stripe knows no payment for it.</summary>
    GrantNotPaid,
    /// <summary>The subscription stands differently here.</summary>
    SubscriptionDiffers,
    /// <summary>Gives access here, and Stripe does not have it.</summary>
    SubscriptionGone,
    /// <summary>The invoice stands differently here.</summary>
    InvoiceDiffers,
    /// <summary>Money went back at Stripe, and what it had bought was not taken back here.</summary>
    RefundDiffers,
    /// <summary>A dispute stands differently here.</summary>
    DisputeDiffers,
    /// <summary>Stripe counted another quantity of a meter than was sent.</summary>
    MeterDiffers,
}

public enum DifferenceStatus
{
    Open,
    /// <summary>Somebody pressed the button, and it took effect; the next comparison proves it.</summary>
    Mended,
    /// <summary>The last comparison did not find it any more.</summary>
    Gone,
}

/// <summary>How a difference is mended. All are idempotent: pressed twice, they act once.</summary>
public enum Mend
{
    /// <summary>By a person, as the explanation says.</summary>
    ByHand,
    /// <summary>The object is read afresh from Stripe, as after its event, and taken over.</summary>
    TakeOver,
    /// <summary>The subscription is ended here.</summary>
    EndSubscription,
    /// <summary>What was granted is taken back.</summary>
    TakeBack,
    /// <summary>Reports that Stripe has not counted are sent again.</summary>
    SendAgain,
}

/// <summary>One thing that Stripe and the ledger say differently: what each says, why it may be, and how to mend it.</summary>
public sealed class Difference
{
    public const string Prefix = "diff_";

    public Guid Id { get; init; }
    /// <summary>Whose it is, where that is known.</summary>
    public AccountId? AccountId { get; set; }
    public DifferenceKind Kind { get; init; }
    /// <summary>Stripe's object, e.g. <c>cs_…</c>; with the kind it names the difference.</summary>
    public string ObjectId { get; init; } = "";
    public string AtStripe { get; set; } = "";
    public string Here { get; set; } = "";
    /// <summary>Why it is so, as far as the inbox tells.</summary>
    public string Explanation { get; set; } = "";
    public Mend Mend { get; set; }
    /// <summary>For <see cref="Mend.TakeOver"/>: the type of event that brings the object over.</summary>
    public string? EventType { get; set; }
    public string? Customer { get; set; }
    public DifferenceStatus Status { get; set; }
    public DateTimeOffset FoundAt { get; init; }
    public DateTimeOffset SeenAt { get; set; }
    public DateTimeOffset? MendedAt { get; set; }
    public string? MendedBy { get; set; }
    /// <summary>What came of mending, where it did not help.</summary>
    public string? Outcome { get; set; }

    public string ShownId => Primitives.ShownId.Show(Prefix, Id);

    internal sealed class Table : IEntityTypeConfiguration<Difference>
    {
        public void Configure(EntityTypeBuilder<Difference> builder)
        {
            builder.ToTable("reconciliation_differences");
            builder.HasKey(d => d.Id);
            builder.Property(d => d.Id).ValueGeneratedNever();
            builder.Property(d => d.Kind).HasConversion<string>().HasMaxLength(30);
            builder.Property(d => d.ObjectId).HasMaxLength(255);
            builder.Property(d => d.AtStripe).HasMaxLength(500);
            builder.Property(d => d.Here).HasMaxLength(500);
            builder.Property(d => d.Explanation).HasMaxLength(1500);
            builder.Property(d => d.Mend).HasConversion<string>().HasMaxLength(20);
            builder.Property(d => d.EventType).HasMaxLength(100);
            builder.Property(d => d.Customer).HasMaxLength(255);
            builder.Property(d => d.Status).HasConversion<string>().HasMaxLength(10);
            builder.Property(d => d.MendedBy).HasMaxLength(200);
            builder.Property(d => d.Outcome).HasMaxLength(1000);
            builder.HasIndex(d => new { d.Kind, d.ObjectId }).IsUnique();
            builder.HasIndex(d => new { d.Status, d.SeenAt });
            builder.Ignore(d => d.ShownId);
        }
    }
}

/// <summary>When the books were last compared, and how far Stripe's events were read: one row.</summary>
public sealed class ReconciliationState
{
    public int Id { get; init; } = 1;
    public DateTimeOffset? StartedAt { get; set; }
    public DateTimeOffset? FinishedAt { get; set; }
    /// <summary>Null: it went well.</summary>
    public string? Error { get; set; }
    /// <summary>Objects at Stripe that were compared.</summary>
    public int Compared { get; set; }
    /// <summary>Every event made before this has been seen.</summary>
    public DateTimeOffset? EventsUntil { get; set; }
    public DateTimeOffset? EventsReadAt { get; set; }

    internal sealed class Table : IEntityTypeConfiguration<ReconciliationState>
    {
        public void Configure(EntityTypeBuilder<ReconciliationState> builder)
        {
            builder.ToTable("reconciliation_state", t => t.HasCheckConstraint("ck_reconciliation_state_one_row", "id = 1"));
            builder.Property(s => s.Id).ValueGeneratedNever();
            builder.Property(s => s.Error).HasMaxLength(1000);
        }
    }
}
