using BillingPortal.Primitives;
using Npgsql;
using NpgsqlTypes;

namespace BillingPortal.Ledger;

/// <summary>Reads and writes where the levels of accounts stand.</summary>
internal static class LevelReading
{
    private const string Levels = "select account_id, meter, value, as_of, set_at, peak, area, until, counts_from from levels where account_id = any($1)";

    public static async Task ReadAsync(NpgsqlConnection connection, IReadOnlyList<AccountState> states, CancellationToken ct)
    {
        var byAccount = states.ToDictionary(s => s.Account);
        await using var command = new NpgsqlCommand(Levels, connection);
        command.Parameters.Add(new() { Value = byAccount.Keys.Select(a => a.Value).ToArray(), NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Uuid });
        await using var reader = await command.ExecuteReaderAsync(ct);
        while (await reader.ReadAsync(ct))
        {
            var state = byAccount[new(reader.GetGuid(0))];
            state.Add(new Level
            {
                AccountId = state.Account,
                Meter = Unit.Of(reader.GetString(1)),
                Value = Amount.Of(reader.GetDecimal(2)),
                AsOf = reader.GetFieldValue<DateTimeOffset>(3),
                SetAt = reader.GetFieldValue<DateTimeOffset>(4),
                Peak = Amount.Of(reader.GetDecimal(5)),
                Area = reader.GetDecimal(6),
                Until = reader.GetFieldValue<DateTimeOffset>(7),
                CountsFrom = reader.GetFieldValue<DateTimeOffset>(8),
            });
        }
    }

    public static void AddWriting(NpgsqlBatch batch, IReadOnlyCollection<AccountState> states)
    {
        Level[] rows = [.. states.SelectMany(s => s.TouchedLevels)];
        if (rows.Length == 0)
        {
            return;
        }

        batch.Add("""
            insert into levels (account_id, meter, value, as_of, set_at, peak, area, until, counts_from)
            select * from unnest($1::uuid[], $2::text[], $3::numeric[], $4::timestamptz[], $5::timestamptz[], $6::numeric[], $7::numeric[], $8::timestamptz[], $9::timestamptz[])
            on conflict (account_id, meter) do update set value = excluded.value, as_of = excluded.as_of, set_at = excluded.set_at, peak = excluded.peak, area = excluded.area,
                until = excluded.until, counts_from = excluded.counts_from
            """,
            Column(l => l.AccountId.Value, NpgsqlDbType.Uuid), Column(l => l.Meter.Code, NpgsqlDbType.Text), Column(l => l.Value.Value, NpgsqlDbType.Numeric),
            Column(l => l.AsOf.UtcDateTime, NpgsqlDbType.TimestampTz), Column(l => l.SetAt.UtcDateTime, NpgsqlDbType.TimestampTz), Column(l => l.Peak.Value, NpgsqlDbType.Numeric),
            Column(l => decimal.Round(l.Area, 6), NpgsqlDbType.Numeric), Column(l => l.Until.UtcDateTime, NpgsqlDbType.TimestampTz), Column(l => l.CountsFrom.UtcDateTime, NpgsqlDbType.TimestampTz));

        NpgsqlParameter Column<T>(Converter<Level, T> value, NpgsqlDbType type) => new() { Value = Array.ConvertAll(rows, value), NpgsqlDbType = NpgsqlDbType.Array | type };
    }
}
