using BillingPortal.Primitives;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;

namespace BillingPortal.Usage.ReRatings;

public enum ReRatingStatus
{
    /// <summary>Its charges are being gone through.</summary>
    Working,
    /// <summary>Worked out; nothing is posted.</summary>
    Preview,
    /// <summary>Wanted: its items are being posted.</summary>
    Approved,
    /// <summary>Every item is posted or left out.</summary>
    Posted,
}

/// <summary>A period replayed under a version of a rate card (F7).</summary>
public sealed class ReRating
{
    public const string Prefix = "rerate_";

    public Guid Id { get; init; }
    public ReRatingStatus Status { get; set; }
    /// <summary>When the use happened that is rated again.</summary>
    public DateTimeOffset StartsAt { get; init; }
    /// <summary>Exclusive.</summary>
    public DateTimeOffset EndsAt { get; init; }
    public string RateCard { get; init; } = "";
    /// <summary>Null: for each charge the version that the catalog has in force at its instant.</summary>
    public int? Version { get; init; }
    /// <summary>Customers; empty: all.</summary>
    public Guid[] Accounts { get; init; } = [];
    /// <summary>Charges that come to something else.</summary>
    public int Charges { get; set; }
    /// <summary>JSON: how many charges could not be rated so, by reason.</summary>
    public string LeftOut { get; set; } = "{}";
    public DateTimeOffset CreatedAt { get; init; }
    public string CreatedBy { get; init; } = "";
    public DateTimeOffset? ApprovedAt { get; set; }
    public string? ApprovedBy { get; set; }
    public string? Reason { get; set; }
    public DateTimeOffset? PostedAt { get; set; }

    public string ShownId => Primitives.ShownId.Show(Prefix, Id);

    internal sealed class Table : IEntityTypeConfiguration<ReRating>
    {
        public void Configure(EntityTypeBuilder<ReRating> builder)
        {
            builder.ToTable("re_ratings", t => t.HasCheckConstraint("ck_re_ratings_period", "ends_at > starts_at"));
            builder.HasKey(r => r.Id);
            builder.Property(r => r.Status).HasConversion<string>().HasMaxLength(10);
            builder.Property(r => r.RateCard).HasMaxLength(60);
            builder.Property(r => r.LeftOut).HasColumnType("jsonb");
            builder.Property(r => r.CreatedBy).HasMaxLength(200);
            builder.Property(r => r.ApprovedBy).HasMaxLength(200);
            builder.Property(r => r.Reason).HasMaxLength(500);
            builder.Ignore(r => r.ShownId);
        }
    }
}

public enum ReRatingItemState { Waiting, Posted, LeftOut }

/// <summary>One charge that comes to something else: worked out once, and posted as it stands here.</summary>
public sealed class ReRatingItem
{
    public AccountId AccountId { get; init; }
    public Guid ReRatingId { get; init; }
    public Guid ChargeId { get; init; }
    /// <summary>Null: it cost nothing.</summary>
    public string? UnitBefore { get; init; }
    /// <summary>What is left of its price.</summary>
    public Amount Before { get; init; }
    /// <summary>Null: it costs nothing any more.</summary>
    public string? UnitAfter { get; init; }
    public Amount After { get; init; }
    /// <summary>JSON of the <see cref="Charging.NewRating"/>.</summary>
    public string Rating { get; init; } = "{}";
    public ReRatingItemState State { get; init; }
    /// <summary>Why it was left out after all.</summary>
    public string? Detail { get; init; }

    internal sealed class Table : IEntityTypeConfiguration<ReRatingItem>
    {
        public void Configure(EntityTypeBuilder<ReRatingItem> builder)
        {
            builder.ToTable("re_rating_items");
            builder.HasKey(i => new { i.AccountId, i.ReRatingId, i.ChargeId });
            builder.HasIndex(i => new { i.ReRatingId, i.State });
            builder.Property(i => i.UnitBefore).HasMaxLength(40);
            builder.Property(i => i.UnitAfter).HasMaxLength(40);
            builder.Property(i => i.Rating).HasColumnType("jsonb");
            builder.Property(i => i.State).HasConversion<string>().HasMaxLength(10);
            builder.Property(i => i.Detail).HasMaxLength(500);
        }
    }
}
