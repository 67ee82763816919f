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

/// <summary>Takes events: keys, events and what is to be charged for them are written in one transaction, so that an event is there and will be charged, or is not there at all.</summary>
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
        var owners = await accounts.OpenAllAsync(caller, [.. events.Select(e => e.Account)], ct);
        foreach (var (read, account) in events.Zip(owners))
        {
            if ((account is null ? AccountDirectory.Unknown : await CheckAsync(account.Value, read, now)) is { } refusal)
            {
                rejected.Add(RejectedEvent.Of(read.Index, refusal));
            }
            else if (!rows.TryAdd(account!.Value, read, out var isSame))
            {
                Repeated(read, isSame);
            }
        }

        var known = rows.Count == 0 ? [] : await WriteAsync(rows, now, ct);
        known.ForEach(k => Repeated(k.Event, k.IsSame));

        var accepted = rows.Count - known.Count;
        if (accepted > 0)
        {
            charging.Arrived();
        }

        rejected.Sort((a, b) => a.Index.CompareTo(b.Index));
        return new(accepted, duplicates, rejected);

        void Repeated(UsageEvent read, bool isSame)
        {
            if (isSame)
            {
                duplicates++;
            }
            else
            {
                rejected.Add(RejectedEvent.Of(read.Index, OtherContent(read)));
            }
        }
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

    /// <returns>Those that are no news, and whether they say the same as before.</returns>
    private async Task<List<(UsageEvent Event, bool IsSame)>> WriteAsync(EventRows rows, DateTimeOffset now, CancellationToken ct)
    {
        var allAreNew = true;
        for (var tries = 1; ; tries++)
        {
            try
            {
                // Whatever ends early is rolled back when the connection goes back.
                await using var connection = await source.OpenConnectionAsync(ct);
                if (await TryWriteAsync(connection, rows.InOrder(), now, allAreNew, ct) is { } known)
                {
                    return known;
                }
            }
            catch (PostgresException e) when (allAreNew && e.SqlState == PostgresErrorCodes.UniqueViolation)
            {
                allAreNew = false; // as most requests' events are, but not these
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

    /// <summary>Keys first: whose key was there before is a repeat, or other content under a known id. The others follow in the same transaction, with what is to be charged for them.</summary>
    /// <returns>Null: a key that was in the way was forgotten in the same moment, and nothing was written.</returns>
    private static async Task<List<(UsageEvent Event, bool IsSame)>?> TryWriteAsync(NpgsqlConnection connection, List<EventRow> rows, DateTimeOffset now, bool allAreNew, CancellationToken ct)
    {
        await using var keys = new NpgsqlBatch(connection) { BatchCommands = { new("begin"), EventStatements.Keys(rows, now, allAreNew) } };
        var written = await keys.ExecuteNonQueryAsync(ct);
        var known = written < rows.Count ? await KnownAsync(connection, rows, ct) : [];
        if (written + known.Count < rows.Count)
        {
            return null;
        }

        await using var events = new NpgsqlBatch(connection);
        if (written > 0)
        {
            var fresh = known.Count == 0 ? rows : rows.FindAll(r => !known.ContainsKey(r.Name));
            events.BatchCommands.Add(EventStatements.Events(fresh, now));
            events.BatchCommands.Add(EventStatements.Uncharged([.. fresh.GroupBy(r => r.Usage).Select(alike => UnchargedUsage.Of([.. alike]))]));
        }

        events.BatchCommands.Add(new("commit"));
        await events.ExecuteNonQueryAsync(ct);
        return known.Count == 0 ? [] : rows.FindAll(r => known.ContainsKey(r.Name)).ConvertAll(r => (r.Event, known[r.Name].AsSpan().SequenceEqual(r.Content)));
    }

    /// <returns>What was said before under these names.</returns>
    private static async Task<Dictionary<EventName, byte[]>> KnownAsync(NpgsqlConnection connection, List<EventRow> rows, CancellationToken ct)
    {
        var contents = new Dictionary<EventName, byte[]>();
        await using var command = EventStatements.Known(rows, connection);
        await using var reader = await command.ExecuteReaderAsync(ct);
        while (await reader.ReadAsync(ct))
        {
            contents[EventName.Of(reader.GetGuid(0), reader.GetFieldValue<byte[]>(1))] = reader.GetFieldValue<byte[]>(2);
        }

        return contents;
    }

    private static Refusal OtherContent(UsageEvent read) =>
        new(ErrorCode.IdempotencyConflict, $"id: '{read.Id}' of this source was reported before with other content. What was reported stands.");

    private sealed record Rateable(Refusal? Refusal);
}
