using System.Buffers;
using System.Text;
using System.Text.Json;
using BillingPortal.Ledger;
using BillingPortal.Primitives;
using BillingPortal.Rating;

namespace BillingPortal.Charging;

/// <summary>What a caller asks to be charged: the subject that is priced, and the labels that are kept beside it. Already validated.</summary>
public sealed record ChargeRequest(ChargeSubject Subject)
{
    /// <summary>The account as the caller names it: the product's own id, or the shown one.</summary>
    public string Account { get; init; } = "";
    public string? Member { get; init; }
    public string? Agent { get; init; }
    public string? Run { get; init; }
    public Spender Spender => new(Member, Agent, Run);
    public string? Reason { get; init; }
    /// <summary>At most 20 pairs, in the order sent.</summary>
    public IReadOnlyList<KeyValuePair<string, string>> Metadata { get; init; } = [];
    public DateTimeOffset? OccurredAt { get; init; }
    /// <summary>How many usage events this stands for: they happened, so it is never refused, and is rated as of <see cref="OccurredAt"/> (DESIGN §7.1). 0: a charge that is asked for.</summary>
    public int Events { get; init; }

    /// <summary>Reason and metadata, which may be personal and are erasable, as JSON; null where there is neither.</summary>
    public string? Details()
    {
        if (Reason is null && Metadata.Count == 0)
        {
            return null;
        }

        var buffer = new ArrayBufferWriter<byte>(256);
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            if (Reason is not null)
            {
                json.WriteString("reason", Reason);
            }

            if (Metadata.Count > 0)
            {
                json.WriteStartObject("metadata");
                foreach (var (name, value) in Metadata)
                {
                    json.WriteString(name, value);
                }

                json.WriteEndObject();
            }

            json.WriteEndObject();
        }

        return Encoding.UTF8.GetString(buffer.WrittenSpan);
    }

    /// <summary>SHA-256 over the kind of operation and every value asked for. The account is not in it: keys are its own anyway, and it may be named in two ways.</summary>
    public byte[] Hash(string kind)
    {
        var digest = new DigestWriter(stackalloc byte[512]);
        digest.Add(kind);
        digest.Add(Subject.Action);
        digest.Add(Subject.Meter);
        digest.Add(Subject.Quantity);
        digest.Add(Subject.Provider);
        digest.Add(Subject.Model);
        digest.Add(Subject.Tool);
        digest.Add(Subject.Feature);
        digest.Add(Subject.Byok ? 1L : 0L);
        digest.Add(Subject.Tokens?.Input ?? -1L);
        digest.Add(Subject.Tokens?.Output ?? -1L);
        digest.Add(Subject.Tokens?.CachedInput ?? -1L);
        // Only where they are there: a key taken before these kinds were known stays the same request.
        if (Subject.Tokens is { } tokens && tokens.CacheWrite + tokens.Reasoning > 0)
        {
            digest.Add(tokens.CacheWrite);
            digest.Add(tokens.Reasoning);
        }

        digest.Add(Subject.Unit?.Code);
        digest.Add(Subject.Amount?.Millionths ?? 0L);
        digest.Add((long)Subject.Outcome);
        digest.Add(Member);
        digest.Add(Agent);
        digest.Add(Run);
        digest.Add(Reason);
        digest.Add(OccurredAt);
        digest.Add((long)Metadata.Count);
        foreach (var (name, value) in Metadata)
        {
            digest.Add(name);
            digest.Add(value);
        }

        return digest.Sha256();
    }
}
