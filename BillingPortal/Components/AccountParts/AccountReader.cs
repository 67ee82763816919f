using BillingPortal.Accounts;
using BillingPortal.Catalog;
using BillingPortal.Data;
using BillingPortal.Ledger;
using BillingPortal.Primitives;
using Microsoft.EntityFrameworkCore;
using NpgsqlTypes;

namespace BillingPortal.Components.AccountParts;

/// <summary>Reads what pages show of one account, under that account's scope. Changes nothing, except that a first look opens the account's ledger.</summary>
public sealed class AccountReader(Tenants tenants, Ledger.Ledger ledger, TransferReader transfers, CatalogSnapshot catalog, TimeProvider time)
{
    /// <returns>Null: there is no such account.</returns>
    public async Task<AccountOverview?> OverviewAsync(AccountId id, CancellationToken ct = default)
    {
        var overview = await ReadAsync(id, ct);
        if (overview is null || (overview.Standing.Plan.Length > 0 && overview.Standing.PeriodEnd > time.GetUtcNow()))
        {
            return overview;
        }

        // Never seen before, or idle past its period's end: open or advance it, so that what is shown is what a charge would find.
        await ledger.AdvanceAsync(id, ct);
        return await ReadAsync(id, ct);
    }

    /// <summary>A page of the account's ledger, newest first.</summary>
    public Task<LedgerPage<TransferView>> TransfersAsync(AccountId account, TransferFilter filter, string? cursor, int limit, CancellationToken ct = default) =>
        transfers.PageAsync(account, filter, cursor, limit, ct);

    /// <summary>The newest rows.</summary>
    public async Task<IReadOnlyList<TransferView>> RecentAsync(AccountId account, int count, CancellationToken ct = default) =>
        (await transfers.PageAsync(account, new(), null, count, ct)).Rows;

    /// <summary>The units that the account has a wallet of.</summary>
    public async Task<IReadOnlyList<Unit>> UnitsAsync(AccountId account, CancellationToken ct = default)
    {
        await using var scope = await tenants.ForAccountAsync(account, ct);
        return [.. (await scope.Db.Set<Wallet>().AsNoTracking().Where(w => w.AccountId == account).Select(w => w.Unit).ToListAsync(ct)).Order()];
    }

    /// <summary>A charge with the parts of its receipt.</summary>
    /// <returns>Null: the account has no such charge.</returns>
    public async Task<Charge?> ChargeAsync(ChargeId id, CancellationToken ct = default)
    {
        await using var scope = await tenants.ForAccountAsync(id.Account, ct);
        return await scope.Db.Set<Charge>().AsNoTracking().FirstOrDefaultAsync(c => c.AccountId == id.Account && c.Id == id.Value, ct);
    }

    /// <summary>What was taken from wallets of a unit, by day or hour of the viewer's zone, split by label.</summary>
    /// <remarks>Charges are found by their time-ordered ids, so that only the asked stretch is read.</remarks>
    public async Task<IReadOnlyList<UsagePoint>> UsageAsync(AccountId account, Unit unit, Period period, UsageSplit split, bool hourly, TimeZoneInfo zone, CancellationToken ct = default)
    {
        await using var scope = await tenants.ForAccountAsync(account, ct);
        var label = split switch
        {
            UsageSplit.Model => "coalesce(c.model, 'no model')",
            UsageSplit.Agent => "coalesce(c.agent, 'no agent')",
            UsageSplit.Member => "coalesce(c.member, 'no member')",
            _ => "coalesce(c.action, c.meter, c.model, 'amount')",
        };
        await using var command = scope.Command($"""
            select date_trunc('{(hourly ? "hour" : "day")}', c.created_at, $5) as at, {label} as label, sum((f->>'amount')::numeric), count(*)
            from charges c cross join lateral jsonb_array_elements(c.receipt->'funding') f
            where c.account_id = $1 and c.id >= $2 and c.id < $3 and f->>'unit' = $4
            group by 1, 2 order by 1, 2
            """);
        command.Parameters.Add(new() { Value = account.Value });
        command.Parameters.Add(new() { Value = TimeOrderedIds.FirstAt(period.Start) });
        command.Parameters.Add(new() { Value = TimeOrderedIds.FirstAt(period.End) });
        command.Parameters.Add(new() { Value = unit.Code, NpgsqlDbType = NpgsqlDbType.Text });
        command.Parameters.Add(new() { Value = zone.Id, NpgsqlDbType = NpgsqlDbType.Text });
        await using var reader = await command.ExecuteReaderAsync(ct);
        var points = new List<UsagePoint>();
        while (await reader.ReadAsync(ct))
        {
            points.Add(new(reader.GetFieldValue<DateTimeOffset>(0), reader.GetString(1), reader.GetDecimal(2), reader.GetInt64(3)));
        }

        return points;
    }

