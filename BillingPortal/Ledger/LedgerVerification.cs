using BillingPortal.Data;
using BillingPortal.Primitives;
using Npgsql;
using NpgsqlTypes;

namespace BillingPortal.Ledger;

/// <param name="Problems">At most <see cref="LedgerVerification.MostProblems"/>; empty when all is well.</param>
public sealed record VerificationReport(long Wallets, long Transfers, IReadOnlyList<LedgerProblem> Problems)
{
    public bool Ok => Problems.Count == 0;
}

/// <summary>Proves ledgers from their rows (F9): numbers without gaps, hash chains, balance = Σ rows = Σ grants − debt, held parts, books against charges and operations, details against their digests, heads against their anchors.</summary>
/// <remarks>Reads in pages, each in a short transaction of its own: rows are append-only, so what was read once stays true.</remarks>
public sealed class LedgerVerification(Tenants tenants)
{
    public const int MostProblems = 1_000;
    private const int WalletsAtOnce = 500;
    private const int RowsAtOnce = 5_000;
    private static readonly string AfterAllUnits = new('z', 40);

    // Wallet, grants and holds in one statement, so that all are of one moment.
    private const string Wallets = """
        select w.account_id, w.unit, w.balance, w.held, w.debt, w.seq, w.last_hash,
            array(select g.id from grants g where g.account_id = w.account_id and g.unit = w.unit order by g.id),
            array(select g.remaining from grants g where g.account_id = w.account_id and g.unit = w.unit order by g.id),
            array(select g.reserved from grants g where g.account_id = w.account_id and g.unit = w.unit order by g.id),
            a.seq, a.balance, a.hash, a.anchored_at,
            array(select h.state::text from holds h where h.account_id = w.account_id and h.status = 'Open')
        from wallets w
        left join lateral (select seq, balance, hash, anchored_at from ledger_anchors where account_id = w.account_id and unit = w.unit order by seq desc limit 1) a on true
        where (w.account_id, w.unit) > ($1, $2) and ($3::uuid is null or w.account_id = $3) order by w.account_id, w.unit limit $4
        """;

    private const string Rows = $"""
        select {TransferReading.Columns}, d.salt, d.details, a.balance, a.hash, a.anchored_at from (
            select * from transfers where (account_id, unit, seq) > ($1, $2, $3) and (account_id, unit) <= ($4, $5) order by account_id, unit, seq limit $6) t
        left join operation_details d on t.details_digest is not null and d.account_id = t.account_id and d.operation_id = t.operation_id
        left join ledger_anchors a on a.account_id = t.account_id and a.unit = t.unit and a.seq = t.seq
        order by t.account_id, t.unit, t.seq
        """;

    // How many rows there are: of transfers exactly, since they are numbered without gaps; of what stands beside them as the planner guesses.
    private const string Size = """
        select 2 * (select coalesce(sum(seq), 0)::bigint from wallets where $1::uuid is null or account_id = $1)
            + case when $1::uuid is null then (select sum(greatest(reltuples, 0))::bigint from pg_class where oid in ('charges'::regclass, 'operations'::regclass))
                else (select count(*) from charges where account_id = $1) + (select count(*) from operations where account_id = $1) end
        """;

    /// <param name="account">Null: all accounts.</param>
    /// <param name="listener">Told at each hundredth; null: nobody asks.</param>
    public async Task<VerificationReport> RunAsync(AccountId? account = null, IProgress<VerificationProgress>? listener = null, CancellationToken ct = default)
    {
        var problems = new List<LedgerProblem>();
        var progress = new ProgressCount(listener is null ? 0 : await SizeAsync(account, ct), listener);
        var (wallets, transfers) = (0L, 0L);
        var last = (Account: account?.Value ?? Guid.Empty, Unit: "");
        while (problems.Count < MostProblems)
        {
            var page = await WalletsAfterAsync(last, account, ct);
            if (page.Count == 0)
            {
                break;
            }

            // The last page reaches to the end of all rows, so that rows without any wallet are seen too.
            var end = page.Count == WalletsAtOnce ? (page[^1].Wallet.AccountId.Value, page[^1].Wallet.Unit.Code) : (account?.Value ?? Guid.AllBitsSet, AfterAllUnits);
            transfers += await ProveAsync(page, last, end, problems, progress, ct);
            wallets += page.Count;
            last = end;
        }

        await new BooksProof(tenants, progress).RunAsync(account, problems, ct);
        progress.Finish();
        return new(wallets, transfers, problems.Count > MostProblems ? problems[..MostProblems] : problems);
    }

    private async Task<long> SizeAsync(AccountId? account, CancellationToken ct)
    {
        await using var scope = await tenants.ForStaffAsync(ct);
        await using var command = scope.Command(Size);
        command.Parameters.Add(new() { Value = (object?)account?.Value ?? DBNull.Value, NpgsqlDbType = NpgsqlDbType.Uuid });
        return (long)(await command.ExecuteScalarAsync(ct))!;
    }

