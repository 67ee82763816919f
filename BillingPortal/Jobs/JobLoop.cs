using System.Data;
using BillingPortal.Primitives;
using Npgsql;

namespace BillingPortal.Jobs;

/// <summary>Runs every <see cref="RecurringJob"/> on the one instance that holds the jobs' advisory lock; when that instance goes, another takes over within seconds.</summary>
public sealed partial class JobLoop(IEnumerable<RecurringJob> jobs, NpgsqlDataSource source, TimeProvider time, IConfiguration configuration, ILogger<JobLoop> log) : BackgroundService
{
    // Any constant: instances on one database agree on it.
    private const long LeaderLock = 0x42_49_4C_4A;
    private static readonly TimeSpan LookEvery = TimeSpan.FromSeconds(2);

    /// <summary>Whether this instance runs the jobs now.</summary>
    public bool IsLeader { get; private set; }

    /// <summary>Runs one job now, here, whoever leads: for commands and tests. Its failure is thrown.</summary>
    public Task RunNowAsync(string name, CancellationToken ct = default) => jobs.Single(job => job.Name == name).RunAsync(ct);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        if (!configuration.GetValue("Jobs:Enabled", defaultValue: true))
        {
            return;
        }

        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                await LeadAsync(stoppingToken);
            }
            catch (Exception e) when (!stoppingToken.IsCancellationRequested)
            {
                LogLost(e.Message);
            }

            IsLeader = false;
            await Task.Delay(Jittered(LookEvery), stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    // Returns when another instance leads; throws when the connection that holds the lock breaks.
    private async Task LeadAsync(CancellationToken ct)
    {
        await using var connection = await source.OpenConnectionAsync(ct);
        await using (var take = new NpgsqlCommand($"select pg_try_advisory_lock({LeaderLock})", connection))
        {
            if (await take.ExecuteScalarAsync(ct) is not true)
            {
                return;
            }
        }

        IsLeader = true;
        using var leading = CancellationTokenSource.CreateLinkedTokenSource(ct);
        var running = jobs.Select(job => Task.Run(() => RepeatAsync(job, leading.Token), CancellationToken.None)).ToList();
        try
        {
            while (true)
            {
                await Task.Delay(LookEvery, ct);
                await using var alive = new NpgsqlCommand("select 1", connection);
                await alive.ExecuteScalarAsync(ct);
            }
        }
        finally
        {
            await leading.CancelAsync();
            await Task.WhenAll(running);
        }
    }

    private async Task RepeatAsync(RecurringJob job, CancellationToken ct)
    {
        // Not all at once after a start.
        await Task.Delay(job.Every * Random.Shared.NextDouble() * 0.5, ct).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        while (!ct.IsCancellationRequested)
        {
            await RunAsync(job, ct);
            await Task.Delay(Jittered(job.Every), ct).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task RunAsync(RecurringJob job, CancellationToken ct)
    {
        var started = time.Now();
        string? error = null;
        try
        {
            await job.RunAsync(ct);
        }
        catch (Exception) when (ct.IsCancellationRequested)
        {
            return;
        }
        catch (Exception e)
        {
            // A job that fails is tried again at its next turn; the others go on.
            LogFailed(e, job.Name);
            error = e.Message;
        }

        try
        {
            await RecordAsync(job.Name, started, error, ct);
        }
        catch (Exception e) when (e is NpgsqlException or OperationCanceledException)
        {
            LogLost(e.Message);
        }
    }

    private async Task RecordAsync(string name, DateTimeOffset started, string? error, CancellationToken ct)
    {
        await using var command = source.CreateCommand(
            """
            insert into job_runs (name, started_at, finished_at, error, runs, failures) values ($1, $2, $3, $4, 1, $5)
            on conflict (name) do update set started_at = $2, finished_at = $3, error = $4, runs = job_runs.runs + 1, failures = job_runs.failures + $5
            """);
        command.Parameters.Add(new() { Value = name });
        command.Parameters.Add(new() { Value = started });
        command.Parameters.Add(new() { Value = time.Now() });
        command.Parameters.Add(new() { Value = error is null ? DBNull.Value : error[..Math.Min(500, error.Length)], DbType = DbType.String });
        command.Parameters.Add(new() { Value = error is null ? 0L : 1L });
        await command.ExecuteNonQueryAsync(ct);
    }

    private static TimeSpan Jittered(TimeSpan every) => every * (0.9 + (Random.Shared.NextDouble() * 0.2));

    [LoggerMessage(1061, LogLevel.Error, "Job {Job} failed and will be tried again")]
    private partial void LogFailed(Exception exception, string job);

    [LoggerMessage(1062, LogLevel.Warning, "Leadership of the jobs ended: {Reason}")]
    private partial void LogLost(string reason);
}
