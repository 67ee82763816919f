using BillingPortal.Data;
using BillingPortal.Primitives;
using Npgsql;
using NpgsqlTypes;

namespace BillingPortal.Ledger;

/// <summary>Holds what stands beside the ledger against it: every charge's receipt, every recorded operation, every paid row's charge, and every anchor's wallet.</summary>
internal sealed class BooksProof(Tenants tenants, ProgressCount progress)
{
    private const int RowsAtOnce = 2_000;

    // Each page answers where it ended and what it found. `limit 1` keeps the planner to one look-up by key for each row: it cannot guess how few rows a
    // receipt names, and would read an account's whole ledger for each of its charges.
    private const string Charges = """
        with page as (select account_id, id, receipt from charges where (account_id, id) > ($1, $2) and ($3::uuid is null or account_id = $3) order by account_id, id limit $4)
        select c.account_id, c.id,
            (select string_agg(format('%s row %s', f.unit, f.seq), ', ') from jsonb_to_recordset(coalesce(c.receipt -> 'funding', '[]')) as f (unit text, amount numeric, seq bigint)
             left join lateral (select seq, charge_id, amount, kind from transfers where account_id = c.account_id and unit = f.unit and seq = f.seq limit 1) t on true
             where coalesce(f.seq, 0) > 0 and (t.seq is null or t.charge_id is distinct from c.id or t.amount <> f.amount or t.kind <> 'Charge'))
        from page c order by c.account_id, c.id
        """;

    private const string Operations = """
        with page as (select account_id, origin, key, id, moved from operations where (account_id, origin, key) > ($1, $2, $5) and ($3::uuid is null or account_id = $3)
            order by account_id, origin, key limit $4)
        select o.account_id, o.id, (
            select string_agg(m, ', ') from unnest(string_to_array(nullif(o.moved, ''), ' ')) as m
            left join lateral (select operation_id from transfers where account_id = o.account_id and unit = split_part(m, ':', 1) and seq = split_part(m, ':', 2)::bigint limit 1) t on true
            where t.operation_id is distinct from o.id), o.origin, o.key
        from page o order by o.account_id, o.origin, o.key
        """;

    private const string Paid = """
        with page as (select account_id, unit, seq, charge_id from transfers where (account_id, unit, seq) > ($1, $2, $5) and ($3::uuid is null or account_id = $3)
            order by account_id, unit, seq limit $4)
        select t.account_id, t.unit, t.seq, t.charge_id is not null and not exists (select from charges c where c.account_id = t.account_id and c.id = t.charge_id)
        from page t order by t.account_id, t.unit, t.seq
        """;

    private const string Anchored = """
        with page as (select account_id, unit, seq from ledger_anchors where (account_id, unit, seq) > ($1, $2, $5) and ($3::uuid is null or account_id = $3)
            order by account_id, unit, seq limit $4)
        select a.account_id, a.unit, a.seq, not exists (select from wallets w where w.account_id = a.account_id and w.unit = a.unit)
        from page a order by a.account_id, a.unit, a.seq
        """;

    public async Task RunAsync(AccountId? account, List<LedgerProblem> problems, CancellationToken ct)
    {
        await ChargesAsync(account, problems, ct);
        await OperationsAsync(account, problems, ct);
        await RowsAsync(Paid, "the charge that it belongs to is missing", account, problems, ct);
        await RowsAsync(Anchored, "it was anchored, and the whole wallet is not there any more", account, problems, ct);
    }

    private async Task ChargesAsync(AccountId? account, List<LedgerProblem> problems, CancellationToken ct)
    {
        var last = (Account: account?.Value ?? Guid.Empty, Id: Guid.Empty);
        for (var rows = RowsAtOnce; rows == RowsAtOnce && problems.Count < LedgerVerification.MostProblems;)
        {
            rows = 0;
            await using var scope = await tenants.ForStaffAsync(ct);
            await using var reader = await ReaderAsync(scope, Charges, account, [new() { Value = last.Account }, new() { Value = last.Id }], null, ct);
            while (await reader.ReadAsync(ct))
            {
                rows++;
                last = (reader.GetGuid(0), reader.GetGuid(1));
                if (!reader.IsDBNull(2))
                {
                    problems.Add(new(new(last.Account), null, 0, $"{new ChargeId(new(last.Account), last.Id)} names as paid what its ledger does not show: {reader.GetString(2)}"));
                }
            }

            progress.Add(rows);
        }
    }

    private async Task OperationsAsync(AccountId? account, List<LedgerProblem> problems, CancellationToken ct)
    {
        var last = (Account: account?.Value ?? Guid.Empty, Origin: "", Key: "");
        for (var rows = RowsAtOnce; rows == RowsAtOnce && problems.Count < LedgerVerification.MostProblems;)
        {
            rows = 0;
            await using var scope = await tenants.ForStaffAsync(ct);
            await using var reader = await ReaderAsync(scope, Operations, account, [new() { Value = last.Account }, new() { Value = last.Origin }], new() { Value = last.Key }, ct);
            while (await reader.ReadAsync(ct))
            {
                rows++;
                last = (reader.GetGuid(0), reader.GetString(3), reader.GetString(4));
                if (!reader.IsDBNull(2))
                {
                    problems.Add(new(new(last.Account), null, 0, $"operation {reader.GetGuid(1)} names rows that are not its own: {reader.GetString(2)}"));
                }
            }

            progress.Add(rows);
        }
    }

    private async Task RowsAsync(string sql, string what, AccountId? account, List<LedgerProblem> problems, CancellationToken ct)
    {
        var last = (Account: account?.Value ?? Guid.Empty, Unit: "", Seq: 0L);
        for (var rows = RowsAtOnce; rows == RowsAtOnce && problems.Count < LedgerVerification.MostProblems;)
        {
            rows = 0;
            await using var scope = await tenants.ForStaffAsync(ct);
            await using var reader = await ReaderAsync(scope, sql, account, [new() { Value = last.Account }, new() { Value = last.Unit }], new() { Value = last.Seq }, ct);
            while (await reader.ReadAsync(ct))
            {
                rows++;
                last = (reader.GetGuid(0), reader.GetString(1), reader.GetInt64(2));
                if (reader.GetBoolean(3))
                {
                    problems.Add(new(new(last.Account), Unit.Of(last.Unit), last.Seq, what));
                }
            }

            progress.Add(rows);
        }
    }

    private static async Task<NpgsqlDataReader> ReaderAsync(TenantScope scope, string sql, AccountId? account, NpgsqlParameter[] after, NpgsqlParameter? last, CancellationToken ct)
    {
        await using var command = scope.Command(sql);
        command.Parameters.AddRange(after);
        command.Parameters.Add(new() { Value = (object?)account?.Value ?? DBNull.Value, NpgsqlDbType = NpgsqlDbType.Uuid });
        command.Parameters.Add(new() { Value = RowsAtOnce });
        if (last is not null)
        {
            command.Parameters.Add(last);
        }

        return await command.ExecuteReaderAsync(ct);
    }
}
