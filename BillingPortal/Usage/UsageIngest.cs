using System.Globalization;
using BillingPortal.Access;
using BillingPortal.Accounts;
using BillingPortal.Catalog;
using BillingPortal.Charging;
using BillingPortal.Data;
using BillingPortal.Primitives;
using BillingPortal.Rating;
using Npgsql;

namespace BillingPortal.Usage;

/// <summary>What became of a request's events: accepted means durable.</summary>
internal sealed record IngestAnswer(int Accepted, int Duplicates, IReadOnlyList<RejectedEvent> Rejected);

/// <summary>Takes events: keys, events and what is to be charged for them are written in one statement, so that an event is there and will be charged, or is not there at all.</summary>
internal sealed class UsageIngest(
    [FromKeyedServices(DataSlice.Writer)] NpgsqlDataSource source, AccountDirectory accounts, StandingAccounts standing, CatalogSnapshot catalog,
    KeepUsage months, ChargeAtOnce charging, IngestLoad load, TimeProvider time)
{
    private const int MostTries = 5;
    private static readonly TimeSpan Latest = TimeSpan.FromMinutes(5);
    private static readonly TimeSpan Oldest = TimeSpan.FromDays(35);

    /// <param name="events">As they were read.</param>
    /// <param name="rejected">Those that could not be read.</param>
    public async Task<IngestAnswer> TakeAsync(Caller caller, IReadOnlyList<UsageEvent> events, List<RejectedEvent> rejected, CancellationToken ct)
    {
        using var taking = load.Begin();
        var now = time.Now();
        var rows = new EventRows(catalog.Current, now, events.Count);
        var duplicates = 0;
        await accounts.OpenAllAsync(caller, events.Select(e => e.Account), ct);
        foreach (var read in events)
        {
            var account = await accounts.OpenAsync(caller, read.Account, ct);
            if ((account is null ? AccountDirectory.Unknown : await CheckAsync(account.Value, read, now)) is { } refusal)
            {
                rejected.Add(RejectedEvent.Of(read.Index, refusal));
            }
            else if (!rows.TryAdd(account!.Value, read, out var isSame))
            {
                duplicates += isSame ? 1 : 0;
                if (!isSame)
                {
                    rejected.Add(RejectedEvent.Of(read.Index, OtherContent(read)));
                }
            }
        }

        var fresh = rows.Count == 0 ? [] : await WriteAsync(rows, ct);
        if (fresh.Count < rows.Count)
        {
            foreach (var (read, isSame) in await CompareAsync(rows, fresh, ct))
            {
                duplicates += isSame ? 1 : 0;
                if (!isSame)
                {
                    rejected.Add(RejectedEvent.Of(read.Index, OtherContent(read)));
                }
            }
        }

        if (fresh.Count > 0)
        {
            charging.Arrived();
        }

        rejected.Sort((a, b) => a.Index.CompareTo(b.Index));
        return new(fresh.Count, duplicates, rejected);
    }

    /// <returns>Null when the event means something; else why not.</returns>
    private async ValueTask<Refusal?> CheckAsync(AccountId account, UsageEvent read, DateTimeOffset now)
    {
        if (read.Time > now + Latest)
        {
            return new(ErrorCode.InvalidRequest, $"time: {read.Time.Value.UtcDateTime.ToString("u", CultureInfo.InvariantCulture)} is more than five minutes ahead.");
        }

        if (read.Time < now - Oldest)
        {
            return new(ErrorCode.InvalidRequest, $"time: {read.Time.Value.UtcDateTime.ToString("u", CultureInfo.InvariantCulture)} is more than 35 days ago.");
        }

        if (read.Meter is not { } meter)
        {
            // Whether a model has a price depends on the plan, and on what this customer alone has.
            return (await standing.ReadAsync(account, default, state => Unpriced(state.Catalog, state.Plan, read, now))).Seen?.Refusal;
        }

        if (catalog.Current.FindMeter(meter) is not { } known)
        {
            return new(ErrorCode.UnknownMeter, $"meter: the catalog has no meter '{meter}'.");
        }

        if (known.Kind == MeterKind.Level)
        {
            return read is { Value: < 0m } or { Quantity: 0m } or { Quantity: null, Value: null }
                ? new(ErrorCode.InvalidAmount, $"value: '{meter}' stands at a level: name the value, zero or more, or the quantity that it changed by.")
                : null;
        }

        return read switch
        {
            { Value: not null } => new(ErrorCode.InvalidRequest, $"value: '{meter}' counts, so it takes a quantity."),
            { Quantity: <= 0m } => new(ErrorCode.InvalidAmount, "quantity: Must be above zero."),
            _ => null,
        };
    }

    private static Rateable Unpriced(CatalogDocument catalog, Plan plan, UsageEvent read, DateTimeOffset now) =>
        Rater.Rate(catalog, plan, read.Subject, read.Time ?? now).Match(_ => new Rateable(null), refusal => new Rateable(refusal));

    private async Task<HashSet<EventName>> WriteAsync(EventRows rows, CancellationToken ct)
    {
        for (var tries = 1; ; tries++)
        {
            try
            {
                return await TryWriteAsync(rows, ct);
            }
            catch (PostgresException e) when (tries < MostTries && e.SqlState == PostgresErrorCodes.CheckViolation && e.TableName == "usage_events" && e.ConstraintName is null)
            {
                await months.MakeMonthsAsync(ct); // the clock has left the months that were made ahead
            }
            catch (PostgresException e) when (tries < MostTries && e.SqlState is PostgresErrorCodes.DeadlockDetected or PostgresErrorCodes.SerializationFailure or PostgresErrorCodes.LockNotAvailable)
            {
            }
        }
    }

    private async Task<HashSet<EventName>> TryWriteAsync(EventRows rows, CancellationToken ct)
    {
        await using var connection = await source.OpenConnectionAsync(ct);
        await using var batch = new NpgsqlBatch(connection);
        // Joined with themselves, a few hundred rows in memory: by hash, not each with each.
        batch.BatchCommands.Add(new("begin"));
        batch.BatchCommands.Add(new("select set_config('enable_hashjoin', 'on', true), set_config('enable_nestloop', 'off', true)"));
        batch.BatchCommands.Add(rows.InsertCommand());
        batch.BatchCommands.Add(new("commit"));
        try
        {
            await using var reader = await batch.ExecuteReaderAsync(ct);
            await reader.NextResultAsync(ct);
            var fresh = new HashSet<EventName>(rows.Count);
            while (await reader.ReadAsync(ct))
            {
                fresh.Add(EventName.Of(reader.GetGuid(0), reader.GetFieldValue<byte[]>(1)));
            }

            return fresh;
        }
        catch (PostgresException)
        {
            await using var back = new NpgsqlCommand("rollback", connection);
            await back.ExecuteNonQueryAsync(CancellationToken.None);
            throw;
        }
    }

    /// <summary>Tells repeats from other content under a known id.</summary>
    private async Task<List<(UsageEvent Event, bool IsSame)>> CompareAsync(EventRows rows, HashSet<EventName> fresh, CancellationToken ct)
    {
        await using var command = source.CreateCommand("""
            select k.account_id, k.digest, k.content from unnest($1::uuid[], $2::bytea[]) as asked (account_id, digest)
            join usage_keys k on k.account_id = asked.account_id and k.digest = asked.digest
            """);
        var known = rows.Except(fresh);
        command.Parameters.Add(new() { Value = known.Select(r => r.Account.Value).ToArray() });
        command.Parameters.Add(new() { Value = known.Select(r => r.Digest).ToArray() });
        var contents = new Dictionary<EventName, byte[]>();
        await using var reader = await command.ExecuteReaderAsync(ct);
        while (await reader.ReadAsync(ct))
        {
            contents[EventName.Of(reader.GetGuid(0), reader.GetFieldValue<byte[]>(1))] = reader.GetFieldValue<byte[]>(2);
        }

        return known.ConvertAll(row => (row.Event, contents.TryGetValue(row.Name, out var content) && content.AsSpan().SequenceEqual(row.Content)));
    }

    private static Refusal OtherContent(UsageEvent read) =>
        new(ErrorCode.IdempotencyConflict, $"id: '{read.Id}' of this source was reported before with other content. What was reported stands.");

    private sealed record Rateable(Refusal? Refusal);
}
