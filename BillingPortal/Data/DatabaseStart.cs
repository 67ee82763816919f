using System.Diagnostics;
using Npgsql;

namespace BillingPortal.Data;

/// <summary>First of all hosted things: in Development migrates; elsewhere makes sure that the database is fit to be served from, or ends the start with the reason.</summary>
internal sealed partial class DatabaseStart(
    Schema schema, DatabaseAddress address, NpgsqlDataSource source, IHostEnvironment environment, IConfiguration configuration, ILogger<DatabaseStart> log) : IHostedService
{
    private readonly Lock once = new();
    private static readonly TimeSpan LookAgainAfter = TimeSpan.FromMilliseconds(500);
    private Task? prepared;

    /// <summary>The command line asks before the host does, so that a wrong configuration ends in one sentence; the work is done once.</summary>
    public Task StartAsync(CancellationToken cancellationToken)
    {
        lock (once)
        {
            return prepared ??= PrepareAsync(cancellationToken);
        }
    }

    private async Task PrepareAsync(CancellationToken cancellationToken)
    {
        if (environment.IsDevelopment() && configuration.GetValue("Data:MigrateAtStart", defaultValue: true))
        {
            var applied = await schema.MigrateAsync(cancellationToken);
            LogMigrated(applied.Count, address.IsEmbedded ? "private" : "configured");
        }
        else if (!environment.IsDevelopment())
        {
            await WaitForServerAsync(cancellationToken);
            await VerifySchemaAsync(cancellationToken);
            await VerifyServerAsync(cancellationToken);
        }
    }

    /// <summary>After a power cut both start at once, and the server replays its log first.</summary>
    private async Task WaitForServerAsync(CancellationToken ct)
    {
        var waited = Stopwatch.StartNew();
        var longest = configuration.GetValue("Data:WaitForDatabase", TimeSpan.FromMinutes(1));
        while (true)
        {
            try
            {
                await using var connection = await source.OpenConnectionAsync(ct);
                return;
            }
            catch (NpgsqlException e) when (e.IsTransient)
            {
                if (waited.Elapsed >= longest)
                {
                    throw new ConfigurationException($"The database did not answer for {longest.TotalSeconds:0} seconds: {e.InnerException?.Message ?? e.Message} Check ConnectionStrings__Billing and that the server runs.");
                }

                LogWaiting(e.InnerException?.Message ?? e.Message);
            }

            await Task.Delay(LookAgainAfter, ct);
        }
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    private async Task VerifySchemaAsync(CancellationToken ct)
    {
        var status = await schema.StatusAsync(ct);
        if (status.Pending.Count > 0)
        {
            throw new ConfigurationException($"The database lacks {status.Pending.Count} migration(s), the first is {status.Pending[0]}. Run `migrate` as the owner, then start again.");
        }
    }

    private async Task VerifyServerAsync(CancellationToken ct)
    {
        await using var command = source.CreateCommand(
            """
            select rolsuper, rolbypassrls,
                exists (select from pg_class c where c.relowner = r.oid and c.relnamespace = current_schema()::regnamespace and c.relkind in ('r', 'p')),
                current_setting('fsync'), current_setting('full_page_writes'), current_setting('synchronous_commit')
            from pg_roles r where rolname = current_user
            """);
        await using var reader = await command.ExecuteReaderAsync(ct);
        await reader.ReadAsync(ct);
        var wrong = new[]
        {
            reader.GetBoolean(0) ? "the application's role is a superuser" : null,
            reader.GetBoolean(1) ? "the application's role has BYPASSRLS" : null,
            reader.GetBoolean(2) ? "the application's role owns tables" : null,
            reader.GetString(3) == "off" ? "fsync is off" : null,
            reader.GetString(4) == "off" ? "full_page_writes is off" : null,
            reader.GetString(5) == "off" ? "synchronous_commit is off" : null,
        }.OfType<string>().ToList();
        if (wrong.Count > 0 && environment.IsProduction())
        {
            throw new ConfigurationException($"Not started: {string.Join("; ", wrong)}. Rows of other tenants or acknowledged charges could be lost; see docs/operations.md.");
        }
    }

    [LoggerMessage(1001, LogLevel.Information, "Applied {Count} migrations to the {Kind} database")]
    private partial void LogMigrated(int count, string kind);

    [LoggerMessage(1008, LogLevel.Information, "The database does not answer yet: {Reason}")]
    private partial void LogWaiting(string reason);
}