    /// <summary>Spending of each balance in the present period, and up to the same moment of the last.</summary>
    public async Task<IReadOnlyList<Spend>> SpendAsync(AccountOverview overview, CancellationToken ct = default)
    {
        var now = time.GetUtcNow();
        var start = overview.Standing.PeriodStart;
        var lastStart = start - (overview.Standing.PeriodEnd - start);
        var spends = new List<Spend>();
        foreach (var wallet in overview.Balances)
        {
            var current = await UsageAsync(overview.Id, wallet.Unit, new(start, now), UsageSplit.What, hourly: false, TimeZoneInfo.Utc, ct);
            var before = await UsageAsync(overview.Id, wallet.Unit, new(lastStart, lastStart + (now - start)), UsageSplit.What, hourly: false, TimeZoneInfo.Utc, ct);
            spends.Add(new(wallet.Unit, current.Sum(p => p.Amount), before.Count == 0 ? null : before.Sum(p => p.Amount)));
        }

        return spends;
    }

    private async Task<AccountOverview?> ReadAsync(AccountId id, CancellationToken ct)
    {
        await using var scope = await tenants.ForAccountAsync(id, ct);
        var account = await scope.Db.Set<Account>().AsNoTracking().FirstOrDefaultAsync(a => a.AccountId == id, ct);
        if (account is null)
        {
            return null;
        }

        var head = await scope.Db.Set<LedgerHead>().AsNoTracking().FirstOrDefaultAsync(h => h.AccountId == id, ct);
        var standing = head is null
            ? new Standing(id, "", AccountStatus.Active, null, default, default, null, null, null, 0)
            : new Standing(id, head.Plan, head.Status, head.GraceUntil, head.PeriodStart, head.PeriodEnd, head.LowBalancePolicy, head.OverdraftLimit, head.Currency, head.TotalUses);
        var wallets = await WalletsAsync(scope, id, ct);
        var plan = catalog.Current.Plans.FirstOrDefault(p => p.Id == standing.Plan);
        var allowances = plan is null ? [] : AllowanceView.Of(catalog.Current, plan, standing, wallets, time.GetUtcNow());
        return new(id, account.ExternalId, account.Name, account.Email, standing, wallets, allowances);
    }

    private static async Task<List<WalletView>> WalletsAsync(TenantScope scope, AccountId id, CancellationToken ct)
    {
        var wallets = await scope.Db.Set<Wallet>().AsNoTracking().Where(w => w.AccountId == id).ToListAsync(ct);
        var grants = await scope.Db.Set<Grant>().AsNoTracking().Where(g => g.AccountId == id && g.Remaining > Amount.Zero).ToListAsync(ct);
        return
        [
            .. from wallet in wallets
               orderby wallet.Unit.Code
               select new WalletView(wallet.Unit, wallet.Balance, wallet.Held, wallet.Debt, wallet.UsedInPeriod,
               [
                   .. from grant in grants
                      where grant.Unit == wallet.Unit
                      orderby grant.Priority, grant.ExpiresAt ?? DateTimeOffset.MaxValue, grant.Id.Value
                      select new GrantView(grant.Id, grant.Unit, grant.Source, grant.Amount, grant.Remaining, grant.Reserved, grant.Priority, grant.ExpiresAt, grant.CreatedAt, grant.Reference),
               ]),
        ];
    }
}
