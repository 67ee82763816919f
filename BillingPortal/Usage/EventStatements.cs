using Npgsql;
using NpgsqlTypes;

namespace BillingPortal.Usage;

/// <summary>What is written for a request's events, a column a parameter: their keys, themselves, and what is to be charged for them.</summary>
internal static class EventStatements
{
    private const string InsertKeys = """
        insert into usage_keys (account_id, digest, content, received_at)
        select account_id, digest, content, $4 from unnest($1::uuid[], $2::bytea[], $3::bytea[]) as s (account_id, digest, content)
        """;

    /// <param name="allAreNew">True: fails when one is known. Passing known ones by costs each of the others half as much again.</param>
    public static NpgsqlBatchCommand Keys(IReadOnlyList<EventRow> rows, DateTimeOffset now, bool allAreNew) => new(allAreNew ? InsertKeys : InsertKeys + " on conflict do nothing")
    {
        Parameters = { Column(rows, r => r.Account.Value, NpgsqlDbType.Uuid), Column(rows, r => r.Digest, NpgsqlDbType.Bytea), Column(rows, r => r.Content, NpgsqlDbType.Bytea), Instant(now) },
    };

    /// <summary>Contents of the keys that another transaction has written.</summary>
    public static NpgsqlCommand Known(IReadOnlyList<EventRow> rows, NpgsqlConnection connection) => new("""
        select k.account_id, k.digest, k.content from unnest($1::uuid[], $2::bytea[]) as asked (account_id, digest)
        join usage_keys k on k.account_id = asked.account_id and k.digest = asked.digest
        where k.xmin <> pg_current_xact_id()::xid
        """, connection)
    {
        Parameters = { Column(rows, r => r.Account.Value, NpgsqlDbType.Uuid), Column(rows, r => r.Digest, NpgsqlDbType.Bytea) },
    };

    public static NpgsqlBatchCommand Events(IReadOnlyList<EventRow> rows, DateTimeOffset now) => new("""
        insert into usage_events (account_id, time, digest, source, id, usage_id, meter, quantity, value, provider, model, tool, member, agent, run, byok,
            input_tokens, output_tokens, cached_input_tokens, cache_write_tokens, reasoning_tokens, properties, received_at)
        select s.*, $23 from unnest($1::uuid[], $2::timestamptz[], $3::bytea[], $4::text[], $5::text[], $6::uuid[], $7::text[], $8::numeric[], $9::numeric[], $10::text[], $11::text[], $12::text[],
            $13::text[], $14::text[], $15::text[], $16::boolean[], $17::bigint[], $18::bigint[], $19::bigint[], $20::bigint[], $21::bigint[], $22::text[]) s
        """)
    {
        Parameters =
        {
            Column(rows, r => r.Account.Value, NpgsqlDbType.Uuid), Column(rows, r => r.Time.UtcDateTime, NpgsqlDbType.TimestampTz), Column(rows, r => r.Digest, NpgsqlDbType.Bytea),
            Column(rows, r => r.Event.Source, NpgsqlDbType.Text), Column(rows, r => r.Event.Id, NpgsqlDbType.Text), Column(rows, r => r.Usage, NpgsqlDbType.Uuid),
            Column(rows, r => r.Event.Meter, NpgsqlDbType.Text), Column(rows, r => r.Quantity, NpgsqlDbType.Numeric), Column(rows, r => r.Event.Value, NpgsqlDbType.Numeric),
            Column(rows, r => r.Event.Provider, NpgsqlDbType.Text), Column(rows, r => r.Event.Model, NpgsqlDbType.Text), Column(rows, r => r.Event.Tool, NpgsqlDbType.Text),
            Column(rows, r => r.Event.Member, NpgsqlDbType.Text), Column(rows, r => r.Event.Agent, NpgsqlDbType.Text), Column(rows, r => r.Event.Run, NpgsqlDbType.Text),
            Column(rows, r => r.Event.Byok, NpgsqlDbType.Boolean), Column(rows, r => r.Event.Tokens?.Input, NpgsqlDbType.Bigint), Column(rows, r => r.Event.Tokens?.Output, NpgsqlDbType.Bigint),
            Column(rows, r => r.Event.Tokens?.CachedInput, NpgsqlDbType.Bigint), Column(rows, r => r.Event.Tokens?.CacheWrite, NpgsqlDbType.Bigint),
            Column(rows, r => r.Event.Tokens?.Reasoning, NpgsqlDbType.Bigint), Column(rows, r => r.Event.Properties, NpgsqlDbType.Text), Instant(now),
        },
    };

    public static NpgsqlBatchCommand Uncharged(IReadOnlyList<UnchargedUsage> rows) => new("""
        insert into uncharged_usage (id, account_id, time, events, meter, quantity, value, provider, model, tool, member, agent, run, byok,
            input_tokens, output_tokens, cached_input_tokens, cache_write_tokens, reasoning_tokens)
        select * from unnest($1::uuid[], $2::uuid[], $3::timestamptz[], $4::integer[], $5::text[], $6::numeric[], $7::numeric[], $8::text[], $9::text[], $10::text[], $11::text[], $12::text[], $13::text[],
            $14::boolean[], $15::bigint[], $16::bigint[], $17::bigint[], $18::bigint[], $19::bigint[])
        """)
    {
        Parameters =
        {
            Column(rows, u => u.Id, NpgsqlDbType.Uuid), Column(rows, u => u.AccountId.Value, NpgsqlDbType.Uuid), Column(rows, u => u.Time.UtcDateTime, NpgsqlDbType.TimestampTz),
            Column(rows, u => u.Events, NpgsqlDbType.Integer), Column(rows, u => u.Meter, NpgsqlDbType.Text), Column(rows, u => u.Quantity, NpgsqlDbType.Numeric), Column(rows, u => u.Value, NpgsqlDbType.Numeric),
            Column(rows, u => u.Provider, NpgsqlDbType.Text), Column(rows, u => u.Model, NpgsqlDbType.Text), Column(rows, u => u.Tool, NpgsqlDbType.Text), Column(rows, u => u.Member, NpgsqlDbType.Text),
            Column(rows, u => u.Agent, NpgsqlDbType.Text), Column(rows, u => u.Run, NpgsqlDbType.Text), Column(rows, u => u.Byok, NpgsqlDbType.Boolean),
            Column(rows, u => u.InputTokens, NpgsqlDbType.Bigint), Column(rows, u => u.OutputTokens, NpgsqlDbType.Bigint), Column(rows, u => u.CachedInputTokens, NpgsqlDbType.Bigint),
            Column(rows, u => u.CacheWriteTokens, NpgsqlDbType.Bigint), Column(rows, u => u.ReasoningTokens, NpgsqlDbType.Bigint),
        },
    };

    private static NpgsqlParameter<DateTime> Instant(DateTimeOffset instant) => new() { TypedValue = instant.UtcDateTime, NpgsqlDbType = NpgsqlDbType.TimestampTz };

    private static NpgsqlParameter<T[]> Column<TRow, T>(IReadOnlyList<TRow> rows, Func<TRow, T> value, NpgsqlDbType type)
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
}
