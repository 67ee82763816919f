using System.Security.Cryptography;
using System.Text.Json.Nodes;
using BillingPortal.Payments.Stripe;
using Npgsql;
using NpgsqlTypes;

namespace BillingPortal.Payments.Simulator;

/// <summary>Opens the simulator's state, one request at a time: whoever changes it holds one lock, so no rule of it needs another.</summary>
internal sealed class SimulatorStore(NpgsqlDataSource database, TimeProvider time, SimulatorDeliverySignal deliveries)
{
    public async Task<SimulatorState> OpenAsync(CancellationToken ct)
    {
        var connection = await database.OpenConnectionAsync(ct);
        try
        {
            var transaction = await connection.BeginTransactionAsync(ct);
            await using var command = new NpgsqlCommand("select pg_advisory_xact_lock(hashtextextended('stripe-simulator', 5))", connection, transaction);
            await command.ExecuteNonQueryAsync(ct);
            return new(connection, transaction, time.GetUtcNow(), deliveries);
        }
        catch
        {
            await connection.DisposeAsync();
            throw;
        }
    }
}

/// <summary>The simulated objects within one transaction. Disposing without <see cref="CommitAsync"/> leaves everything as it was.</summary>
internal sealed class SimulatorState(NpgsqlConnection connection, NpgsqlTransaction transaction, DateTimeOffset now, SimulatorDeliverySignal deliveries) : IAsyncDisposable
{
    private bool emitted;

    public NpgsqlConnection Connection => connection;
    public NpgsqlTransaction Transaction => transaction;

    /// <summary>Unix seconds by the clock in use: the real one, or a test clock's.</summary>
    public long Now { get; set; } = now.ToUnixTimeSeconds();

    /// <summary>The customer's test clock rules everything that happens to it.</summary>
    public async Task UseClockOfAsync(JsonObject customer)
    {
        if (customer.Text("test_clock") is { } clock && await FindAsync("test_helpers.test_clock", clock) is { } found)
        {
            Now = found.Number("frozen_time");
        }
    }

    public static string NewId(string prefix) => prefix + RandomNumberGenerator.GetString("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789", 24);

    public async Task<JsonObject?> FindAsync(string? type, string id)
    {
        await using var command = Command("select body from simulator_objects where id = $1 and ($2::text is null or type = $2)", id, type);
        return await command.ExecuteScalarAsync() is string body ? JsonNode.Parse(body)!.AsObject() : null;
    }

    /// <param name="parameter">The parameter that named it, for the error; null: the path did.</param>
    public async Task<JsonObject> GetAsync(string type, string id, string? parameter = null)
    {
        var found = await FindAsync(type, id);
        return found is null || (parameter is not null && found.Flag("deleted")) ? throw SimulatorError.Missing(type, id, parameter) : found;
    }

    /// <summary>All of a type, newest first, narrowed by top-level fields.</summary>
    public async Task<List<JsonObject>> ListAsync(string type, params (string Field, string? Value)[] filters)
    {
        var narrowed = new JsonObject(filters.Where(f => f.Value is not null).Select(f => KeyValuePair.Create(f.Field, (JsonNode?)f.Value)));
        await using var command = Command("select body from simulator_objects where type = $1 and body @> $2::jsonb and not (body ? 'deleted') order by seq desc", type, narrowed.ToJsonString());
        await using var rows = await command.ExecuteReaderAsync();
        var found = new List<JsonObject>();
        while (await rows.ReadAsync())
        {
            found.Add(JsonNode.Parse(rows.GetString(0))!.AsObject());
        }

        return found;
    }

    public async Task<JsonObject> SaveAsync(JsonObject o)
    {
        await using var command = Command(
            "insert into simulator_objects (id, type, customer, body) values ($1, $2, $3, $4::jsonb) on conflict (id) do update set body = excluded.body, customer = excluded.customer",
            o.Text("id"), o.Text("object"), o.Text("customer"), o.ToJsonString());
        await command.ExecuteNonQueryAsync();
        return o;
    }

    /// <summary>Saves the object and tells the portal about it.</summary>
    public async Task<JsonObject> SaveAsync(JsonObject o, string eventType, JsonObject? previous = null)
    {
        await SaveAsync(o);
        await EmitAsync(eventType, o, previous);
        return o;
    }

    /// <summary>Makes an event with the object as it is now, and queues its delivery.</summary>
    /// <param name="previous">The changed fields as they were, for <c>*.updated</c>.</param>
    public async Task EmitAsync(string eventType, JsonObject o, JsonObject? previous = null)
    {
        var data = new JsonObject { ["object"] = o.Public() };
        if (previous is not null)
        {
            data["previous_attributes"] = previous.Public();
        }

        var made = new JsonObject
        {
            ["id"] = NewId("evt_"),
            ["object"] = "event",
            ["api_version"] = StripeVersion.Pinned,
            ["created"] = Now,
            ["data"] = data,
            ["livemode"] = false,
            ["pending_webhooks"] = 1,
            ["request"] = new JsonObject { ["id"] = null, ["idempotency_key"] = null },
            ["type"] = eventType,
        };
        await DeliverAsync(made);
    }

    /// <summary>Makes a thin event: only what it is about is delivered, the rest is fetched.</summary>
    public Task EmitThinAsync(string eventType, JsonObject? about, string? url, JsonObject data) => DeliverAsync(new()
    {
        ["id"] = NewId("evt_test_"),
        ["object"] = "v2.core.event",
        ["changes"] = null,
        ["context"] = null,
        ["created"] = DateTimeOffset.FromUnixTimeSeconds(Now).ToString("yyyy-MM-ddTHH:mm:ss.fffZ", System.Globalization.CultureInfo.InvariantCulture),
        ["livemode"] = false,
        ["reason"] = null,
        ["related_object"] = about is null ? null : new JsonObject { ["id"] = about.Text("id"), ["type"] = about.Text("object"), ["url"] = url },
        ["type"] = eventType,
        ["_data"] = data,
    });

    private async Task DeliverAsync(JsonObject made)
    {
        await SaveAsync(made);
        await using var command = Command("insert into simulator_deliveries (event_id, attempts, next_attempt_at) values ($1, 0, now())", made.Text("id"));
        await command.ExecuteNonQueryAsync();
        emitted = true;
    }

    public async Task CommitAsync()
    {
        await transaction.CommitAsync();
        if (emitted)
        {
            deliveries.Wake();
        }
    }

    public NpgsqlCommand Command(string sql, params object?[] values)
    {
        var command = new NpgsqlCommand(sql, connection, transaction);
        foreach (var value in values)
        {
            command.Parameters.Add(value is null ? new() { NpgsqlDbType = NpgsqlDbType.Text, Value = DBNull.Value } : new() { Value = value });
        }

        return command;
    }

    public async ValueTask DisposeAsync()
    {
        await transaction.DisposeAsync();
        await connection.DisposeAsync();
    }
}
