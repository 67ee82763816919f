using BillingPortal.Ledger;
using BillingPortal.Primitives;
using BillingPortal.Rating;

namespace BillingPortal.Usage;

/// <summary>One report of use, as it was sent: validated for text and ranges, not yet known to be new.</summary>
/// <param name="Index">Its place in the request.</param>
/// <param name="Account">As the caller names it.</param>
/// <param name="Source">With <paramref name="Id"/> and the account what it is known by.</param>
internal sealed record UsageEvent(int Index, string Account, string Source, string Id)
{
    /// <summary>When it happened; null: when it came.</summary>
    public DateTimeOffset? Time { get; init; }
    public string? Meter { get; init; }
    /// <summary>How much; for a level, by how much it changed.</summary>
    public decimal? Quantity { get; init; }
    /// <summary>What a level stands at.</summary>
    public decimal? Value { get; init; }
    public string? Provider { get; init; }
    public string? Model { get; init; }
    public string? Tool { get; init; }
    public string? Member { get; init; }
    public string? Agent { get; init; }
    public string? Run { get; init; }
    public bool Byok { get; init; }
    public TokenCounts? Tokens { get; init; }
    /// <summary>What else was said of it, as compact JSON; null: nothing.</summary>
    public string? Properties { get; init; }

    /// <summary>What it is known by within its account, 16 bytes.</summary>
    public byte[] Digest()
    {
        var digest = new DigestWriter(stackalloc byte[512]);
        digest.Add(Source);
        digest.Add(Id);
        return digest.Sha256Short();
    }

    /// <summary>Tells the same id with other content apart, 16 bytes.</summary>
    public byte[] ContentDigest()
    {
        var digest = new DigestWriter(stackalloc byte[1024]);
        digest.Add(Time);
        digest.Add(Meter);
        digest.Add(Quantity ?? -1m);
        digest.Add(Value ?? -1m);
        digest.Add(Provider);
        digest.Add(Model);
        digest.Add(Tool);
        digest.Add(Member);
        digest.Add(Agent);
        digest.Add(Run);
        digest.Add(Byok ? 1L : 0L);
        digest.Add(Tokens?.Input ?? -1L);
        digest.Add(Tokens?.Output ?? -1L);
        digest.Add(Tokens?.CachedInput ?? -1L);
        digest.Add(Tokens?.CacheWrite ?? -1L);
        digest.Add(Tokens?.Reasoning ?? -1L);
        digest.Add(Properties);
        return digest.Sha256Short();
    }

    public ChargeSubject Subject => new()
    {
        Meter = Meter,
        Quantity = Quantity ?? 1m,
        Provider = Provider,
        Model = Model,
        Tool = Tool,
        Byok = Byok,
        Tokens = Tokens,
    };
}

/// <summary>An event that was not taken, and why.</summary>
internal sealed record RejectedEvent(int Index, string ErrorCode, string Detail)
{
    public static RejectedEvent Of(int index, Refusal refusal) => new(index, refusal.Code.Name, refusal.Detail);
}
