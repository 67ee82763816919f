using System.Runtime.CompilerServices;
using BillingPortal.Data;
using BillingPortal.Primitives;
using Npgsql;
using NpgsqlTypes;

namespace BillingPortal.Ledger;

/// <summary>How anchors are read: the newest of an account's wallets, or all in order.</summary>
internal static class AnchorReading
{
    private const int PageSize = 2_000;
    private const string Columns = "account_id, unit, seq, balance, hash, anchored_at";

    public static async Task<List<AnchorView>> NewestAsync(TenantScope scope, AccountId account, CancellationToken ct)
    {
        await using var command = scope.Command($"""
            select a.* from wallets w
            join lateral (select {Columns} from ledger_anchors where account_id = w.account_id and unit = w.unit order by seq desc limit 1) a on true
            where w.account_id = $1
            """);
        command.Parameters.Add(new() { Value = account.Value });
        return await ReadAsync(command, ct);
    }

    /// <summary>In pages, each in a short transaction of its own.</summary>
    public static async IAsyncEnumerable<AnchorView> InOrderAsync(Tenants tenants, AccountId? account, [EnumeratorCancellation] CancellationToken ct)
    {
        var last = (Account: account?.Value ?? Guid.Empty, Unit: "", Seq: 0L);
        while (true)
        {
            List<AnchorView> page;
            await using (var scope = account is { } only ? await tenants.ForAccountAsync(only, ct) : await tenants.ForStaffAsync(ct))
            {
                await using var command = scope.Command(
                    $"select {Columns} from ledger_anchors where (account_id, unit, seq) > ($1, $2, $3) and ($4::uuid is null or account_id = $4) order by account_id, unit, seq limit {PageSize}");
                command.Parameters.Add(new() { Value = last.Account });
                command.Parameters.Add(new() { Value = last.Unit });
                command.Parameters.Add(new() { Value = last.Seq });
                command.Parameters.Add(new() { Value = (object?)account?.Value ?? DBNull.Value, NpgsqlDbType = NpgsqlDbType.Uuid });
                page = await ReadAsync(command, ct);
            }

            foreach (var anchor in page)
            {
                yield return anchor;
            }

            if (page.Count < PageSize)
            {
                yield break;
            }

            last = (page[^1].Account.Value, page[^1].Unit.Code, page[^1].Seq);
        }
    }

    private static async Task<List<AnchorView>> ReadAsync(NpgsqlCommand command, CancellationToken ct)
    {
        await using var reader = await command.ExecuteReaderAsync(ct);
        var anchors = new List<AnchorView>();
        while (await reader.ReadAsync(ct))
        {
            anchors.Add(new(new(reader.GetGuid(0)), Unit.Of(reader.GetString(1)), reader.GetInt64(2), Amount.Of(reader.GetDecimal(3)),
                Convert.ToHexStringLower(reader.GetFieldValue<byte[]>(4)), reader.GetFieldValue<DateTimeOffset>(5)));
        }

        return anchors;
    }
}
