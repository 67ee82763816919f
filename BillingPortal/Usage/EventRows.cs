using BillingPortal.Catalog;
using BillingPortal.Primitives;
using Npgsql;
using NpgsqlTypes;

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
}

/// <summary>The events of one request as columns. Those that are alike and of one hour share a charge (<c>usage_id</c>), unless a rate card changes between them.</summary>
internal sealed class EventRows(CatalogDocument catalog, DateTimeOffset now, int capacity)
{
    // One price may not exceed what a charge may come to, and a sum of quantities is one quantity.
    private const decimal MostTogether = 100_000_000m;

    private const string Insert = """
        with sent as (
            select * from unnest($1::uuid[], $2::timestamptz[], $3::bytea[], $4::bytea[], $5::text[], $6::text[], $7::uuid[], $8::text[], $9::numeric[], $10::numeric[], $11::text[], $12::text[],
                $13::text[], $14::text[], $15::text[], $16::text[], $17::boolean[], $18::bigint[], $19::bigint[], $20::bigint[], $21::text[], $23::bigint[], $24::bigint[])
                as s (account_id, time, digest, content, source, id, usage_id, meter, quantity, value, provider, model, tool, member, agent, run, byok, input_tokens, output_tokens, cached_input_tokens, properties,
                cache_write_tokens, reasoning_tokens)),
        fresh as (
            insert into usage_keys (account_id, digest, content, received_at) select account_id, digest, content, $22 from sent order by account_id, digest
            on conflict do nothing returning account_id, digest),
        taken as (select s.* from sent s join fresh f on f.account_id = s.account_id and f.digest = s.digest),
        kept as (
            insert into usage_events (account_id, time, digest, source, id, received_at, usage_id, meter, quantity, value, provider, model, tool, member, agent, run, byok,
                input_tokens, output_tokens, cached_input_tokens, cache_write_tokens, reasoning_tokens, properties)
            select account_id, time, digest, source, id, $22, usage_id, meter, quantity, value, provider, model, tool, member, agent, run, byok,
                input_tokens, output_tokens, cached_input_tokens, cache_write_tokens, reasoning_tokens, properties from taken),
        uncharged as (
            insert into uncharged_usage (account_id, id, time, events, meter, quantity, value, provider, model, tool, member, agent, run, byok,
                input_tokens, output_tokens, cached_input_tokens, cache_write_tokens, reasoning_tokens)
            select account_id, usage_id, min(time), count(*), min(meter), sum(quantity), min(value), min(provider), min(model), min(tool), min(member), min(agent), min(run), bool_and(byok),
                sum(input_tokens), sum(output_tokens), sum(cached_input_tokens), sum(cache_write_tokens), sum(reasoning_tokens)
            from taken group by account_id, usage_id)
        select account_id, digest from fresh
        """;

    private readonly Dictionary<EventName, EventRow> byName = new(capacity);
    private readonly List<EventRow> rows = new(capacity);
    private readonly Dictionary<Alike, (Guid Usage, decimal Sum)> groups = [];
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

    public List<EventRow> Except(HashSet<EventName> names) => rows.FindAll(r => !names.Contains(r.Name));

    public NpgsqlBatchCommand InsertCommand() => new(Insert)
    {
        Parameters =
        {
            Column(r => r.Account.Value, NpgsqlDbType.Uuid), Column(r => r.Time.UtcDateTime, NpgsqlDbType.TimestampTz), Column(r => r.Digest, NpgsqlDbType.Bytea),
            Column(r => r.Content, NpgsqlDbType.Bytea), Column(r => r.Event.Source, NpgsqlDbType.Text), Column(r => r.Event.Id, NpgsqlDbType.Text), Column(r => r.Usage, NpgsqlDbType.Uuid),
            Column(r => r.Event.Meter, NpgsqlDbType.Text), Column(r => r.Event.Quantity ?? (r.Event is { Meter: not null, Value: null } ? 1m : null), NpgsqlDbType.Numeric),
            Column(r => r.Event.Value, NpgsqlDbType.Numeric),
            Column(r => r.Event.Provider, NpgsqlDbType.Text), Column(r => r.Event.Model, NpgsqlDbType.Text), Column(r => r.Event.Tool, NpgsqlDbType.Text), Column(r => r.Event.Member, NpgsqlDbType.Text),
            Column(r => r.Event.Agent, NpgsqlDbType.Text), Column(r => r.Event.Run, NpgsqlDbType.Text), Column(r => r.Event.Byok, NpgsqlDbType.Boolean),
            Column(r => r.Event.Tokens?.Input, NpgsqlDbType.Bigint), Column(r => r.Event.Tokens?.Output, NpgsqlDbType.Bigint), Column(r => r.Event.Tokens?.CachedInput, NpgsqlDbType.Bigint),
            Column(r => r.Event.Properties, NpgsqlDbType.Text), new NpgsqlParameter<DateTime> { TypedValue = now.UtcDateTime, NpgsqlDbType = NpgsqlDbType.TimestampTz },
            Column(r => r.Event.Tokens?.CacheWrite, NpgsqlDbType.Bigint), Column(r => r.Event.Tokens?.Reasoning, NpgsqlDbType.Bigint),
        },
    };

    private Guid UsageOf(AccountId account, UsageEvent read, DateTimeOffset at)
    {
        if (read.Meter is { } meter && catalog.FindMeter(meter) is { Kind: MeterKind.Level })
        {
            return Guid.CreateVersion7(); // where a level stands says each report by itself
        }

        var border = Array.FindLastIndex(borders, b => b <= at);
        var alike = new Alike(account, at.UtcTicks / TimeSpan.TicksPerHour, border, read.Meter, read.Provider, read.Model, read.Tool, read.Member, read.Agent, read.Run, read.Byok, read.Tokens is not null);
        var quantity = Math.Max(read.Quantity ?? 1m, read.Tokens?.Total ?? 0);
        if (groups.TryGetValue(alike, out var group) && group.Sum + quantity <= MostTogether)
        {
            groups[alike] = (group.Usage, group.Sum + quantity);
            return group.Usage;
        }

        var usage = Guid.CreateVersion7();
        groups[alike] = (usage, quantity);
        return usage;
    }

    private NpgsqlParameter<T[]> Column<T>(Func<EventRow, T> value, NpgsqlDbType type)
    {
        var values = new T[rows.Count];
        var isEmpty = true;
        for (var i = 0; i < values.Length; i++)
        {
            values[i] = value(rows[i]);
            isEmpty &= values[i] is null;
        }

        // What ends before the others is null from there on: most events leave most fields out.
        return new() { TypedValue = isEmpty ? [] : values, NpgsqlDbType = NpgsqlDbType.Array | type };
    }

    private readonly record struct Alike(AccountId Account, long Hour, int Border, string? Meter, string? Provider, string? Model, string? Tool, string? Member, string? Agent, string? Run, bool Byok, bool HasTokens);
}
