using BillingPortal.Access;
using BillingPortal.Primitives;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;

namespace BillingPortal.Identity.ApiKeys;

/// <summary>A key of the product as it is kept: everything but the secret. Revoked rows stay, so that the audit log keeps its names.</summary>
public sealed class ApiKey
{
    public const string IdPrefix = "key_";

    public Guid Id { get; init; }
    public string Name { get; set; } = "";
    /// <summary>False: a <c>bp_test_</c> key.</summary>
    public bool IsLive { get; init; }
    /// <summary>The first characters after the prefix: not secret, unique, what an unknown key is refused by.</summary>
    public string Lookup { get; init; } = "";
    /// <summary>Argon2id over the whole key.</summary>
    public byte[] Hash { get; init; } = [];
    public byte[] Salt { get; init; } = [];
    public int MemoryKiB { get; init; }
    public int Passes { get; init; }
    /// <summary>As callers write them.</summary>
    public string[] Scopes { get; init; } = [];
    /// <summary>The only accounts it reaches; null: all.</summary>
    public Guid[]? BoundAccounts { get; init; }
    public string CreatedBy { get; init; } = "";
    public DateTimeOffset CreatedAt { get; init; }
    /// <summary>Seen within the minute; written lazily.</summary>
    public DateTimeOffset? LastUsedAt { get; set; }
    public DateTimeOffset? RevokedAt { get; set; }
    /// <summary>End of the overlap that a rotation left the old key; null: none.</summary>
    public DateTimeOffset? ExpiresAt { get; set; }
    /// <summary>The key that this one replaces.</summary>
    public Guid? RotatedFrom { get; init; }

    public string ShownId => Show(Id);
    /// <summary>How a key is recognised in lists: prefix and lookup part.</summary>
    public string Hint => $"{ApiKeySecret.PrefixOf(IsLive)}{Lookup}…";

    public ScopeSet ScopeSet => ScopeSet.Of(Scopes.Select(name => ScopeSet.TryParse(name, out var scope) ? scope : throw new InvalidOperationException($"'{name}' is no scope.")));

    public static string Show(Guid id) => Primitives.ShownId.Show(IdPrefix, id);

    internal sealed class Table : IEntityTypeConfiguration<ApiKey>
    {
        public void Configure(EntityTypeBuilder<ApiKey> builder)
        {
            builder.ToTable("api_keys", t => t.HasCheckConstraint("ck_api_keys_hash", "octet_length(hash) = 32 and octet_length(salt) = 16"));
            builder.HasKey(k => k.Id);
            builder.Property(k => k.Name).HasMaxLength(100);
            builder.Property(k => k.Lookup).HasMaxLength(ApiKeySecret.LookupLength);
            builder.Property(k => k.CreatedBy).HasMaxLength(200);
            builder.HasIndex(k => k.Lookup).IsUnique();
            builder.Ignore(k => k.ShownId).Ignore(k => k.Hint).Ignore(k => k.ScopeSet);
        }
    }
}
