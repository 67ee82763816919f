using BillingPortal.Catalog;
using BillingPortal.Data;
using BillingPortal.Ledger;
using BillingPortal.Primitives;
using Microsoft.EntityFrameworkCore;
using NpgsqlTypes;

namespace BillingPortal.Usage;

/// <summary>An account as its alerts are judged.</summary>
/// <param name="Granted">By unit: what the open grants were when they were made.</param>
/// <param name="SpentToday">In the settings' unit, since midnight UTC.</param>
/// <param name="Projected">By meter, where asked for: where the period is likely to end.</param>
public sealed record AlertScene(AccountId Account, Plan Plan, DateTimeOffset PeriodStart, DateTimeOffset PeriodEnd, IReadOnlyList<Wallet> Wallets, IReadOnlyList<Level> Levels,
    IReadOnlyDictionary<Unit, Amount> Granted, AlertSettings Settings, decimal SpentToday, IReadOnlyDictionary<string, decimal?>? Projected);

/// <summary>Reads accounts as their alerts are judged.</summary>
internal sealed class AlertScenes(CatalogSnapshot catalog, UsageReads reads)
{
    /// <param name="scope">The writer's, or that of the one account.</param>
    public async Task<List<AlertScene>> ReadAsync(TenantScope scope, Guid[] accounts, DateTimeOffset now, CancellationToken ct)
    {
        // As they stand, not advanced: an allowance that is due to be new is new with its own first use.
        var states = await BatchReading.ReadUnlockedAsync(scope.Connection, accounts, catalog.Current, now, ct);
        var settings = await scope.Db.Set<AlertSettings>().FromSql($"select * from alert_settings where account_id = any({accounts})").AsNoTracking().ToDictionaryAsync(s => s.AccountId, ct);
        var scenes = new List<AlertScene>(states.Count);
        foreach (var state in states.Values)
        {
            var wants = settings.GetValueOrDefault(state.Account) ?? new AlertSettings { AccountId = state.Account };
            scenes.Add(new(state.Account, state.Plan, state.Head.PeriodStart, state.Head.PeriodEnd, [.. state.Wallets], [.. state.Levels],
                state.Grants.GroupBy(g => g.Unit).ToDictionary(g => g.Key, g => g.Aggregate(Amount.Zero, (sum, grant) => sum + grant.Amount)), wants,
                wants.SpendInDay is null ? 0m : await SpentTodayAsync(scope, state.Account, wants.Unit, now, ct),
                wants.Projected ? await reads.ProjectedAsync(state.Account, ct) : null));
        }

        return scenes;
    }

    private static async Task<decimal> SpentTodayAsync(TenantScope scope, AccountId account, string unit, DateTimeOffset now, CancellationToken ct)
    {
        await using var command = scope.Command("select coalesce(sum(paid), 0) from usage_rollups where account_id = $1 and hour >= $2 and unit = $3");
        command.Parameters.Add(new() { Value = account.Value });
        command.Parameters.Add(new() { Value = new DateTimeOffset(now.UtcDateTime.Date, TimeSpan.Zero) });
        command.Parameters.Add(new() { Value = unit, NpgsqlDbType = NpgsqlDbType.Text });
        return (decimal)(await command.ExecuteScalarAsync(ct))!;
    }
}
