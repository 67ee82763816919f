using BillingPortal.Primitives;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;

namespace BillingPortal.Analytics.ProviderBills;

/// <summary>What a provider of models billed us, imported to be compared with what our records say that it cost.</summary>
public sealed class ProviderBill
{
    public const string Prefix = "bill_";

    public Guid Id { get; init; }
    public string Name { get; init; } = "";
    public DateOnly FirstDay { get; init; }
    public DateOnly LastDay { get; init; }
    /// <summary>Lines of the file, its header not counted.</summary>
    public int Lines { get; init; }
    /// <summary>In the catalog's currency.</summary>
    public decimal Cost { get; init; }
    /// <summary>SHA-256 over the file: the same one is imported once.</summary>
    public byte[] Digest { get; init; } = [];
    public DateTimeOffset ImportedAt { get; init; }
    public string ImportedBy { get; init; } = "";

    public string ShownId => Primitives.ShownId.Show(Prefix, Id);

    internal sealed class Table : IEntityTypeConfiguration<ProviderBill>
    {
        public void Configure(EntityTypeBuilder<ProviderBill> builder)
        {
            builder.ToTable("provider_bills");
            builder.HasKey(b => b.Id);
            builder.HasIndex(b => b.Digest).IsUnique();
            builder.Property(b => b.Name).HasMaxLength(ProviderBills.LongestName);
            builder.Property(b => b.ImportedBy).HasMaxLength(200);
            builder.Ignore(b => b.ShownId);
        }
    }
}

/// <summary>What a bill says of one day, model and kind of tokens, its lines summed up.</summary>
public sealed class ProviderBillLine
{
    public Guid BillId { get; init; }
    public DateOnly Day { get; init; }
    public string Provider { get; init; } = "";
    public string Model { get; init; } = "";
    public string TokenKind { get; init; } = "";
    public long Tokens { get; init; }
    /// <summary>In the catalog's currency.</summary>
    public decimal Cost { get; init; }

    internal sealed class Table : IEntityTypeConfiguration<ProviderBillLine>
    {
        public void Configure(EntityTypeBuilder<ProviderBillLine> builder)
        {
            builder.ToTable("provider_bill_lines", t => t.HasCheckConstraint("ck_provider_bill_lines_amounts", "tokens >= 0"));
            builder.HasKey(l => new { l.BillId, l.Day, l.Provider, l.Model, l.TokenKind });
            builder.Property(l => l.Provider).HasMaxLength(ProviderBillCsv.LongestName);
            builder.Property(l => l.Model).HasMaxLength(ProviderBillCsv.LongestName);
            builder.Property(l => l.TokenKind).HasMaxLength(20);
            builder.HasOne<ProviderBill>().WithMany().HasForeignKey(l => l.BillId).OnDelete(DeleteBehavior.Cascade);
        }
    }
}
