using BillingPortal.Catalog;
using BillingPortal.Data;
using BillingPortal.Primitives;
using Microsoft.EntityFrameworkCore;

namespace BillingPortal.Usage;

/// <summary>Reads what an account was told, and keeps what it wants to be told of.</summary>
public sealed class Alerts
{
    private const int MostThresholds = 10;
    private readonly Tenants tenants;
    private readonly AlertScenes scenes;
    private readonly CatalogSnapshot catalog;
    private readonly TimeProvider time;

    internal Alerts(Tenants tenants, AlertScenes scenes, CatalogSnapshot catalog, TimeProvider time) => (this.tenants, this.scenes, this.catalog, this.time) = (tenants, scenes, catalog, time);

    /// <summary>One page, newest first.</summary>
    public async Task<IReadOnlyList<Alert>> ListAsync(AccountId account, Guid? before, int limit, CancellationToken ct = default)
    {
        await using var scope = await tenants.ForAccountAsync(account, ct);
        var alerts = scope.Db.Set<Alert>().AsNoTracking().Where(a => a.AccountId == account);
        alerts = before is { } last ? alerts.Where(a => a.Id.CompareTo(last) < 0) : alerts;
        return await alerts.OrderByDescending(a => a.Id).Take(limit).ToListAsync(ct);
    }

    /// <summary>What stands now, by the account's own thresholds: of each meter the highest that is crossed. What is over, such as a balance that was topped up, is not in it.</summary>
    public async Task<IReadOnlyList<Alert>> StandingAsync(AccountId account, CancellationToken ct = default)
    {
        var now = time.Now();
        await using var scope = await tenants.ForAccountAsync(account, ct);
        var standing = (await scenes.ReadAsync(scope, [account.Value], now, ct)).SelectMany(scene => AlertRules.Of(scene, catalog.Current, now));
        return [.. standing.GroupBy(a => (a.Kind, a.Subject)).Select(g => g.MaxBy(a => a.Threshold)!)];
    }

    public async Task<AlertSettings> SettingsAsync(AccountId account, CancellationToken ct = default)
    {
        await using var scope = await tenants.ForAccountAsync(account, ct);
        return await scope.Db.Set<AlertSettings>().AsNoTracking().FirstOrDefaultAsync(a => a.AccountId == account, ct) ?? new() { AccountId = account };
    }

    /// <returns>Null when the settings can be kept; else which is wrong.</returns>
    public static Refusal? Check(AlertSettings wanted)
    {
        if (wanted.Thresholds.Length > MostThresholds || wanted.Thresholds.Any(t => t is < 1 or > 1_000))
        {
            return Refusal.Invalid("thresholds", $"At most {MostThresholds} whole percentages from 1 to 1,000.");
        }

        if (!Unit.TryParse(wanted.Unit, out var unit) || (unit != Unit.Credit && !unit.IsCurrency))
        {
            return Refusal.Invalid("unit", "Must be credit or a currency such as usd.");
        }

        return wanted.LowBalance is < 0m or > Amount.RequestLimit ? Refusal.Invalid("low_balance", "Must be 0 to 1,000,000,000.", ErrorCode.InvalidAmount)
            : wanted.SpendInDay is <= 0m or > Amount.RequestLimit ? Refusal.Invalid("spend_in_day", "Must be above zero, at most 1,000,000,000.", ErrorCode.InvalidAmount)
            : null;
    }

    /// <param name="wanted">Checked with <see cref="Check"/>.</param>
    public async Task<AlertSettings> ChangeAsync(AlertSettings wanted, CancellationToken ct = default)
    {
        await using var scope = await tenants.ForAccountAsync(wanted.AccountId, ct);
        await using var command = scope.Command("""
            insert into alert_settings (account_id, thresholds, low_balance, spend_in_day, unit, projected, by_mail) values ($1, $2, $3, $4, $5, $6, $7)
            on conflict (account_id) do update set thresholds = excluded.thresholds, low_balance = excluded.low_balance, spend_in_day = excluded.spend_in_day, unit = excluded.unit,
                projected = excluded.projected, by_mail = excluded.by_mail
            """);
        foreach (var value in new object[] { wanted.AccountId.Value, wanted.Thresholds, wanted.LowBalance ?? (object)DBNull.Value, wanted.SpendInDay ?? (object)DBNull.Value, wanted.Unit, wanted.Projected, wanted.ByMail })
        {
            command.Parameters.Add(new() { Value = value });
        }

        (command.Parameters[2].NpgsqlDbType, command.Parameters[3].NpgsqlDbType) = (NpgsqlTypes.NpgsqlDbType.Numeric, NpgsqlTypes.NpgsqlDbType.Numeric);
        await command.ExecuteNonQueryAsync(ct);
        await scope.CommitAsync(ct);
        return wanted;
    }
}