    private async Task<long> ProveAsync(List<WalletToProve> page, (Guid Account, string Unit) after, (Guid Account, string Unit) end, List<LedgerProblem> problems, ProgressCount progress, CancellationToken ct)
    {
        var proofs = page.ToDictionary(p => (p.Wallet.AccountId, p.Wallet.Unit), p => new WalletProof(p.Wallet, p.Grants, p.Holds, p.LastAnchor));
        var from = (after.Account, after.Unit, Seq: long.MaxValue);
        var count = 0L;
        while (true)
        {
            var rows = await RowsAfterAsync(from, end, problems, ct);
            foreach (var (row, anchor) in rows)
            {
                count++;
                if (proofs.TryGetValue((row.AccountId, row.Unit), out var proof))
                {
                    proof.Add(row, anchor);
                }
                else if (row.Seq == 1 && !await HasWalletAsync(row.AccountId, row.Unit, ct))
                {
                    problems.Add(new(row.AccountId, row.Unit, row.Seq, "it is in no wallet"));
                }
            }

            progress.Add(rows.Count);
            if (rows.Count < RowsAtOnce)
            {
                break;
            }

            from = (rows[^1].Row.AccountId.Value, rows[^1].Row.Unit.Code, rows[^1].Row.Seq);
        }

        foreach (var proof in proofs.Values)
        {
            proof.Close();
            problems.AddRange(proof.Problems);
        }

        return count;
    }

    private async Task<List<WalletToProve>> WalletsAfterAsync((Guid Account, string Unit) last, AccountId? account, CancellationToken ct)
    {
        await using var scope = await tenants.ForStaffAsync(ct);
        await using var command = scope.Command(Wallets);
        command.Parameters.Add(new() { Value = last.Account });
        command.Parameters.Add(new() { Value = last.Unit });
        command.Parameters.Add(new() { Value = (object?)account?.Value ?? DBNull.Value, NpgsqlDbType = NpgsqlDbType.Uuid });
        command.Parameters.Add(new() { Value = WalletsAtOnce });
        await using var reader = await command.ExecuteReaderAsync(ct);
        var page = new List<WalletToProve>();
        while (await reader.ReadAsync(ct))
        {
            var wallet = new Wallet
            {
                AccountId = new(reader.GetGuid(0)),
                Unit = Unit.Of(reader.GetString(1)),
                Balance = Amount.Of(reader.GetDecimal(2)),
                Held = Amount.Of(reader.GetDecimal(3)),
                Debt = Amount.Of(reader.GetDecimal(4)),
                Seq = reader.GetInt64(5),
                LastHash = reader.GetFieldValue<byte[]>(6),
            };
            page.Add(new(wallet, ReadGrants(reader, wallet), [.. reader.GetFieldValue<string[]>(14).Select(StoredHold.ReadState)], reader.IsDBNull(10) ? null : ReadAnchor(reader, 11, wallet.AccountId, wallet.Unit, reader.GetInt64(10))));
        }

        return page;
    }

    private static List<Grant> ReadGrants(NpgsqlDataReader reader, Wallet wallet)
    {
        var (ids, remaining, reserved) = (reader.GetFieldValue<Guid[]>(7), reader.GetFieldValue<decimal[]>(8), reader.GetFieldValue<decimal[]>(9));
        var grants = new List<Grant>(ids.Length);
        for (var i = 0; i < ids.Length; i++)
        {
            grants.Add(new() { AccountId = wallet.AccountId, Unit = wallet.Unit, Id = new(ids[i]), Remaining = Amount.Of(remaining[i]), Reserved = Amount.Of(reserved[i]) });
        }

        return grants;
    }

    private static LedgerAnchor ReadAnchor(NpgsqlDataReader reader, int first, AccountId account, Unit unit, long seq) => new()
    {
        AccountId = account,
        Unit = unit,
        Seq = seq,
        Balance = Amount.Of(reader.GetDecimal(first)),
        Hash = reader.GetFieldValue<byte[]>(first + 1),
        AnchoredAt = reader.GetFieldValue<DateTimeOffset>(first + 2),
    };

    private async Task<List<(Transfer Row, LedgerAnchor? Anchor)>> RowsAfterAsync((Guid Account, string Unit, long Seq) last, (Guid Account, string Unit) end, List<LedgerProblem> problems, CancellationToken ct)
    {
        await using var scope = await tenants.ForStaffAsync(ct);
        await using var command = scope.Command(Rows);
        command.Parameters.Add(new() { Value = last.Account });
        command.Parameters.Add(new() { Value = last.Unit });
        command.Parameters.Add(new() { Value = last.Seq });
        command.Parameters.Add(new() { Value = end.Account });
        command.Parameters.Add(new() { Value = end.Unit });
        command.Parameters.Add(new() { Value = RowsAtOnce });
        await using var reader = await command.ExecuteReaderAsync(ct);
        var rows = new List<(Transfer Row, LedgerAnchor? Anchor)>();
        while (await reader.ReadAsync(ct))
        {
            var row = TransferReading.Read(reader);
            rows.Add((row, reader.IsDBNull(18) ? null : ReadAnchor(reader, 18, row.AccountId, row.Unit, row.Seq)));
            // No details: they were erased, and the digest stands alone.
            if (!reader.IsDBNull(16) && !HashChain.DetailsDigest(reader.GetFieldValue<byte[]>(16), reader.GetString(17)).AsSpan().SequenceEqual(row.DetailsDigest))
            {
                problems.Add(new(row.AccountId, row.Unit, row.Seq, "its operation's details are not those that were digested"));
            }
        }

        return rows;
    }

    private async Task<bool> HasWalletAsync(AccountId account, Unit unit, CancellationToken ct)
    {
        await using var scope = await tenants.ForStaffAsync(ct);
        await using var command = scope.Command("select exists (select from wallets where account_id = $1 and unit = $2)");
        command.Parameters.Add(new() { Value = account.Value });
        command.Parameters.Add(new() { Value = unit.Code });
        return await command.ExecuteScalarAsync(ct) is true;
    }

    private sealed record WalletToProve(Wallet Wallet, List<Grant> Grants, List<HoldState> Holds, LedgerAnchor? LastAnchor);
}
