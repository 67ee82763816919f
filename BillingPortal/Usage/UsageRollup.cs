using BillingPortal.Primitives;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;

namespace BillingPortal.Usage;

/// <summary>What an account used in one hour of UTC, of one thing, by one agent and member, paid from one wallet. Labels that do not apply are empty.</summary>
/// <remarks>A charge that several wallets paid stands in several rows: what was used is in the first wallet's, what was paid in each. What was given back is taken off price and payments, not off the use.</remarks>
public sealed class UsageRollup
{
    public AccountId AccountId { get; init; }
    public DateTimeOffset Hour { get; init; }
    /// <summary>SHA-256 over the labels, cut to 16 bytes: eight texts side by side would not fit into an index.</summary>
    public byte[] Key { get; init; } = [];
    public string Action { get; init; } = "";
    public string Meter { get; init; } = "";
    public string Provider { get; init; } = "";
    public string Model { get; init; } = "";
    public string Agent { get; init; } = "";
    public string Member { get; init; } = "";
    /// <summary>The wallet that paid; empty: none did.</summary>
    public string Unit { get; init; } = "";
    /// <summary>What <see cref="Price"/> is in; empty: it cost nothing.</summary>
    public string PriceUnit { get; init; } = "";
    public decimal Quantity { get; init; }
    public decimal InputTokens { get; init; }
    public decimal OutputTokens { get; init; }
    public decimal CachedInputTokens { get; init; }
    public decimal CacheWriteTokens { get; init; }
    public decimal ReasoningTokens { get; init; }
    public decimal Price { get; init; }
    /// <summary>What it cost us, in the catalog's currency, as far as that is known.</summary>
    public decimal Cost { get; init; }
    /// <summary>Charges that took something of this wallet.</summary>
    public long Charges { get; init; }
    /// <summary>Events and single charges.</summary>
    public long Events { get; init; }
    /// <summary>What this wallet paid.</summary>
    public decimal Paid { get; init; }

    internal sealed class Table : IEntityTypeConfiguration<UsageRollup>
    {
        public void Configure(EntityTypeBuilder<UsageRollup> builder)
        {
            builder.ToTable("usage_rollups");
            builder.HasKey(r => new { r.AccountId, r.Hour, r.Key });
            // For questions over all accounts: costs and margin.
            builder.HasIndex(r => r.Hour);
            foreach (var sum in new[] { nameof(Quantity), nameof(InputTokens), nameof(OutputTokens), nameof(CachedInputTokens), nameof(CacheWriteTokens), nameof(ReasoningTokens), nameof(Price), nameof(Cost), nameof(Paid) })
            {
                builder.Property(sum).HasPrecision(26, 6);
            }
        }
    }
}
