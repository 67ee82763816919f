using System.Globalization;
using System.Text.Json;
using BillingPortal.Data;
using BillingPortal.Ledger;
using BillingPortal.Primitives;
using Npgsql;
using NpgsqlTypes;

namespace BillingPortal.Components.AccountParts;

/// <summary>An account's ledger, newest first, across its wallets: each wallet is read backwards by number and the streams are merged, so that no page of it costs more than its rows.</summary>
public sealed class TransferReader(Tenants tenants)
{
    private const string Sql = """
        select t.unit, t.seq, t.id, t.is_credit, t.amount, t.balance_after, t.kind, t.book, t.operation_id, t.charge_id, t.created_at, t.hash, d.details
        from unnest($2::text[], $3::bigint[]) as stream (unit, before)
        cross join lateral (
            select * from transfers r
            where r.account_id = $1 and r.unit = stream.unit and r.seq < stream.before
              and ($4::text is null or r.kind = $4) and ($5::timestamptz is null or r.created_at >= $5) and ($6::timestamptz is null or r.created_at < $6)
            order by r.seq desc limit $7) t
        left join operation_details d on d.account_id = t.account_id and d.operation_id = t.operation_id
        order by t.created_at desc, t.id desc limit $7
        """;

    /// <param name="cursor">From the page before; null: from the newest.</param>
    /// <param name="limit">1 to 200 rows.</param>
    public async Task<LedgerPage<TransferView>> PageAsync(AccountId account, TransferFilter filter, string? cursor, int limit, CancellationToken ct = default)
    {
        await using var scope = await tenants.ForAccountAsync(account, ct);
        var streams = cursor is null ? await StreamsAsync(scope, account, filter.Unit, ct) : Parse(cursor);
        if (streams.Count == 0)
        {
            return new([], null);
        }

        await using var command = scope.Command(Sql);
        command.Parameters.Add(new() { Value = account.Value });
        command.Parameters.Add(new() { Value = streams.Keys.ToArray() });
        command.Parameters.Add(new() { Value = streams.Values.ToArray() });
        command.Parameters.Add(new() { Value = (object?)filter.Kind?.ToString() ?? DBNull.Value, NpgsqlDbType = NpgsqlDbType.Text });
        command.Parameters.Add(new() { Value = (object?)filter.From?.ToUniversalTime() ?? DBNull.Value, NpgsqlDbType = NpgsqlDbType.TimestampTz });
        command.Parameters.Add(new() { Value = (object?)filter.To?.ToUniversalTime() ?? DBNull.Value, NpgsqlDbType = NpgsqlDbType.TimestampTz });
        command.Parameters.Add(new() { Value = limit + 1 });
        var rows = new List<TransferView>();
        await using (var reader = await command.ExecuteReaderAsync(ct))
        {
            while (await reader.ReadAsync(ct))
            {
                rows.Add(Read(account, reader));
            }
        }

        var hasMore = rows.Count > limit;
        var page = hasMore ? rows[..limit] : rows;
        foreach (var row in page)
        {
            streams[row.Unit.Code] = row.Seq;
        }

        return new(page, hasMore ? string.Join('~', streams.Select(s => string.Create(CultureInfo.InvariantCulture, $"{s.Key}.{s.Value}"))) : null);
    }

    private static async Task<Dictionary<string, long>> StreamsAsync(TenantScope scope, AccountId account, Unit? only, CancellationToken ct)
    {
        await using var command = scope.Command("select unit from wallets where account_id = $1 and seq > 0");
        command.Parameters.Add(new() { Value = account.Value });
        await using var reader = await command.ExecuteReaderAsync(ct);
        var streams = new Dictionary<string, long>();
        while (await reader.ReadAsync(ct))
        {
            if (only is null || only.Value.Code == reader.GetString(0))
            {
                streams[reader.GetString(0)] = long.MaxValue;
            }
        }

        return streams;
    }

    private static Dictionary<string, long> Parse(string cursor)
    {
        var streams = new Dictionary<string, long>();
        foreach (var part in cursor.Split('~'))
        {
            if (part.Split('.') is [var unit, var seq] && Unit.TryParse(unit, out _) && long.TryParse(seq, NumberStyles.None, CultureInfo.InvariantCulture, out var before))
            {
                streams[unit] = before;
            }
        }

        return streams;
    }

    private static TransferView Read(AccountId account, NpgsqlDataReader reader)
    {
        var amount = Amount.Of(reader.GetDecimal(4));
        return new(account, new(reader.GetGuid(2)), Unit.Of(reader.GetString(0)), reader.GetInt64(1), Enum.Parse<TransferKind>(reader.GetString(6)),
            reader.GetBoolean(3) ? amount : -amount, Amount.Of(reader.GetDecimal(5)), Enum.Parse<Book>(reader.GetString(7)),
            reader.IsDBNull(12) ? null : ReasonOf(reader.GetString(12)), reader.IsDBNull(9) ? null : new ChargeId(account, reader.GetGuid(9)),
            reader.GetGuid(8), reader.GetFieldValue<DateTimeOffset>(10), Convert.ToHexStringLower(reader.GetFieldValue<byte[]>(11)));
    }

    private static string? ReasonOf(string details)
    {
        using var json = JsonDocument.Parse(details);
        return json.RootElement.ValueKind == JsonValueKind.Object && json.RootElement.TryGetProperty("reason", out var reason) ? reason.GetString() : null;
    }
}
