using BillingPortal.Primitives;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;

namespace BillingPortal.Purchases;

public enum OrderKind { Credits, Reserve, Subscription }

public enum OrderStatus
{
    /// <summary>The customer is, or may be, at the checkout.</summary>
    Open,
    /// <summary>Checked out; the money is on its way (delayed payment methods).</summary>
    Processing,
    /// <summary>Paid, and what was bought was granted.</summary>
    Fulfilled,
    Failed,
    Expired,
}

/// <summary>One purchase that was begun: what was to be bought, at what price, frozen before Stripe was asked.</summary>
public sealed class Order
{
    public const string Prefix = "ord_";

    public AccountId AccountId { get; init; }
    public Guid Id { get; init; }
    public OrderKind Kind { get; init; }
    public OrderStatus Status { get; set; }
    public string? Plan { get; init; }
    /// <summary><c>month</c> or <c>year</c>.</summary>
    public string? Interval { get; init; }
    public string? Pack { get; init; }
    /// <summary>What it costs, before tax.</summary>
    public Amount Price { get; init; }
    public Unit Currency { get; init; }
    /// <summary>What is granted: credits of a pack, or the money of a top-up; 0 for a subscription.</summary>
    public Amount Granted { get; init; }
    public Amount Bonus { get; init; }
    public int? ExpiresAfterDays { get; init; }
    /// <summary>Days free at the start of a subscription.</summary>
    public int? TrialDays { get; init; }
    /// <summary>Id of the coupon that was asked for.</summary>
    public string? Coupon { get; init; }
    /// <summary>The code that was asked for, as it was typed.</summary>
    public string? PromotionCode { get; init; }
    /// <summary>The caller's own key, where one was sent, and what it was sent with.</summary>
    public string? ClientKey { get; init; }
    public byte[]? ClientDigest { get; init; }
    public string SuccessUrl { get; init; } = "";
    public string CancelUrl { get; init; } = "";
    /// <summary><c>cs_…</c>; null until Stripe has answered.</summary>
    public string? SessionId { get; set; }
    public string? Url { get; set; }
    public DateTimeOffset CreatedAt { get; init; }
    public DateTimeOffset? FulfilledAt { get; set; }

    public string ShownId => ShownIdOf(Id);

    public static string ShownIdOf(Guid id) => Primitives.ShownId.Show(Prefix, id);

    internal sealed class Table : IEntityTypeConfiguration<Order>
    {
        public void Configure(EntityTypeBuilder<Order> builder)
        {
            builder.ToTable("orders", t => t.HasCheckConstraint("ck_orders_price", "price > 0 and granted >= 0 and bonus >= 0"));
            builder.HasKey(o => new { o.AccountId, o.Id });
            builder.Property(o => o.Kind).HasConversion<string>().HasMaxLength(20);
            builder.Property(o => o.Status).HasConversion<string>().HasMaxLength(20);
            builder.Property(o => o.Plan).HasMaxLength(60);
            builder.Property(o => o.Interval).HasMaxLength(10);
            builder.Property(o => o.Pack).HasMaxLength(60);
            builder.Property(o => o.Coupon).HasMaxLength(200);
            builder.Property(o => o.PromotionCode).HasMaxLength(200);
            builder.Property(o => o.ClientKey).HasMaxLength(IdempotencyKey.MaxLength);
            builder.Property(o => o.SuccessUrl).HasMaxLength(2000);
            builder.Property(o => o.CancelUrl).HasMaxLength(2000);
            builder.Property(o => o.SessionId).HasMaxLength(255);
            builder.HasIndex(o => new { o.AccountId, o.ClientKey }).IsUnique().HasFilter("client_key is not null");
            builder.HasIndex(o => o.SessionId).HasFilter("session_id is not null");
            builder.Ignore(o => o.ShownId);
        }
    }
}
