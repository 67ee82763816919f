using BillingPortal.Payments;
using BillingPortal.Primitives;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;

namespace BillingPortal.Subscriptions;

/// <summary>A subscription as Stripe last showed it: a mirror, written from readings of Stripe only.</summary>
public sealed class Subscription
{
    public AccountId AccountId { get; init; }
    /// <summary><c>sub_…</c></summary>
    public string Id { get; init; } = "";
    public string CustomerId { get; set; } = "";
    /// <summary>Item of the plan's own price; what a change of plan names.</summary>
    public string ItemId { get; set; } = "";
    public string PriceId { get; set; } = "";
    /// <summary>What it bills by use: <c>{meter}={minor units each}</c>.</summary>
    public string[] Metered { get; set; } = [];
    /// <summary>Plan of the catalog.</summary>
    public string Plan { get; set; } = "";
    /// <summary><c>month</c> or <c>year</c>.</summary>
    public string Interval { get; set; } = "";
    /// <summary>Stripe's word: <c>active</c>, <c>trialing</c>, <c>past_due</c>, <c>canceled</c>… An open set.</summary>
    public string Status { get; set; } = "";
    public Amount Price { get; set; }
    public Unit Currency { get; set; }
    /// <summary>Where its periods are counted from.</summary>
    public DateTimeOffset Anchor { get; set; }
    public DateTimeOffset CurrentPeriodStart { get; set; }
    public DateTimeOffset CurrentPeriodEnd { get; set; }
    public bool CancelAtPeriodEnd { get; set; }
    public DateTimeOffset? TrialEnd { get; set; }
    /// <summary>The plan that is to follow, where a change is scheduled.</summary>
    public string? PendingPlan { get; set; }
    /// <summary><c>month</c> or <c>year</c>.</summary>
    public string? PendingInterval { get; set; }
    public DateTimeOffset? PendingAt { get; set; }
    public DateTimeOffset? EndedAt { get; set; }
    /// <summary>When it began, at Stripe.</summary>
    public DateTimeOffset StartedAt { get; set; }
    public DateTimeOffset UpdatedAt { get; set; }

    /// <summary>Whether use of a meter beyond the allowance is billed by it, on these terms.</summary>
    public bool Bills(string meter, Catalog.OveragePrice terms) => terms.Currency == Currency && Metered.Contains($"{meter}={MeteredPrice.InMinor(terms)}");

    /// <summary>Whether it gives access (STRIPE §9); past due does so for the grace period.</summary>
    public bool IsEntitled => Status is "active" or "trialing" or "past_due";

    internal sealed class Table : IEntityTypeConfiguration<Subscription>
    {
        public void Configure(EntityTypeBuilder<Subscription> builder)
        {
            builder.ToTable("subscriptions");
            builder.HasKey(s => new { s.AccountId, s.Id });
            builder.Property(s => s.Id).HasMaxLength(255);
            builder.Property(s => s.CustomerId).HasMaxLength(255);
            builder.Property(s => s.ItemId).HasMaxLength(255);
            builder.Property(s => s.PriceId).HasMaxLength(255);
            builder.Property(s => s.Metered).HasDefaultValueSql("'{}'");
            builder.Property(s => s.Plan).HasMaxLength(60);
            builder.Property(s => s.Interval).HasMaxLength(10);
            builder.Property(s => s.Status).HasMaxLength(40);
            builder.Property(s => s.PendingPlan).HasMaxLength(60);
            builder.Property(s => s.PendingInterval).HasMaxLength(10);
            builder.HasIndex(s => new { s.Status, s.CurrentPeriodEnd });
            builder.Ignore(s => s.IsEntitled);
        }
    }
}

/// <summary>One change of a subscription, whoever made it (E11b): appended, never changed.</summary>
public sealed class SubscriptionChange
{
    public AccountId AccountId { get; init; }
    public Guid Id { get; init; }
    public string SubscriptionId { get; init; } = "";
    public DateTimeOffset At { get; init; }
    /// <summary>Who: <c>stripe</c> for what an event told, else the caller as the audit log names them.</summary>
    public string Actor { get; init; } = "";
    /// <summary>The event or request that brought it.</summary>
    public string Reference { get; init; } = "";
    /// <summary><c>started</c>, <c>plan_changed</c>, <c>status_changed</c>, <c>cancellation_scheduled</c>, <c>cancellation_withdrawn</c>, <c>change_scheduled</c>, <c>change_withdrawn</c>, <c>renewed</c>, <c>ended</c>.</summary>
    public string Kind { get; init; } = "";
    /// <summary>JSON of plan, interval, status and period before; null for the first.</summary>
    public string? Before { get; init; }
    public string After { get; init; } = "";

    internal sealed class Table : IEntityTypeConfiguration<SubscriptionChange>
    {
        public void Configure(EntityTypeBuilder<SubscriptionChange> builder)
        {
            builder.ToTable("subscription_changes");
            builder.HasKey(c => new { c.AccountId, c.Id });
            builder.Property(c => c.SubscriptionId).HasMaxLength(255);
            builder.Property(c => c.Actor).HasMaxLength(200);
            builder.Property(c => c.Reference).HasMaxLength(255);
            builder.Property(c => c.Kind).HasMaxLength(40);
            builder.Property(c => c.Before).HasColumnType("jsonb");
            builder.Property(c => c.After).HasColumnType("jsonb");
        }
    }
}

/// <summary>What the subscriptions last made of the account in the ledger. Also the lock of whoever changes it.</summary>
public sealed class SubscriptionStanding
{
    public AccountId AccountId { get; init; }
    public string Plan { get; set; } = "";
    public DateTimeOffset? Anchor { get; set; }
    public Ledger.AccountStatus Status { get; set; }
    public DateTimeOffset? GraceUntil { get; set; }
    /// <summary>Counts what was posted; in the key of each posting, so that each is taken once and coming back to an earlier state is not mistaken for a repeat.</summary>
    public int Version { get; set; }

    internal sealed class Table : IEntityTypeConfiguration<SubscriptionStanding>
    {
        public void Configure(EntityTypeBuilder<SubscriptionStanding> builder)
        {
            builder.ToTable("subscription_standings");
            builder.HasKey(s => s.AccountId);
            builder.Property(s => s.Plan).HasMaxLength(60);
            builder.Property(s => s.Status).HasConversion<string>().HasMaxLength(20);
        }
    }
}
