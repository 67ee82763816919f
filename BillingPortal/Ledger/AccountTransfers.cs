using System.Globalization;
using BillingPortal.Data;
using BillingPortal.Primitives;
using NpgsqlTypes;

namespace BillingPortal.Ledger;

/// <summary>One account's rows, newest first: each wallet is read backwards by number and the streams are merged, so that no page costs more than its rows.</summary>
internal static class AccountTransfers
{
    // Within a wallet time never goes back as numbers go up, so the numbers of a stretch of time are found by halving.
    private const string Bounds = """
        with recursive halves as (
            select w.unit, at.n, at.instant, 0::bigint as low, w.seq as high
            from wallets w, (values (0, $2::timestamptz), (1, $3::timestamptz)) as at (n, instant)
            where w.account_id = $1 and w.seq > 0 and ($4::text is null or w.unit = $4)
            union all
            select h.unit, h.n, h.instant,
                case when m.created_at < h.instant then m.seq else h.low end,
                case when m.created_at < h.instant then h.high else m.seq - 1 end
            from halves h cross join lateral (
                select seq, created_at from transfers where account_id = $1 and unit = h.unit and seq = (h.low + h.high + 1) / 2) m
            where h.low < h.high and h.instant is not null)
        select unit,
            coalesce(max(low) filter (where n = 0 and low = high and instant is not null), 0),
            coalesce(max(low) filter (where n = 1 and low = high and instant is not null), max(high))
        from halves group by unit
        """;

    private const string Rows = """
        from unnest($2::text[], $3::bigint[], $4::bigint[]) as stream (unit, after, before)
        cross join lateral (
            select * from transfers r
            where r.account_id = $1 and r.unit = stream.unit and r.seq > stream.after and r.seq <= stream.before
        """;

    public static async Task<LedgerPage<TransferView>> PageAsync(TenantScope scope, AccountId account, TransferFilter filter, string? cursor, int limit, CancellationToken ct)
    {
        var streams = await BoundsAsync(scope, account, filter, ct);
        foreach (var (unit, before) in Parse(cursor))
        {
            if (streams.TryGetValue(unit, out var bounds))
            {
                streams[unit] = (bounds.After, Math.Min(bounds.Before, before));
            }
        }

        // Kinds other than charges are few and have an index of their own, which only a literal condition lets the planner use.
        var kind = filter.Kind is null ? "" : filter.Kind == TransferKind.Charge ? "and r.kind = $6" : "and r.kind = $6 and r.kind <> 'Charge'";
        await using var command = scope.Command($"""
            select {TransferReading.Columns}, d.details
            {Rows} {kind} order by r.seq desc limit $5) t
            left join operation_details d on d.account_id = t.account_id and d.operation_id = t.operation_id
            order by t.created_at desc, t.id desc limit $5
            """);
        command.Parameters.Add(new() { Value = account.Value });
        command.Parameters.Add(new() { Value = streams.Keys.ToArray() });
        command.Parameters.Add(new() { Value = streams.Values.Select(s => s.After).ToArray() });
        command.Parameters.Add(new() { Value = streams.Values.Select(s => s.Before).ToArray() });
        command.Parameters.Add(new() { Value = limit + 1 });
        if (filter.Kind is { } wanted)
        {
            command.Parameters.Add(new() { Value = wanted.ToString(), NpgsqlDbType = NpgsqlDbType.Text });
        }

        var rows = new List<TransferView>();
        await using var reader = await command.ExecuteReaderAsync(ct);
        while (await reader.ReadAsync(ct))
        {
            rows.Add(TransferReading.ReadView(reader));
        }

        if (rows.Count <= limit)
        {
            return new(rows, null);
        }

        var page = rows[..limit];
        foreach (var row in page)
        {
            streams[row.Unit.Code] = (streams[row.Unit.Code].After, row.Seq - 1);
        }

        return new(page, string.Join('~', streams.Select(s => string.Create(CultureInfo.InvariantCulture, $"{s.Key}.{s.Value.Before}"))));
    }

    /// <summary>By unit: the numbers that a stretch of time lies between, the first not included.</summary>
    internal static async Task<Dictionary<string, (long After, long Before)>> BoundsAsync(TenantScope scope, AccountId account, TransferFilter filter, CancellationToken ct)
    {
        await using var command = scope.Command(Bounds);
        command.Parameters.Add(new() { Value = account.Value });
        command.Parameters.Add(new() { Value = (object?)filter.From?.UtcDateTime ?? DBNull.Value, NpgsqlDbType = NpgsqlDbType.TimestampTz });
        command.Parameters.Add(new() { Value = (object?)filter.To?.UtcDateTime ?? DBNull.Value, NpgsqlDbType = NpgsqlDbType.TimestampTz });
        command.Parameters.Add(new() { Value = (object?)filter.Unit?.Code ?? DBNull.Value, NpgsqlDbType = NpgsqlDbType.Text });
        await using var reader = await command.ExecuteReaderAsync(ct);
        var streams = new Dictionary<string, (long, long)>();
        while (await reader.ReadAsync(ct))
        {
            streams[reader.GetString(0)] = (reader.GetInt64(1), reader.GetInt64(2));
        }

        return streams;
    }

    private static IEnumerable<(string Unit, long Before)> Parse(string? cursor)
    {
        foreach (var part in cursor?.Split('~') ?? [])
        {
            yield return part.Split('.') is [var unit, var seq] && Unit.TryParse(unit, out _) && long.TryParse(seq, NumberStyles.None, CultureInfo.InvariantCulture, out var before)
                ? (unit, before)
                : throw new FormatException("Not a cursor of the ledger.");
        }
    }
}
