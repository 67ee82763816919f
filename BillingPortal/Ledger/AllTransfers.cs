using System.Globalization;
using System.Runtime.CompilerServices;
using BillingPortal.Data;
using BillingPortal.Primitives;
using Npgsql;
using NpgsqlTypes;

namespace BillingPortal.Ledger;

/// <summary>Everybody's rows, for staff.</summary>
internal static class AllTransfers
{
    private const int PageSize = 2_000;

    // The index over time (BRIN) finds stretches, not an order: the stretch is widened until it holds a page.
    private static readonly TimeSpan[] Stretches =
        [TimeSpan.FromSeconds(10), TimeSpan.FromMinutes(5), TimeSpan.FromHours(2), TimeSpan.FromDays(1), TimeSpan.FromDays(14), TimeSpan.FromDays(180), TimeSpan.FromDays(36_500)];

    private const string Columns = $"select {TransferReading.Columns}, d.details from";
    private const string Details = "t left join operation_details d on d.account_id = t.account_id and d.operation_id = t.operation_id";

    public static async Task<LedgerPage<TransferView>> NewestAsync(TenantScope scope, TransferFilter filter, string? cursor, int limit, DateTimeOffset now, CancellationToken ct)
    {
        // Accounts' own clocks may stand a little ahead of this machine's.
        var (at, id) = cursor is null ? (filter.To ?? now.AddDays(1), Guid.AllBitsSet) : Parse(cursor);
        var newest = cursor is null && filter.To is null ? now : at;
        List<TransferView> rows = [];
        foreach (var stretch in Stretches)
        {
            var since = newest - stretch;
            rows = await NewestAsync(scope, filter, at, id, filter.From > since ? filter.From.Value : since, limit + 1, ct);
            if (rows.Count > limit || filter.From >= since)
            {
                break;
            }
        }

        return rows.Count > limit
            ? new(rows[..limit], string.Create(CultureInfo.InvariantCulture, $"{rows[limit - 1].CreatedAt.UtcTicks}.{rows[limit - 1].Id.Value:N}"))
            : new(rows, null);
    }

    public static async IAsyncEnumerable<TransferView> InOrderAsync(Tenants tenants, TransferFilter filter, AccountId? account, [EnumeratorCancellation] CancellationToken ct)
    {
        var last = (Account: account?.Value ?? Guid.Empty, Unit: "", Seq: 0L);
        while (true)
        {
            List<TransferView> page;
            await using (var scope = account is { } only ? await tenants.ForAccountAsync(only, ct) : await tenants.ForStaffAsync(ct))
            {
                await using var command = scope.Command($"""
                    {Columns} (
                        select * from transfers where (account_id, unit, seq) > ($1, $2, $3) {(account is null ? "" : "and account_id = $1")} {Conditions(filter)}
                        order by account_id, unit, seq limit {PageSize}) {Details}
                    order by t.account_id, t.unit, t.seq
                    """);
                command.Parameters.Add(new() { Value = last.Account });
                command.Parameters.Add(new() { Value = last.Unit });
                command.Parameters.Add(new() { Value = last.Seq });
                AddConditions(command, filter);
                page = await ReadAsync(command, ct);
            }

            foreach (var row in page)
            {
                yield return row;
            }

            if (page.Count < PageSize)
            {
                yield break;
            }

            last = (page[^1].Account.Value, page[^1].Unit.Code, page[^1].Seq);
        }
    }

    private static async Task<List<TransferView>> NewestAsync(TenantScope scope, TransferFilter filter, DateTimeOffset at, Guid id, DateTimeOffset since, int limit, CancellationToken ct)
    {
        await using var command = scope.Command($"""
            {Columns} (
                select * from transfers where created_at >= $1 and created_at <= $2 and (created_at, id) < ($2, $3) {Conditions(filter)}
                order by created_at desc, id desc limit {limit}) {Details}
            order by t.created_at desc, t.id desc
            """);
        command.Parameters.Add(new() { Value = since.UtcDateTime });
        command.Parameters.Add(new() { Value = at.UtcDateTime });
        command.Parameters.Add(new() { Value = id });
        AddConditions(command, filter);
        return await ReadAsync(command, ct);
    }

    private static string Conditions(TransferFilter filter) =>
        (filter.Unit is null ? "" : "and unit = $4 ") + (filter.Kind is null ? "" : "and kind = $5 ") + (filter.From is null ? "" : "and created_at >= $6 ") + (filter.To is null ? "" : "and created_at < $7 ");

    private static void AddConditions(NpgsqlCommand command, TransferFilter filter)
    {
        command.Parameters.Add(new() { Value = (object?)filter.Unit?.Code ?? DBNull.Value, NpgsqlDbType = NpgsqlDbType.Text });
        command.Parameters.Add(new() { Value = (object?)filter.Kind?.ToString() ?? DBNull.Value, NpgsqlDbType = NpgsqlDbType.Text });
        command.Parameters.Add(new() { Value = (object?)filter.From?.UtcDateTime ?? DBNull.Value, NpgsqlDbType = NpgsqlDbType.TimestampTz });
        command.Parameters.Add(new() { Value = (object?)filter.To?.UtcDateTime ?? DBNull.Value, NpgsqlDbType = NpgsqlDbType.TimestampTz });
    }

    private static async Task<List<TransferView>> ReadAsync(NpgsqlCommand command, CancellationToken ct)
    {
        await using var reader = await command.ExecuteReaderAsync(ct);
        var rows = new List<TransferView>();
        while (await reader.ReadAsync(ct))
        {
            rows.Add(TransferReading.ReadView(reader));
        }

        return rows;
    }

    private static (DateTimeOffset At, Guid Id) Parse(string cursor) =>
        cursor.Split('.') is [var ticks, var id] && long.TryParse(ticks, NumberStyles.None, CultureInfo.InvariantCulture, out var at) && at <= DateTime.MaxValue.Ticks && Guid.TryParseExact(id, "N", out var last)
            ? (new DateTimeOffset(at, TimeSpan.Zero), last)
            : throw new FormatException("Not a cursor of the ledger.");
}
