using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;

namespace BillingPortal.Catalog;

/// <summary>One version of the catalog, whole. The newest is in force; none is ever changed or deleted.</summary>
public sealed class CatalogVersion
{
    /// <summary>1, 2, 3…</summary>
    public int Version { get; init; }
    /// <summary>The file, as <see cref="CatalogJson.Write"/> writes it.</summary>
    public string Document { get; init; } = "";
    public DateTimeOffset CreatedAt { get; init; }
    /// <summary>Who, as the audit log names them.</summary>
    public string CreatedBy { get; init; } = "";
    /// <summary>Why, in their words.</summary>
    public string? Note { get; init; }

    internal sealed class Table : IEntityTypeConfiguration<CatalogVersion>
    {
        public void Configure(EntityTypeBuilder<CatalogVersion> builder)
        {
            builder.ToTable("catalog_versions");
            builder.HasKey(v => v.Version);
            builder.Property(v => v.Version).ValueGeneratedNever();
            builder.Property(v => v.Document).HasColumnType("jsonb");
            builder.Property(v => v.CreatedBy).HasMaxLength(200);
            builder.Property(v => v.Note).HasMaxLength(CatalogPublication.MaxNote);
        }
    }
}
