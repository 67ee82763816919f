using BillingPortal.Data;
using BillingPortal.Primitives;
using Npgsql;
using NpgsqlTypes;

namespace BillingPortal.Payments;

/// <summary>The durable inbox: what was delivered, each event once, and what became of it.</summary>
internal sealed class WebhookInbox(NpgsqlDataSource database, StripeEventHandlers handlers, WebhookSignal signal, TimeProvider time)
{
    /// <summary>How long one worker has an event for itself. A worker that died gives it up after that; one that is merely slow is stopped by the mark at the end.</summary>
    private static readonly TimeSpan Lease = TimeSpan.FromSeconds(30);

    /// <summary>Stores an event unless it is there already.</summary>
    /// <param name="parkedBecause">Not null: it is not to be processed, and this is why.</param>
    /// <param name="fetched">True: it was never delivered and was read from Stripe's list.</param>
    /// <returns>False for a repeat.</returns>
    public async Task<bool> StoreAsync(StripeEvent received, string payload, string? parkedBecause, CancellationToken ct, bool fetched = false)
    {
        var now = time.Now();
        var status = parkedBecause is not null ? WebhookEventStatus.Parked : handlers.Handles(received.Type) ? WebhookEventStatus.Received : WebhookEventStatus.Unhandled;
        await using var command = database.CreateCommand(
            """
            insert into webhook_events (id, type, api_version, livemode, object_id, customer, payload, created_at, received_at, status, attempts, next_attempt_at, outcome, fetched)
            values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 0, $9, $11, $12)
            on conflict do nothing
            """);
        foreach (object? value in new object?[] { received.Id, received.Type, received.ApiVersion, received.Livemode, received.ObjectId, received.Customer, payload, received.Created, now, status.ToString(), parkedBecause, fetched })
        {
            command.Parameters.Add(new() { Value = value ?? DBNull.Value });
        }

        var stored = await command.ExecuteNonQueryAsync(ct) == 1;
        if (stored && status == WebhookEventStatus.Received)
        {
            signal.Wake();
        }

        return stored;
    }

    /// <summary>Puts a hint that an object may have changed into the inbox, and it is read afresh as after an event of Stripe's. The same hint again is processed again.</summary>
    /// <returns>Its id.</returns>
    public async Task<string> HintAsync(string type, string objectId, string? customer, bool livemode, CancellationToken ct)
    {
        var id = $"hint_{type}_{objectId}";
        await using var command = database.CreateCommand(
            """
            insert into webhook_events (id, type, api_version, livemode, object_id, customer, payload, created_at, received_at, status, attempts, next_attempt_at, fetched)
            values ($1, $2, $3, $4, $5, $6, $7, $8, $8, 'Received', 0, $8, true)
            on conflict (id) do update set status = 'Received', attempts = 0, failures = 0, next_attempt_at = excluded.next_attempt_at, outcome = null
            """);
        var payload = System.Text.Json.JsonSerializer.Serialize(new { id, @object = "event", type, livemode, data = new { @object = new { id = objectId, customer } } });
        foreach (object? value in new object?[] { id, type, Stripe.StripeVersion.Pinned, livemode, objectId, customer, payload, time.Now() })
        {
            command.Parameters.Add(value is null ? Text(null) : new() { Value = value });
        }

        await command.ExecuteNonQueryAsync(ct);
        signal.Wake();
        return id;
    }

    /// <summary>Takes the event that is due longest, for as long as <see cref="Lease"/>.</summary>
    /// <param name="busy">Whose events are passed over: see <see cref="StripeEvent.Queue"/>.</param>
    /// <returns>Null when none is due.</returns>
    public async Task<ClaimedEvent?> ClaimAsync(IReadOnlyCollection<string> busy, CancellationToken ct)
    {
        var now = time.Now();
        await using var command = database.CreateCommand(
            """
            update webhook_events set attempts = attempts + 1, next_attempt_at = $2
            where id = (
                select id from webhook_events where status = 'Received' and next_attempt_at <= $1 and coalesce(customer, object_id, id) <> all($3)
                order by next_attempt_at limit 1 for update skip locked)
            returning id, type, api_version, created_at, livemode, object_id, customer, attempts, failures, received_at
            """);
        command.Parameters.Add(new() { Value = now });
        command.Parameters.Add(new() { Value = now + Lease });
        command.Parameters.Add(new() { Value = busy.ToArray() });
        await using var row = await command.ExecuteReaderAsync(ct);
        if (!await row.ReadAsync(ct))
        {
            return null;
        }

        var received = new StripeEvent(row.GetString(0), row.GetString(1), Nullable(row, 2), row.GetFieldValue<DateTimeOffset>(3), row.GetBoolean(4), Nullable(row, 5), Nullable(row, 6));
        return new(received, row.GetInt32(7), row.GetInt32(8), row.GetFieldValue<DateTimeOffset>(9));
    }

