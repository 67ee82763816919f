using System.Buffers.Binary;
using BillingPortal.Catalog;
using BillingPortal.Primitives;

namespace BillingPortal.Usage;

/// <summary>What an event is known by, comparable.</summary>
internal readonly record struct EventName(Guid Account, UInt128 Digest)
{
    public static EventName Of(Guid account, byte[] digest) => new(account, System.Buffers.Binary.BinaryPrimitives.ReadUInt128BigEndian(digest));
}

/// <summary>An event as it will stand in the database.</summary>
internal sealed record EventRow(AccountId Account, UsageEvent Event, DateTimeOffset Time, byte[] Digest, byte[] Content, Guid Usage)
{
    public EventName Name => EventName.Of(Account.Value, Digest);
    /// <summary>How much of a meter: one where nothing is said.</summary>
    public decimal? Quantity => Event.Quantity ?? (Event is { Meter: not null, Value: null } ? 1m : null);
}

/// <summary>The events of one request, each name once. Those that are alike and of one hour share a charge (<c>usage_id</c>), unless a rate card changes between them.</summary>
internal sealed class EventRows(CatalogDocument catalog, DateTimeOffset now, int capacity)
{
    // One price may not exceed what a charge may come to, and a sum of quantities is one quantity.
    private const decimal MostTogether = 100_000_000m;

    private readonly Dictionary<EventName, EventRow> byName = new(capacity);
    private readonly List<EventRow> rows = new(capacity);
    private readonly Dictionary<Alike, (Guid Usage, decimal Sum)> groups = new(capacity);
    private Guid lastUsage = Guid.CreateVersion7();
    private readonly DateTimeOffset[] borders = [.. catalog.RateCards.Select(c => c.EffectiveFrom).Distinct().Order()];

    public int Count => rows.Count;

    /// <param name="isSame">Whether an event of the same name, earlier in this request, says the same.</param>
    /// <returns>False when there is one of that name already.</returns>
    public bool TryAdd(AccountId account, UsageEvent read, out bool isSame)
    {
        var (digest, content) = (read.Digest(), read.ContentDigest());
        isSame = false;
        if (byName.TryGetValue(EventName.Of(account.Value, digest), out var earlier))
        {
            isSame = earlier.Content.AsSpan().SequenceEqual(content);
            return false;
        }

        var at = read.Time ?? now;
        var row = new EventRow(account, read, at, digest, content, UsageOf(account, read, at));
        byName.Add(row.Name, row);
        rows.Add(row);
        return true;
    }

    /// <summary>All of them, in the one order in which keys are taken everywhere, so that two requests never wait for each other crosswise.</summary>
    public List<EventRow> InOrder()
    {
        rows.Sort((a, b) => a.Account.Value.CompareTo(b.Account.Value) is var order and not 0 ? order : a.Digest.AsSpan().SequenceCompareTo(b.Digest));
        return rows;
    }

    private Guid UsageOf(AccountId account, UsageEvent read, DateTimeOffset at)
    {
        if (read.Meter is { } meter && catalog.FindMeter(meter) is { Kind: MeterKind.Level })
        {
            return NextUsage(); // where a level stands says each report by itself
        }

        var border = borders.AsSpan().LastIndexOfAnyInRange(DateTimeOffset.MinValue, at);
        var alike = new Alike(account, at.UtcTicks / TimeSpan.TicksPerHour, border, read.Meter, read.Provider, read.Model, read.Tool, read.Member, read.Agent, read.Run, read.Byok, read.Tokens is not null);
        var quantity = Math.Max(read.Quantity ?? 1m, read.Tokens?.Total ?? 0);
        if (groups.TryGetValue(alike, out var group) && group.Sum + quantity <= MostTogether)
        {
            groups[alike] = (group.Usage, group.Sum + quantity);
            return group.Usage;
        }

        var usage = NextUsage();
        groups[alike] = (usage, quantity);
        return usage;
    }

    /// <summary>The ids of one request follow each other (RFC 9562 §6.2, method 2): the operating system is asked for chance once.</summary>
    private Guid NextUsage()
    {
        Span<byte> bytes = stackalloc byte[16];
        lastUsage.TryWriteBytes(bytes, bigEndian: true, out _);
        BinaryPrimitives.WriteUInt64BigEndian(bytes[8..], BinaryPrimitives.ReadUInt64BigEndian(bytes[8..]) + 1);
        return lastUsage = new(bytes, bigEndian: true);
    }

    // On the heap: a table of these, in itself, would be among the objects that only the slowest collection frees.
    private sealed record Alike(AccountId Account, long Hour, int Border, string? Meter, string? Provider, string? Model, string? Tool, string? Member, string? Agent, string? Run, bool Byok, bool HasTokens);
}
