using BillingPortal.Accounts;
using BillingPortal.Catalog;
using BillingPortal.Data;
using BillingPortal.Outbox;
using BillingPortal.Primitives;
using Microsoft.EntityFrameworkCore;
using NpgsqlTypes;

namespace BillingPortal.Usage;

/// <summary>Raises the alerts of accounts whose use has just been counted, in the transaction that counts it: a threshold that was crossed is never missed, and its key makes it be told once.</summary>
internal sealed class RaiseAlerts(CatalogSnapshot catalog, Outbox.Outbox outbox, AlertScenes scenes, TimeProvider time)
{
    /// <param name="scope">The writer's.</param>
    public async Task RaiseAsync(TenantScope scope, Guid[] accounts, CancellationToken ct)
    {
        if (accounts.Length == 0 || !catalog.IsLoaded)
        {
            return;
        }

        var now = time.Now();
        var alerts = new List<Alert>();
        var settings = new Dictionary<AccountId, AlertSettings>();
        foreach (var scene in await scenes.ReadAsync(scope, accounts, now, ct))
        {
            settings[scene.Account] = scene.Settings;
            alerts.AddRange(AlertRules.Of(scene, catalog.Current, now));
        }

        // In one order everywhere, so that two instances never wait for each other crosswise.
        foreach (var alert in alerts.OrderBy(a => a.AccountId).ThenBy(a => a.Kind).ThenBy(a => a.Subject, StringComparer.Ordinal).ThenBy(a => a.Threshold))
        {
            if (await InsertAsync(scope, alert, ct))
            {
                await TellAsync(scope, alert, settings[alert.AccountId], ct);
            }
        }
    }

    /// <returns>Whether it is the first of its threshold and period.</returns>
    private static async Task<bool> InsertAsync(TenantScope scope, Alert alert, CancellationToken ct)
    {
        await using var command = scope.Command("""
            insert into alerts (account_id, id, kind, subject, threshold, period_start, value, "limit", message, created_at) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
            on conflict (account_id, kind, subject, threshold, period_start) do nothing
            """);
        foreach (var value in new object[] { alert.AccountId.Value, alert.Id, alert.Kind.ToString(), alert.Subject, alert.Threshold, alert.PeriodStart, alert.Value, alert.Limit ?? (object)DBNull.Value, alert.Message.Length <= Alert.LongestMessage ? alert.Message : alert.Message[..Alert.LongestMessage], alert.CreatedAt })
        {
            command.Parameters.Add(new() { Value = value });
        }

        command.Parameters[7].NpgsqlDbType = NpgsqlDbType.Numeric;
        return await command.ExecuteNonQueryAsync(ct) == 1;
    }

    private async Task TellAsync(TenantScope scope, Alert alert, AlertSettings settings, CancellationToken ct)
    {
        var account = await scope.Db.Set<Account>().AsNoTracking().FirstAsync(a => a.AccountId == alert.AccountId, ct);
        if (settings.ByMail && account.Email is { Length: > 0 } email)
        {
            await outbox.PutAsync(scope, new Mail(email, Subject(alert), $"{alert.Message}\n\nAccount: {account.Name ?? account.ExternalId}\nThis is told once in a period. Thresholds are set on the page of settings.\n", alert.ShownId), alert.AccountId, ct);
        }

        await outbox.TellAsync(scope, new News($"alert.{Name(alert.Kind)}", AlertShown.Of(alert, account.ExternalId), alert.ShownId), alert.AccountId, ct);
    }

    private static string Subject(Alert alert) => alert.Kind switch
    {
        AlertKind.Quota => $"{alert.Threshold:0.#} % of an allowance is used",
        AlertKind.LowBalance => "The balance is low",
        AlertKind.SpendInDay => "Spending of today",
        AlertKind.Projected => "An allowance may not last",
    };

    public static string Name(AlertKind kind) => kind switch { AlertKind.Quota => "quota", AlertKind.LowBalance => "low_balance", AlertKind.SpendInDay => "spend_in_day", AlertKind.Projected => "projected" };
}

/// <summary>An alert as API and webhooks tell it.</summary>
public sealed record AlertShown(string Id, string? Account, string Kind, string Subject, decimal Threshold, decimal Value, decimal? Limit, DateTimeOffset PeriodStart, string Message, DateTimeOffset CreatedAt)
{
    public static AlertShown Of(Alert alert, string? account = null) => new(alert.ShownId, account, RaiseAlerts.Name(alert.Kind), alert.Subject, Short(alert.Threshold), Short(alert.Value),
        alert.Limit is { } limit ? Short(limit) : null, alert.PeriodStart, alert.Message, alert.CreatedAt);

    // 80.000000 as 80.
    private static decimal Short(decimal value) => value / 1.000000000000000000000000000000m;
}
