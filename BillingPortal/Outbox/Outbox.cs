using System.Text.Json;
using BillingPortal.Data;
using BillingPortal.Observability;
using BillingPortal.Primitives;
using Microsoft.EntityFrameworkCore;
using Npgsql;

namespace BillingPortal.Outbox;

/// <summary>One mail in plain text.</summary>
/// <param name="Key">Names its cause; the same key is sent once.</param>
public sealed record Mail(string To, string Subject, string Text, string Key);

/// <summary>Something that the product's programs may want to know.</summary>
/// <param name="Type">What happened, e.g. <c>alert.quota</c>.</param>
/// <param name="Data">Rendered in the API's JSON style.</param>
/// <param name="Key">Names its cause; the same key is told once.</param>
public sealed record News(string Type, object Data, string Key);

/// <summary>Where a slice puts what must leave the house: in its own transaction, so that nothing is announced that did not happen.</summary>
public sealed class Outbox(TimeProvider time)
{
    /// <summary>Puts a mail into the scope's transaction. A repeat under the same key is nothing.</summary>
    /// <param name="account">The customer concerned; in an account's scope it must be that account.</param>
    public Task PutAsync(TenantScope scope, Mail mail, AccountId? account = null, CancellationToken ct = default) =>
        PutAsync(scope.Connection, scope.Transaction, mail, account, ct);

    /// <summary>Puts news into the scope's transaction, for each address that wants its type.</summary>
    public async Task TellAsync(TenantScope scope, News news, AccountId? account = null, CancellationToken ct = default)
    {
        var now = time.Now();
        foreach (var endpoint in await scope.Db.Set<OutgoingWebhook>().AsNoTracking().ToListAsync(ct))
        {
            if (endpoint.Wants(news.Type))
            {
                var body = JsonSerializer.Serialize(new { type = news.Type, timestamp = now, data = news.Data }, Json.Options);
                await PutAsync(scope.Connection, scope.Transaction, WebhookDelivery.WebhookKind, endpoint.ShownId, news.Type, body, $"{news.Key}:{endpoint.ShownId}", account, ct);
            }
        }
    }

    /// <summary>The same for a transaction without a scope, such as a user's own registration.</summary>
    public Task PutAsync(NpgsqlConnection connection, NpgsqlTransaction? transaction, Mail mail, AccountId? account = null, CancellationToken ct = default) =>
        PutAsync(connection, transaction, MailDelivery.MailKind, mail.To, mail.Subject, mail.Text, mail.Key, account, ct);

    private async Task PutAsync(NpgsqlConnection connection, NpgsqlTransaction? transaction, string kind, string recipient, string subject, string body, string key, AccountId? account, CancellationToken ct)
    {
        await using var command = new NpgsqlCommand(
            """
            insert into outbox_messages (id, account_id, kind, recipient, subject, body, key, state, attempts, created_at, due_at)
            values ($1, $2, $3, $4, $5, $6, $7, $8, 0, $9, $9) on conflict (key) do nothing
            """, connection, transaction);
        var now = time.Now();
        foreach (var value in new object[]
        {
            Guid.CreateVersion7(), (object?)account?.Value ?? DBNull.Value, kind, recipient, subject, body, key, nameof(OutboxState.Waiting), now,
        })
        {
            command.Parameters.Add(new() { Value = value });
        }

        command.Parameters[1].NpgsqlDbType = NpgsqlTypes.NpgsqlDbType.Uuid;
        await command.ExecuteNonQueryAsync(ct);
    }
}
