using BillingPortal.Data;
using BillingPortal.Primitives;
using Microsoft.EntityFrameworkCore;
using Npgsql;
using NpgsqlTypes;

namespace BillingPortal.Ledger;

/// <summary>What pages and the API read of ledgers. One account's rows are read under that account's scope; only what spans accounts takes the staff's.</summary>
public sealed class LedgerReads(Tenants tenants, Ledger ledger, TimeProvider time)
{
    /// <summary>Plan, period and policies. A first look opens the account's ledger, and a look after a border crosses it, so that what is shown is what a charge would find.</summary>
    /// <param name="account">An account that exists.</param>
    public async Task<Standing> StandingAsync(AccountId account, CancellationToken ct = default)
    {
        if (await HeadAsync(account, ct) is not { } head || head.PeriodEnd <= time.GetUtcNow() || await HasExpiredAsync(account, ct))
        {
            await ledger.AdvanceAsync(account, ct);
            head = await HeadAsync(account, ct) ?? throw new InvalidOperationException("A ledger that was just opened is not there.");
        }

        return new(account, head.Plan, head.Status, head.GraceUntil, head.PeriodStart, head.PeriodEnd, head.LowBalancePolicy, head.OverdraftLimit, head.Currency, head.TotalUses, head.Overrides);
    }

    /// <summary>All wallets with the grants in play, by unit. Opens and advances the account like <see cref="StandingAsync"/>.</summary>
    public async Task<IReadOnlyList<WalletView>> WalletsAsync(AccountId account, CancellationToken ct = default)
    {
        await StandingAsync(account, ct);
        await using var scope = await tenants.ForAccountAsync(account, ct);
        var wallets = await scope.Db.Set<Wallet>().AsNoTracking().Where(w => w.AccountId == account).ToListAsync(ct);
        var grants = await scope.Db.Set<Grant>().AsNoTracking().Where(g => g.AccountId == account && g.IsOpen).ToListAsync(ct);
        grants.Sort(Posting.CompareBurnOrder);
        var byUnit = grants.ToLookup(g => g.Unit, g => new GrantView(g.Id, g.Unit, g.Source, g.Amount, g.Remaining, g.Reserved, g.Priority, g.ExpiresAt, g.CreatedAt, g.Reference));
        return [.. wallets.OrderBy(w => w.Unit).Select(w => new WalletView(w.Unit, w.Balance, w.Held, w.Debt, w.UsedInPeriod, [.. byUnit[w.Unit]]))];
    }

    /// <summary>Where the account's levels stand, by meter.</summary>
    public async Task<IReadOnlyList<Level>> LevelsAsync(AccountId account, CancellationToken ct = default)
    {
        await using var scope = await tenants.ForAccountAsync(account, ct);
        return await scope.Db.Set<Level>().AsNoTracking().Where(l => l.AccountId == account).OrderBy(l => l.Meter).ToListAsync(ct);
    }

    /// <summary>A page of one account's rows, newest first, across its wallets.</summary>
    /// <param name="cursor">From the page before; null: from the newest.</param>
    /// <param name="limit">1 to 200.</param>
    /// <exception cref="FormatException">The cursor is none of ours.</exception>
    public async Task<LedgerPage<TransferView>> TransfersAsync(AccountId account, TransferFilter filter, string? cursor, int limit, CancellationToken ct = default)
    {
        await using var scope = await tenants.ForAccountAsync(account, ct);
        return await AccountTransfers.PageAsync(scope, account, filter, cursor, limit, ct);
    }

    /// <summary>A page of everybody's rows, newest first; for staff.</summary>
    /// <inheritdoc cref="TransfersAsync(AccountId, TransferFilter, string?, int, CancellationToken)"/>
    public async Task<LedgerPage<TransferView>> TransfersAsync(TransferFilter filter, string? cursor, int limit, CancellationToken ct = default)
    {
        await using var scope = await tenants.ForStaffAsync(ct);
        return await AllTransfers.NewestAsync(scope, filter, cursor, limit, time.GetUtcNow(), ct);
    }

    /// <summary>All rows of one account or of everybody, by account, unit and number; for exports. Read in pages, each in a short transaction of its own: a long one would slow hot accounts down.</summary>
    public IAsyncEnumerable<TransferView> AllAsync(TransferFilter filter, AccountId? account = null, CancellationToken ct = default) =>
        AllTransfers.InOrderAsync(tenants, filter, account, ct);

    /// <summary>The newest anchor of each of the account's wallets that has one.</summary>
    public async Task<IReadOnlyList<AnchorView>> NewestAnchorsAsync(AccountId account, CancellationToken ct = default)
    {
        await using var scope = await tenants.ForAccountAsync(account, ct);
        return await AnchorReading.NewestAsync(scope, account, ct);
    }

    /// <summary>All anchors of one account or of everybody, by account, unit and number; for exports.</summary>
    public IAsyncEnumerable<AnchorView> AnchorsAsync(AccountId? account = null, CancellationToken ct = default) => AnchorReading.InOrderAsync(tenants, account, ct);

