using System.Threading.Channels;
using BillingPortal.Catalog;
using BillingPortal.Data;
using BillingPortal.Ledger;
using BillingPortal.Primitives;
using Npgsql;

namespace BillingPortal.Charging;

/// <summary>Accounts as they stand, for checks and estimates: committed state, read without locks, many callers' in one round trip (DESIGN §7.5). Advice, not a promise: nothing is posted.</summary>
internal sealed class StandingAccounts([FromKeyedServices(DataSlice.Writer)] NpgsqlDataSource source, CatalogSnapshot catalog, LedgerWriter writer, TimeProvider time, ILogger<StandingAccounts> log)
    : BackgroundService
{
    private const int MostInBatch = 512;
    private const int MostWaiting = 32_768;

    private readonly Channel<Reading> waiting = Channel.CreateBounded<Reading>(new BoundedChannelOptions(MostWaiting) { SingleReader = true });

    /// <summary>Reads one account, advanced to now, and hands it to <paramref name="look"/>, which must be pure and quick.</summary>
    /// <param name="account">Null: an account as it would be opened now; none is made.</param>
    /// <returns>What was seen; or the refusal when the database does not answer or too many wait.</returns>
    /// <param name="spender">Whose budgets are to be looked at.</param>
    public async ValueTask<(T? Seen, Refusal? Refusal)> ReadAsync<T>(AccountId? account, Spender spender, Func<AccountState, T> look) where T : class
    {
        if (account is not { } known)
        {
            return (look(New(AccountId.New())), null);
        }

        var reading = new Reading(known, spender, look);
        if (!waiting.Writer.TryWrite(reading))
        {
            return (null, new(ErrorCode.Overloaded, "Too many requests are waiting. Nothing was done; try again in a second."));
        }

        return await reading.Seen.Task is T seen ? (seen, null) : (null, new(ErrorCode.DatabaseUnavailable, "The database does not answer. Nothing was done; try again in a second."));
    }

    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        // Takes nothing more in and serves what waits.
        waiting.Writer.TryComplete();
        await base.StopAsync(cancellationToken);
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        var batch = new List<Reading>(MostInBatch);
        while (await waiting.Reader.WaitToReadAsync(CancellationToken.None))
        {
            batch.Clear();
            while (batch.Count < MostInBatch && waiting.Reader.TryRead(out var reading))
            {
                batch.Add(reading);
            }

            try
            {
                await ServeAsync(batch);
            }
            catch (Exception error) when (error is NpgsqlException or IOException or TimeoutException)
            {
                log.LogWarning(error, "Accounts could not be read for {Count} checks.", batch.Count);
                batch.ForEach(reading => reading.Seen.TrySetResult(null));
            }
            catch (Exception error)
            {
                batch.ForEach(reading => reading.Seen.TrySetException(error));
            }
        }
    }

    private async Task ServeAsync(List<Reading> readings)
    {
        var states = await ReadAsync(readings);
        foreach (var reading in readings)
        {
            try
            {
                reading.Seen.TrySetResult(reading.Look(states.TryGetValue(reading.Account, out var state) ? state : New(reading.Account)));
            }
            catch (Exception error)
            {
                // One caller's mistake is not the others'.
                reading.Seen.TrySetException(error);
            }
        }
    }

    private async Task<Dictionary<AccountId, AccountState>> ReadAsync(List<Reading> readings)
    {
        await using var connection = await source.OpenConnectionAsync();
        var states = await BatchReading.ReadUnlockedAsync(connection, [.. readings.Select(reading => reading.Account.Value).Distinct()], catalog.Current, writer.Clock, CancellationToken.None);
        AccountState[] zoned = [.. states.Values.Where(ZoneReading.IsNeeded)];
        if (zoned.Length > 0)
        {
            await ZoneReading.ReadAsync(connection, zoned, CancellationToken.None);
        }

        AccountState[] budgeted = [.. states.Values.Where(state => state.Head.HasBudgets)];
        if (budgeted.Length > 0)
        {
            await BudgetReading.ReadAsync(connection, budgeted, readings.Select(reading => (reading.Account, reading.Spender)), CancellationToken.None);
        }

        foreach (var state in states.Values)
        {
            Advance(state);
        }

        return states;
    }

    private AccountState New(AccountId account)
    {
        var now = time.Now();
        var state = new AccountState(AccountState.NewHead(account, catalog.Current, now), catalog.Current, now);
        Advance(state);
        return state;
    }

    private static void Advance(AccountState state)
    {
        state.Begin(Guid.Empty, null, isCharge: false); // nothing of it is written
        state.Advance();
    }

    private sealed record Reading(AccountId Account, Spender Spender, Func<AccountState, object> Look)
    {
        public TaskCompletionSource<object?> Seen { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}
