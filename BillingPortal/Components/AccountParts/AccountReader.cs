using BillingPortal.Accounts;
using BillingPortal.Catalog;
using BillingPortal.Components.Shared;
using BillingPortal.Data;
using BillingPortal.Ledger;
using BillingPortal.Primitives;
using BillingPortal.Purchases;
using BillingPortal.Usage;
using Microsoft.EntityFrameworkCore;
using NpgsqlTypes;

namespace BillingPortal.Components.AccountParts;

/// <summary>Reads what pages show of one account, under that account's scope. Changes nothing, except that a first look opens the account's ledger.</summary>
public sealed class AccountReader(Tenants tenants, LedgerReads ledger, UsageReads usage, Alerts alerts, BalanceWatches watches, CatalogSnapshot catalog, TimeProvider time)
{
    /// <returns>Null: there is no such account.</returns>
    public async Task<AccountOverview?> OverviewAsync(AccountId id, CancellationToken ct = default)
    {
        if (await FindAsync(id, ct) is not { } account)
        {
            return null;
        }

        var standing = await ledger.StandingAsync(id, ct);
        var wallets = await ledger.WalletsAsync(id, ct);
        var document = catalog.Current;
        if (document.CreditPacks.Count > 0 && wallets.All(w => w.Unit != Unit.Credit))
        {
            // Nothing was ever put in: shown as the nought that it is.
            wallets = [.. wallets, new WalletView(Unit.Credit, Amount.Zero, Amount.Zero, Amount.Zero, Amount.Zero, [])];
        }

        var allowances = AllowanceView.Of(document, standing.PlanIn(document), standing, wallets, await ledger.LevelsAsync(id, ct), await usage.ProjectedAsync(standing, wallets, ct));
        return new(id, account.ExternalId, account.Name, account.Email, standing, wallets, allowances);
    }

    /// <summary>What an account has to be told of now: its alerts that stand, and its balance under what it wants to be written to about.</summary>
    public async Task<IReadOnlyList<AlertShown>> NoticesAsync(AccountOverview overview, CancellationToken ct = default)
    {
        var notices = (await alerts.StandingAsync(overview.Id, ct)).Select(a => AlertShown.Of(a)).ToList();
        if (await watches.FindAsync(overview.Id, ct) is { NotifyBelow: { } below } watch && overview.Wallet(watch.Unit) is { } wallet && wallet.Available < below
            && !notices.Exists(n => n.Kind == "low_balance" && n.Subject == watch.Unit.Code))
        {
            var low = new Alert { AccountId = overview.Id, Kind = AlertKind.LowBalance, Subject = watch.Unit.Code, Threshold = below.Value, Value = wallet.Available.Value, Message = $"{AmountFormat.Exact(wallet.Available, watch.Unit)} are left.", CreatedAt = time.GetUtcNow() };
            notices.Add(AlertShown.Of(low));
        }

        return notices;
    }

    /// <summary>What was taken from wallets of a unit, by day of the viewer's zone or by hour, split by label, from the rollups: in whole hours of UTC, each in the day that it begins in.</summary>
    public async Task<IReadOnlyList<UsagePoint>> UsageAsync(AccountId account, Unit unit, Period period, UsageSplit split, bool hourly, TimeZoneInfo zone, CancellationToken ct = default)
    {
        await using var scope = await tenants.ForAccountAsync(account, ct);
        var label = split switch
        {
            UsageSplit.Model => "coalesce(nullif(model, ''), 'no model')",
            UsageSplit.Agent => "coalesce(nullif(agent, ''), 'no agent')",
            UsageSplit.Member => "coalesce(nullif(member, ''), 'no member')",
            _ => "coalesce(nullif(action, ''), nullif(meter, ''), nullif(model, ''), 'amount')",
        };
        await using var command = scope.Command($"""
            select {(hourly ? "hour" : "date_trunc('day', hour, $5)")} as at, {label} as label, sum(paid), sum(charges)::bigint
            from ({ChargedParts.Current}) r where unit = $4 group by 1, 2 order by 1, 2
            """);
        command.Parameters.Add(new() { Value = account.Value });
        command.Parameters.Add(new() { Value = period.Start.AddTicks(-(period.Start.UtcTicks % TimeSpan.TicksPerHour)).ToUniversalTime() });
        command.Parameters.Add(new() { Value = period.End.ToUniversalTime() });
        command.Parameters.Add(new() { Value = unit.Code, NpgsqlDbType = NpgsqlDbType.Text });
        if (!hourly)
        {
            command.Parameters.Add(new() { Value = zone.Id, NpgsqlDbType = NpgsqlDbType.Text });
        }

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

    private async Task<Account?> FindAsync(AccountId id, CancellationToken ct)
    {
        await using var scope = await tenants.ForAccountAsync(id, ct);
        return await scope.Db.Set<Account>().AsNoTracking().FirstOrDefaultAsync(a => a.AccountId == id, ct);
    }
}
