using BillingPortal.Primitives;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;

namespace BillingPortal.Outbox;

/// <summary>An address of the product's that is told what happens here.</summary>
public sealed class OutgoingWebhook
{
    public const string IdPrefix = "wh_";
    public const int LongestUrl = 500;

    public Guid Id { get; init; }
    public required string Url { get; init; }
    /// <summary>Types that it is told of: exact, beginnings (<c>alert.*</c>), or <c>*</c> for all.</summary>
    public string[] Events { get; init; } = ["*"];
    /// <summary>What messages are signed with, sealed.</summary>
    public byte[] Secret { get; set; } = [];
    public required string CreatedBy { get; init; }
    public DateTimeOffset CreatedAt { get; init; }

    public string ShownId => Primitives.ShownId.Show(IdPrefix, Id);

    public bool Wants(string type) => Events.Any(e => e == type || (e.EndsWith('*') && type.StartsWith(e[..^1], StringComparison.Ordinal)));

    internal sealed class Table : IEntityTypeConfiguration<OutgoingWebhook>
    {
        public void Configure(EntityTypeBuilder<OutgoingWebhook> builder)
        {
            builder.ToTable("webhook_endpoints");
            builder.HasKey(w => w.Id);
            builder.Property(w => w.Id).ValueGeneratedNever();
            builder.Property(w => w.Url).HasMaxLength(LongestUrl);
            builder.Property(w => w.CreatedBy).HasMaxLength(200);
            builder.Ignore(w => w.ShownId);
        }
    }
}
