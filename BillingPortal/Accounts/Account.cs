using BillingPortal.Primitives;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;

namespace BillingPortal.Accounts;

/// <summary>Who is billed. Plan, status and balances stand in the ledger; here is who they are.</summary>
public sealed class Account
{
    public AccountId AccountId { get; init; }
    /// <summary>The product's own id for its customer: unique, never changed.</summary>
    public string ExternalId { get; init; } = "";
    public string? Email { get; set; }
    public string? Name { get; set; }
    /// <summary>Currency asked for; the one in force is fixed by the first money transfer.</summary>
    public Unit? Currency { get; set; }
    /// <summary>JSON object of free string pairs of the product, such as roles and agent ids.</summary>
    public string Metadata { get; set; } = "{}";
    /// <summary>IANA zone of the customer's calendar periods.</summary>
    public string TimeZone { get; set; } = "UTC";
    /// <summary>Whether the person agreed to marketing; null: never asked.</summary>
    public bool? MarketingConsent { get; set; }
    public DateTimeOffset? MarketingConsentAt { get; set; }
    /// <summary>Where they said so: a page's path or the product's own word.</summary>
    public string? MarketingConsentSource { get; set; }
    public DateTimeOffset CreatedAt { get; init; }
    /// <summary>E-mail and name in lower case, for searching; the database makes them.</summary>
    public string? SearchEmail { get; private set; }
    public string? SearchName { get; private set; }

    internal sealed class Table : IEntityTypeConfiguration<Account>
    {
        public void Configure(EntityTypeBuilder<Account> builder)
        {
            builder.ToTable("accounts", t => t.HasCheckConstraint("ck_accounts_external_id", "length(external_id) between 1 and 200"));
            builder.HasKey(a => a.AccountId);
            builder.Property(a => a.ExternalId).HasMaxLength(200);
            builder.Property(a => a.Email).HasMaxLength(320);
            builder.Property(a => a.Name).HasMaxLength(200);
            builder.Property(a => a.Metadata).HasColumnType("jsonb");
            builder.Property(a => a.TimeZone).HasMaxLength(60);
            builder.Property(a => a.MarketingConsentSource).HasMaxLength(200);
            builder.HasIndex(a => a.ExternalId).IsUnique();
            // Lists are newest first; searches are by the beginning of id, e-mail or name, in any case.
            builder.HasIndex(a => a.CreatedAt);
            builder.HasIndex(a => a.ExternalId, "ix_accounts_search_external_id").HasOperators("text_pattern_ops");
            builder.Property(a => a.SearchEmail).HasComputedColumnSql("lower(email)", stored: true);
            builder.Property(a => a.SearchName).HasComputedColumnSql("lower(name)", stored: true);
            builder.HasIndex(a => a.SearchEmail).HasOperators("text_pattern_ops");
            builder.HasIndex(a => a.SearchName).HasOperators("text_pattern_ops");
        }
    }
}
