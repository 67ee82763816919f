using System.Collections.Concurrent;
using BillingPortal.Catalog;
using BillingPortal.Data;
using BillingPortal.Primitives;
using Npgsql;

namespace BillingPortal.Ledger;

/// <summary>The one writer of this process: while one batch commits, the next gathers; no timer, no added delay (DESIGN §2).</summary>
internal sealed class LedgerWriter(
    [FromKeyedServices(DataSlice.Writer)] NpgsqlDataSource source, CatalogSnapshot catalog, TimeProvider time, LedgerChanges changes, SilentSessions silent, ILogger<LedgerWriter> log) : IHostedService
{
    private const int MostInBatch = 512;
    private const int MostTries = 8;

    private readonly LedgerQueue queue = new();
    // Heads are never deleted, so what was seen once need not be opened again.
    private readonly ConcurrentDictionary<AccountId, byte> opened = new();
    private readonly Lock starting = new();
    private Task? running;
    private NpgsqlConnection? connection;

    /// <summary>The time to go by: the database's, unless a test has set the clock.</summary>
    public DateTimeOffset? Clock => time == TimeProvider.System ? null : time.Now();

    /// <returns>Null when it waits its turn; the refusal when the queue is full or closing.</returns>
    public Refusal? TryAdd(QueuedOperation item)
    {
        Start();
        return queue.TryAdd(item) ? null : new Refusal(ErrorCode.Overloaded, "Too many operations are waiting. Nothing was done; try again in a second, with the same key.");
    }

    public bool MayLackHead(AccountId account) => !opened.ContainsKey(account);

    /// <summary>To be told after a commit.</summary>
    public void Committed(Batch batch)
    {
        if (opened.Count > 1_000_000)
        {
            opened.Clear();
        }

        foreach (var account in batch.Accounts)
        {
            opened.TryAdd(account, 0);
        }

        foreach (var state in batch.Changed)
        {
            changes.Raise(state.Account);
        }
    }

    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <summary>Takes nothing more in and serves what waits, as long as the host's time for stopping lasts.</summary>
    public async Task StopAsync(CancellationToken cancellationToken)
    {
        queue.Close();
        if (running is { } task)
        {
            await task.WaitAsync(cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private void Start()
    {
        if (running is not null)
        {
            return;
        }

        lock (starting)
        {
            running ??= Task.Run(RunAsync);
        }
    }

    private async Task RunAsync()
    {
        while (await queue.TakeAsync(MostInBatch) is { Count: > 0 } batch)
        {
            try
            {
                await PostAsync(batch);
            }
            catch (Exception error)
            {
                log.LogError(error, "A batch of {Count} operations failed; nothing of it is known to have happened.", batch.Count);
                batch.ForEach(item => item.Fail(error));
                await DropConnectionAsync();
            }
        }

        await DropConnectionAsync();
    }

    private async Task PostAsync(List<QueuedOperation> items)
    {
        var reconnected = false;
        for (var tries = 1; ; tries++)
        {
            try
            {
                await TryPostAsync(items);
                return;
            }
            catch (PostgresException error) when (IsPoison(error))
            {
                await RollBackAsync();
                await BisectAsync(items, error);
                return;
            }
            catch (PostgresException error) when (IsTransient(error.SqlState))
            {
                if (tries == MostTries)
                {
                    await RollBackAsync();
                    Unavailable(items);
                    return;
                }

                log.LogWarning("A batch waits for another instance's locks and is tried again: {SqlState}.", error.SqlState);
                await RollBackAsync();
                if (error.SqlState == PostgresErrorCodes.LockNotAvailable)
                {
                    await silent.EndAsync();
                }
            }
            catch (Exception error) when (IsConnectionLost(error))
            {
                // Whether a lost COMMIT happened is read under the locks after one reconnect: operations that took effect find themselves.
                log.LogWarning(error, "The ledger's connection was lost.");
                await DropConnectionAsync();
                if (reconnected)
                {
                    Unavailable(items);
                    return;
                }

                reconnected = true;
            }
        }
    }

    private async Task TryPostAsync(List<QueuedOperation> items)
    {
        var operations = items.ConvertAll(item => item.Operation);
        var batch = new Batch(operations, catalog.Current, MayLackHead, Clock);
        var there = await ConnectionAsync();
        await batch.ReadAsync(there, begin: true, CancellationToken.None);
        batch.Decide();
        await batch.WriteAsync(there, commit: true, CancellationToken.None);
        Committed(batch);
        for (var i = 0; i < items.Count; i++)
        {
            if (batch.ErrorOf(i) is { } error)
            {
                items[i].Fail(error);
            }
            else
            {
                items[i].Complete(batch.Results[i]);
            }
        }
    }

    private async Task BisectAsync(List<QueuedOperation> items, PostgresException error)
    {
        if (items.Count == 1)
        {
            log.LogError(error, "The database refused the values of operation {Kind} {Operation}.", items[0].Operation.Kind, items[0].Operation.Id);
            items[0].Complete(new PostResult.Refused(new(ErrorCode.InvalidRequest, "The database refused these values. Nothing was done.")));
            return;
        }

        var half = items.Count / 2;
        await PostAsync(items[..half]);
        await PostAsync(items[half..]);
    }

    private async Task<NpgsqlConnection> ConnectionAsync()
    {
        if (connection is { } open)
        {
            return open;
        }

        return connection = await source.OpenConnectionAsync();
    }

    private async Task RollBackAsync()
    {
        if (connection is { } open)
        {
            await using var command = new NpgsqlCommand("rollback", open);
            await command.ExecuteNonQueryAsync();
        }
    }

    private async Task DropConnectionAsync()
    {
        if (connection is { } lost)
        {
            connection = null;
            // The pool's other connections died with the server as well.
            NpgsqlConnection.ClearPool(lost);
            await lost.DisposeAsync();
        }
    }

    private static void Unavailable(List<QueuedOperation> items)
    {
        var refusal = new PostResult.Refused(new(ErrorCode.DatabaseUnavailable, "The database does not answer. Try again with the same key: it takes effect at most once."));
        items.ForEach(item => item.Complete(refusal));
    }

    /// <summary>Data exceptions and broken constraints: one operation's values are at fault.</summary>
    private static bool IsPoison(PostgresException error) => error.SqlState.StartsWith("22", StringComparison.Ordinal) || error.SqlState.StartsWith("23", StringComparison.Ordinal);

    /// <summary>The connection is gone, the server is going, or it has no room for us: classes 08, 53, 57 and whatever has no SQLSTATE at all.</summary>
    private static bool IsConnectionLost(Exception error) => error switch
    {
        // 25P03: our transaction sat idle for too long and was ended.
        PostgresException refused => refused.SqlState[..2] is "08" or "53" or "57" || refused.SqlState == "25P03",
        NpgsqlException or IOException or System.Net.Sockets.SocketException or TimeoutException => true,
        _ => false,
    };

    private static bool IsTransient(string sqlState) => sqlState is PostgresErrorCodes.SerializationFailure or PostgresErrorCodes.DeadlockDetected or PostgresErrorCodes.LockNotAvailable;
}
