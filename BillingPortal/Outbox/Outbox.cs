using BillingPortal.Data;
using BillingPortal.Primitives;
using Npgsql;

namespace BillingPortal.Outbox;

/// <summary>One mail in plain text.</summary>
/// <param name="Key">Names its cause; the same key is sent once.</param>
public sealed record Mail(string To, string Subject, string Text, string Key);

/// <summary>Where a slice puts what must leave the house: in its own transaction, so that nothing is announced that did not happen.</summary>
public sealed class Outbox(TimeProvider time)
{
    /// <summary>Puts a mail into the scope's transaction. A repeat under the same key is nothing.</summary>
    /// <param name="account">The customer concerned; in an account's scope it must be that account.</param>
    public Task PutAsync(TenantScope scope, Mail mail, AccountId? account = null, CancellationToken ct = default) =>
        PutAsync(scope.Connection, scope.Transaction, mail, account, ct);

    /// <summary>The same for a transaction without a scope, such as a user's own registration.</summary>
    public async Task PutAsync(NpgsqlConnection connection, NpgsqlTransaction? transaction, Mail mail, AccountId? account = null, CancellationToken ct = default)
    {
        await using var command = new NpgsqlCommand(
            """
            insert into outbox_messages (id, account_id, kind, recipient, subject, body, key, state, attempts, created_at, due_at)
            values ($1, $2, $3, $4, $5, $6, $7, $8, 0, $9, $9) on conflict (key) do nothing
            """, connection, transaction);
        var now = time.Now();
        foreach (var value in new object[]
        {
            Guid.CreateVersion7(), (object?)account?.Value ?? DBNull.Value, MailDelivery.MailKind, mail.To, mail.Subject, mail.Text, mail.Key, nameof(OutboxState.Waiting), now,
        })
        {
            command.Parameters.Add(new() { Value = value });
        }

        command.Parameters[1].NpgsqlDbType = NpgsqlTypes.NpgsqlDbType.Uuid;
        await command.ExecuteNonQueryAsync(ct);
    }
}
