using Npgsql;

namespace BillingPortal.Ledger;

/// <summary>
/// Ends sessions of the portal that keep accounts locked and wait for the rest of a request whose sender says nothing any more: an instance that was frozen while it was sending.
/// PostgreSQL limits how long a transaction may be idle (idle_in_transaction_session_timeout), but one that has got half a request does not count as idle, and waits for ever.
/// </summary>
internal sealed class SilentSessions(NpgsqlDataSource database, ILogger<SilentSessions> log)
{
    /// <summary>As long as a session may be idle in a transaction (<see cref="Data.DataSlice"/>).</summary>
    private const string Patience = "5 seconds";

    /// <summary>Ends those of this login; what they had begun is taken back.</summary>
    public async Task EndAsync()
    {
        try
        {
            await using var command = database.CreateCommand(
                $"""
                select count(*) filter (where pg_terminate_backend(pid))::int from pg_stat_activity a
                where datname = current_database() and usename = session_user and state = 'active' and wait_event = 'ClientRead' and state_change < clock_timestamp() - interval '{Patience}'
                    and exists (select from pg_locks l where l.pid = a.pid and l.relation = 'ledger_heads'::regclass and l.mode = 'RowShareLock')
                """);
            if ((int)(await command.ExecuteScalarAsync())! is > 0 and var ended)
            {
                log.LogWarning("ledger.silent_sessions_ended {Sessions}: they kept accounts locked and said nothing any more.", ended);
            }
        }
        catch (NpgsqlException error)
        {
            // The writer's next try finds out what is wrong with the database.
            log.LogWarning(error, "Silent sessions could not be looked for.");
        }
    }
}
