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

/// <summary>Proves ledgers from their rows (F9): numbers without gaps, hash chains, balance = Σ rows = Σ grants − debt, held parts, books against charges and operations, details against their digests.</summary>
/// <remarks>Reads in pages, each in a short transaction of its own: rows are append-only, so what was read once stays true.</remarks>
public sealed class LedgerVerification(Tenants tenants)
{
    public const int MostProblems = 1_000;
    private const int WalletsAtOnce = 500;
    private const int RowsAtOnce = 5_000;
    private static readonly string AfterAllUnits = new('z', 40);

    // Wallet and grants in one statement, so that both are of one moment.
    private const string Wallets = """
        select w.account_id, w.unit, w.balance, w.held, w.debt, w.seq, w.last_hash,
            array(select g.id from grants g where g.account_id = w.account_id and g.unit = w.unit order by g.id),
            array(select g.remaining from grants g where g.account_id = w.account_id and g.unit = w.unit order by g.id),
            array(select g.reserved from grants g where g.account_id = w.account_id and g.unit = w.unit order by g.id)
        from wallets w where (w.account_id, w.unit) > ($1, $2) and ($3::uuid is null or w.account_id = $3) order by w.account_id, w.unit limit $4
        """;

    private const string Rows = $"""
        select {TransferReading.Columns}, d.salt, d.details from (
            select * from transfers where (account_id, unit, seq) > ($1, $2, $3) and (account_id, unit) <= ($4, $5) order by account_id, unit, seq limit $6) t
        left join operation_details d on t.details_digest is not null and d.account_id = t.account_id and d.operation_id = t.operation_id
        order by t.account_id, t.unit, t.seq
        """;

    public async Task<VerificationReport> RunAsync(AccountId? account = null, CancellationToken ct = default)
    {
        var problems = new List<LedgerProblem>();
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
            transfers += await ProveAsync(page, last, end, problems, ct);
            wallets += page.Count;
            last = end;
        }

        await new BooksProof(tenants).RunAsync(account, problems, ct);
        return new(wallets, transfers, problems.Count > MostProblems ? problems[..MostProblems] : problems);
    }

    private async Task<long> ProveAsync(List<(Wallet Wallet, List<Grant> Grants)> page, (Guid Account, string Unit) after, (Guid Account, string Unit) end, List<LedgerProblem> problems, CancellationToken ct)
    {
        var proofs = page.ToDictionary(p => (p.Wallet.AccountId, p.Wallet.Unit), p => new WalletProof(p.Wallet, p.Grants));
        var from = (after.Account, after.Unit, Seq: long.MaxValue);
        var count = 0L;
        while (true)
        {
            var rows = await RowsAfterAsync(from, end, problems, ct);
            foreach (var row in rows)
            {
                count++;
                if (proofs.TryGetValue((row.AccountId, row.Unit), out var proof))
                {
                    proof.Add(row);
                }
                else if (row.Seq == 1 && !await HasWalletAsync(row.AccountId, row.Unit, ct))
                {
                    problems.Add(new(row.AccountId, row.Unit, row.Seq, "it is in no wallet"));
                }
            }

            if (rows.Count < RowsAtOnce)
            {
                break;
            }

            from = (rows[^1].AccountId.Value, rows[^1].Unit.Code, rows[^1].Seq);
        }

        foreach (var proof in proofs.Values)
        {
            proof.Close();
            problems.AddRange(proof.Problems);
        }

        return count;
    }

    private async Task<List<(Wallet Wallet, List<Grant> Grants)>> WalletsAfterAsync((Guid Account, string Unit) last, AccountId? account, CancellationToken ct)
    {
        await using var scope = await tenants.ForStaffAsync(ct);
        await using var command = scope.Command(Wallets);
        command.Parameters.Add(new() { Value = last.Account });
        command.Parameters.Add(new() { Value = last.Unit });
        command.Parameters.Add(new() { Value = (object?)account?.Value ?? DBNull.Value, NpgsqlDbType = NpgsqlDbType.Uuid });
        command.Parameters.Add(new() { Value = WalletsAtOnce });
        await using var reader = await command.ExecuteReaderAsync(ct);
        var page = new List<(Wallet Wallet, List<Grant> Grants)>();
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
            page.Add((wallet, ReadGrants(reader, wallet)));
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

    private async Task<List<Transfer>> RowsAfterAsync((Guid Account, string Unit, long Seq) last, (Guid Account, string Unit) end, List<LedgerProblem> problems, CancellationToken ct)
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
        var rows = new List<Transfer>();
        while (await reader.ReadAsync(ct))
        {
            var row = TransferReading.Read(reader);
            rows.Add(row);
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
}
