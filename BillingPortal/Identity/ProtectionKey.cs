using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;

namespace BillingPortal.Identity;

/// <summary>One key of ASP.NET Core's data protection, as the XML it hands over; encrypted where <c>Encryption:Keys</c> is set.</summary>
internal sealed class ProtectionKey
{
    public Guid Id { get; init; }
    public string Xml { get; set; } = "";
    public DateTimeOffset CreatedAt { get; init; }

    internal sealed class Table : IEntityTypeConfiguration<ProtectionKey>
    {
        public void Configure(EntityTypeBuilder<ProtectionKey> builder)
        {
            builder.ToTable("protection_keys");
            builder.HasKey(k => k.Id);
        }
    }
}