    /// <summary>One charge with its refunds.</summary>
    /// <returns>Null: the account has no such charge.</returns>
    public async Task<(Charge Charge, IReadOnlyList<ChargeRefund> Refunds)?> ChargeAsync(ChargeId id, CancellationToken ct = default)
    {
        await using var scope = await tenants.ForAccountAsync(id.Account, ct);
        var charge = await scope.Db.Set<Charge>().AsNoTracking().FirstOrDefaultAsync(c => c.AccountId == id.Account && c.Id == id.Value, ct);
        if (charge is null)
        {
            return null;
        }

        return (charge, await scope.Db.Set<ChargeRefund>().AsNoTracking().Where(r => r.AccountId == id.Account && r.ChargeId == id.Value).OrderBy(r => r.Id).ToListAsync(ct));
    }

    /// <summary>A page of an account's charges, newest first.</summary>
    /// <param name="cursor">Id of the last charge of the page before, in hexadecimal.</param>
    /// <exception cref="FormatException">The cursor is none of ours.</exception>
    public async Task<LedgerPage<Charge>> ChargesAsync(AccountId account, ChargeFilter filter, string? cursor, int limit, CancellationToken ct = default)
    {
        await using var scope = await tenants.ForAccountAsync(account, ct);
        // Ids are in the order of time; each of the three labels has an index that ends with the id.
        await using var command = scope.Command($"""
            select {ChargeReading.Columns} from charges c where c.account_id = $1 and c.id < $2
            {(filter.Run is null ? "" : "and c.run = $4")} {(filter.Agent is null ? "" : "and c.agent = $5")} {(filter.Member is null ? "" : "and c.member = $6")}
            order by c.id desc limit $3
            """);
        command.Parameters.Add(new() { Value = account.Value });
        command.Parameters.Add(new() { Value = cursor is null ? Guid.AllBitsSet : Guid.ParseExact(cursor, "N") });
        command.Parameters.Add(new() { Value = limit + 1 });
        command.Parameters.Add(Text(filter.Run));
        command.Parameters.Add(Text(filter.Agent));
        command.Parameters.Add(Text(filter.Member));
        await using var reader = await command.ExecuteReaderAsync(ct);
        var rows = await ChargeReading.ReadChargesAsync(reader, ct);
        return rows.Count > limit ? new(rows[..limit], rows[limit - 1].Id.ToString("N")) : new(rows, null);
    }

    /// <summary>All books against all wallets. Reads every row: for a person who asks, not for a page that refreshes.</summary>
    public async Task<TrialBalance> TrialBalanceAsync(CancellationToken ct = default)
    {
        await using var scope = await tenants.ForStaffAsync(ct);
        // One statement, one snapshot: rows that commit meanwhile are in both sums or in neither.
        await using var command = scope.Command("""
            select unit, book, coalesce(sum(amount) filter (where is_credit), 0), coalesce(sum(amount) filter (where not is_credit), 0), count(*) from transfers group by unit, book
            union all
            select unit, null, sum(balance), 0, 0 from wallets group by unit
            order by 1, 2
            """);
        await using var reader = await command.ExecuteReaderAsync(ct);
        var books = new List<BookTotal>();
        var wallets = new List<UnitAmount>();
        while (await reader.ReadAsync(ct))
        {
            var unit = Unit.Of(reader.GetString(0));
            if (reader.IsDBNull(1))
            {
                wallets.Add(new(unit, Amount.Of(reader.GetDecimal(2))));
            }
            else
            {
                books.Add(new(unit, Enum.Parse<Book>(reader.GetString(1)), Amount.Of(reader.GetDecimal(2)), Amount.Of(reader.GetDecimal(3)), reader.GetInt64(4)));
            }
        }

        return new(books, wallets);
    }

    private async Task<LedgerHead?> HeadAsync(AccountId account, CancellationToken ct)
    {
        await using var scope = await tenants.ForAccountAsync(account, ct);
        return await scope.Db.Set<LedgerHead>().AsNoTracking().FirstOrDefaultAsync(h => h.AccountId == account, ct);
    }

    /// <summary>Whether something is still in a wallet whose time is over: nobody has asked since.</summary>
    private async Task<bool> HasExpiredAsync(AccountId account, CancellationToken ct)
    {
        await using var scope = await tenants.ForAccountAsync(account, ct);
        await using var command = scope.Command("""
            select exists (select from grants where account_id = $1 and is_open and expires_at <= $2 and remaining > reserved)
                or exists (select from holds where account_id = $1 and status = 'Open' and expires_at <= $2)
            """);
        command.Parameters.Add(new() { Value = account.Value });
        command.Parameters.Add(new() { Value = time.Now() });
        return await command.ExecuteScalarAsync(ct) is true;
    }

    private static NpgsqlParameter Text(string? value) => new() { Value = (object?)value ?? DBNull.Value, NpgsqlDbType = NpgsqlDbType.Text };
}
