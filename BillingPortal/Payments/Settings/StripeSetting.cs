using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;

namespace BillingPortal.Payments.Settings;

/// <summary>How this portal speaks to Stripe, as staff set it (C7): one row. What is null here comes from the configuration.</summary>
internal sealed class StripeSetting
{
    public int Id { get; init; } = 1;
    /// <summary>In a <see cref="Data.SecretBox"/>.</summary>
    public byte[]? SecretKey { get; set; }
    /// <summary>One per line, newest first, in a <see cref="Data.SecretBox"/>.</summary>
    public byte[]? WebhookSecrets { get; set; }
    /// <summary><c>pk_…</c>; no secret.</summary>
    public string? PublishableKey { get; set; }
    /// <summary>No new checkouts are begun (B8); webhooks go on being taken.</summary>
    public bool CheckoutsPaused { get; set; }
    /// <summary><c>bpc_…</c>: what Stripe's own portal offers, as made by the sync.</summary>
    public string? PortalConfiguration { get; set; }
    /// <summary>JSON: existing price ids by lookup key (A12).</summary>
    public string? BoundPrices { get; set; }
    public DateTimeOffset ChangedAt { get; set; }

    internal sealed class Table : IEntityTypeConfiguration<StripeSetting>
    {
        public void Configure(EntityTypeBuilder<StripeSetting> builder)
        {
            builder.ToTable("stripe_settings", t => t.HasCheckConstraint("ck_stripe_settings_one_row", "id = 1"));
            builder.Property(s => s.Id).ValueGeneratedNever();
            builder.Property(s => s.PublishableKey).HasMaxLength(255);
            builder.Property(s => s.PortalConfiguration).HasMaxLength(255);
            builder.Property(s => s.BoundPrices).HasColumnType("jsonb");
        }
    }
}
