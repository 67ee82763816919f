using BillingPortal.Primitives;
using BillingPortal.Rating;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;

namespace BillingPortal.Usage;

/// <summary>
/// Events of one account, hour and label that came together and are not charged yet: written with them, deleted when their charge stands.
/// Its id is the key of that charge, so that however often it is tried, it is charged once.
/// </summary>
public sealed class UnchargedUsage
{
    public AccountId AccountId { get; init; }
    /// <summary>The events' <c>usage_id</c>.</summary>
    public Guid Id { get; init; }
    /// <summary>When the first of them happened; no border of a rate card lies between it and the last.</summary>
    public DateTimeOffset Time { get; init; }
    public int Events { get; init; }
    public string? Meter { get; init; }
    public decimal? Quantity { get; init; }
    /// <summary>What a level was set to.</summary>
    public decimal? Value { get; init; }
    public string? Provider { get; init; }
    public string? Model { get; init; }
    public string? Tool { get; init; }
    public string? Member { get; init; }
    public string? Agent { get; init; }
    public string? Run { get; init; }
    public bool Byok { get; init; }
    public long? InputTokens { get; init; }
    public long? OutputTokens { get; init; }
    public long? CachedInputTokens { get; init; }
    public long? CacheWriteTokens { get; init; }
    public long? ReasoningTokens { get; init; }
    /// <summary>Why it cannot be charged, for a person; null: it waits its turn.</summary>
    public string? Refusal { get; set; }

    /// <param name="alike">Events of one <c>usage_id</c>, at least one.</param>
    internal static UnchargedUsage Of(IReadOnlyCollection<EventRow> alike)
    {
        var first = alike.First();
        var read = first.Event;
        return new()
        {
            AccountId = first.Account,
            Id = first.Usage,
            Time = alike.Min(r => r.Time),
            Events = alike.Count,
            Meter = read.Meter,
            // Whether there is a quantity, a value or tokens is the same for all that are alike.
            Quantity = first.Quantity is null ? null : alike.Sum(r => r.Quantity),
            Value = read.Value,
            Provider = read.Provider,
            Model = read.Model,
            Tool = read.Tool,
            Member = read.Member,
            Agent = read.Agent,
            Run = read.Run,
            Byok = read.Byok,
            InputTokens = Sum(t => t.Input),
            OutputTokens = Sum(t => t.Output),
            CachedInputTokens = Sum(t => t.CachedInput),
            CacheWriteTokens = Sum(t => t.CacheWrite),
            ReasoningTokens = Sum(t => t.Reasoning),
        };

        long? Sum(Func<TokenCounts, long> kind) => read.Tokens is null ? null : alike.Sum(r => kind(r.Event.Tokens!.Value));
    }

    internal sealed class Table : IEntityTypeConfiguration<UnchargedUsage>
    {
        public void Configure(EntityTypeBuilder<UnchargedUsage> builder)
        {
            builder.ToTable("uncharged_usage");
            // By age: what comes goes to the index's end, and charging takes from its beginning.
            builder.HasKey(u => new { u.Id, u.AccountId });
            builder.Property(u => u.Refusal).HasMaxLength(500);
        }
    }
}
