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

        foreach (var alert in await InsertAsync(scope, alerts, ct))
        {
            await TellAsync(scope, alert, settings[alert.AccountId], ct);
        }
    }

    /// <returns>Those that are the first of their threshold and period.</returns>
    private static async Task<List<Alert>> InsertAsync(TenantScope scope, List<Alert> alerts, CancellationToken ct)
    {
        if (alerts.Count == 0)
        {
            return [];
        }

        // In one order everywhere, so that two instances never wait for each other crosswise.
        await using var command = scope.Command("""
            insert into alerts (account_id, id, kind, subject, threshold, period_start, value, "limit", message, created_at)
            select * from unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::numeric[], $6::timestamptz[], $7::numeric[], $8::numeric[], $9::text[], $10::timestamptz[])
                as a (account_id, id, kind, subject, threshold, period_start, value, "limit", message, created_at)
            order by account_id, kind, subject, threshold, period_start
            on conflict (account_id, kind, subject, threshold, period_start) do nothing
            returning id
            """);
        void Add<T>(Func<Alert, T> column, NpgsqlDbType type) => command.Parameters.Add(new() { Value = alerts.ConvertAll(alert => column(alert)), NpgsqlDbType = NpgsqlDbType.Array | type });
        Add(a => a.AccountId.Value, NpgsqlDbType.Uuid);
        Add(a => a.Id, NpgsqlDbType.Uuid);
        Add(a => a.Kind.ToString(), NpgsqlDbType.Text);
        Add(a => a.Subject, NpgsqlDbType.Text);
        Add(a => a.Threshold, NpgsqlDbType.Numeric);
        Add(a => a.PeriodStart, NpgsqlDbType.TimestampTz);
        Add(a => a.Value, NpgsqlDbType.Numeric);
        Add(a => a.Limit, NpgsqlDbType.Numeric);
        Add(a => a.Message.Length <= Alert.LongestMessage ? a.Message : a.Message[..Alert.LongestMessage], NpgsqlDbType.Text);
        Add(a => a.CreatedAt, NpgsqlDbType.TimestampTz);
        var first = new HashSet<Guid>();
        await using var reader = await command.ExecuteReaderAsync(ct);
        while (await reader.ReadAsync(ct))
        {
            first.Add(reader.GetGuid(0));
        }

        return alerts.FindAll(alert => first.Contains(alert.Id));
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
