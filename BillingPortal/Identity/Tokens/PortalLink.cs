using BillingPortal.Primitives;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;

namespace BillingPortal.Identity.Tokens;

/// <summary>A one-time way in: whoever opens it within five minutes is signed in as the account (F11). Only a digest of its token is kept.</summary>
public sealed class PortalLink
{
    public AccountId AccountId { get; init; }
    public Guid Id { get; init; }
    /// <summary>SHA-256 of the token; the token has 256 random bits, so that needs no salt.</summary>
    public byte[] TokenDigest { get; init; } = [];
    /// <summary>Path under <c>/portal</c> where it lands.</summary>
    public string Page { get; init; } = "/portal";
    /// <summary>Where "back" leads; its origin was checked when the link was made.</summary>
    public string? ReturnUrl { get; init; }
    public string CreatedBy { get; init; } = "";
    public DateTimeOffset CreatedAt { get; init; }
    public DateTimeOffset ExpiresAt { get; init; }
    public DateTimeOffset? UsedAt { get; set; }

    internal sealed class Table : IEntityTypeConfiguration<PortalLink>
    {
        public void Configure(EntityTypeBuilder<PortalLink> builder)
        {
            builder.ToTable("portal_links", t => t.HasCheckConstraint("ck_portal_links_digest", "octet_length(token_digest) = 32"));
            builder.HasKey(l => new { l.AccountId, l.Id });
            builder.HasIndex(l => l.TokenDigest).IsUnique();
            builder.Property(l => l.Page).HasMaxLength(500);
            builder.Property(l => l.ReturnUrl).HasMaxLength(2000);
            builder.Property(l => l.CreatedBy).HasMaxLength(200);
        }
    }
}