    /// <summary>Marks within the transaction of the effect.</summary>
    /// <returns>False when somebody else has processed it meanwhile: nothing may be done.</returns>
    public async Task<bool> MarkProcessedAsync(TenantScope scope, string id, string? outcome, CancellationToken ct)
    {
        await using var command = scope.Command("update webhook_events set status = 'Processed', processed_at = $2, outcome = $3 where id = $1 and status = 'Received'");
        command.Parameters.Add(new() { Value = id });
        command.Parameters.Add(new() { Value = time.Now() });
        command.Parameters.Add(Text(outcome));
        return await command.ExecuteNonQueryAsync(ct) == 1;
    }

    /// <summary>Puts an event back for later, or parks it.</summary>
    /// <param name="attempts">How many attempts to count off: 1 for one that never came to its turn.</param>
    /// <param name="failures">How many failures to add: 1 when the handler broke.</param>
    public async Task PostponeAsync(string id, WebhookEventStatus status, DateTimeOffset next, string why, CancellationToken ct, int attempts = 0, int failures = 0)
    {
        await using var command = database.CreateCommand(
            "update webhook_events set status = $2, next_attempt_at = $3, outcome = $4, attempts = attempts - $5, failures = failures + $6 where id = $1 and status = 'Received'");
        command.Parameters.Add(new() { Value = id });
        command.Parameters.Add(new() { Value = status.ToString() });
        command.Parameters.Add(new() { Value = next });
        command.Parameters.Add(Text(why));
        command.Parameters.Add(new() { Value = attempts });
        command.Parameters.Add(new() { Value = failures });
        await command.ExecuteNonQueryAsync(ct);
    }

    private static string? Nullable(NpgsqlDataReader row, int column) => row.IsDBNull(column) ? null : row.GetString(column);

    private static NpgsqlParameter Text(string? text) => new()
    {
        NpgsqlDbType = NpgsqlDbType.Text,
        Value = text is null ? DBNull.Value : text.Length <= 1000 ? text : text[..1000],
    };
}

/// <param name="Attempts">Counting this one.</param>
/// <param name="Failures">Of the attempts before this one, those at which the handler broke.</param>
internal sealed record ClaimedEvent(StripeEvent Event, int Attempts, int Failures, DateTimeOffset ReceivedAt);

/// <summary>Wakes the worker as soon as there is something; it looks by itself every second anyway.</summary>
internal sealed class WebhookSignal : IDisposable
{
    private readonly SemaphoreSlim due = new(0, 1);

    public void Wake()
    {
        try
        {
            due.Release();
        }
        catch (SemaphoreFullException)
        {
            // Already awake.
        }
    }

    public Task WaitAsync(TimeSpan longest, CancellationToken ct) => due.WaitAsync(longest, ct);

    public void Dispose() => due.Dispose();
}

/// <summary>Who handles which type. Two handlers of one type would be two truths: refused at the start.</summary>
internal sealed class StripeEventHandlers
{
    private readonly Dictionary<string, Type> byType = [];

    public StripeEventHandlers(IServiceProvider services)
    {
        using var scope = services.CreateScope();
        foreach (var handler in scope.ServiceProvider.GetServices<IStripeEventHandler>())
        {
            foreach (var type in handler.EventTypes)
            {
                byType.Add(type, handler.GetType());
            }
        }
    }

    /// <summary>Every type of snapshot event that something here handles.</summary>
    public IReadOnlyList<string> Types => [.. byType.Keys.Where(t => !StripeEvent.IsThin(t)).Order(StringComparer.Ordinal)];

    /// <summary>The types that come as thin events only, by an event destination of their own.</summary>
    public IReadOnlyList<string> ThinTypes => [.. byType.Keys.Where(StripeEvent.IsThin).Order(StringComparer.Ordinal)];

    public bool Handles(string type) => byType.ContainsKey(type);

    public IStripeEventHandler? Find(IServiceProvider scoped, string type) =>
        byType.TryGetValue(type, out var handler) ? scoped.GetServices<IStripeEventHandler>().First(h => h.GetType() == handler) : null;
}
