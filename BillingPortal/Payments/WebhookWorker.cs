using BillingPortal.Data;
using BillingPortal.Primitives;
using Npgsql;

namespace BillingPortal.Payments;

/// <summary>Processes the inbox in the background: soon after an event came, again with growing pauses when it failed, and not for ever.</summary>
internal sealed class WebhookWorker(
    IServiceProvider services, WebhookInbox inbox, StripeEventHandlers handlers, WebhookSignal signal, Tenants tenants, NpgsqlDataSource database,
    TimeProvider time, ILogger<WebhookWorker> log) : BackgroundService
{
    /// <summary>Events worked on at once.</summary>
    private const int Width = 4;
    /// <summary>Tries after which an event that makes the handler fail is left to a person.</summary>
    private const int MostFailures = 10;
    /// <summary>How long to go on when Stripe does not answer.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromDays(3);
    private static readonly TimeSpan LookEvery = TimeSpan.FromSeconds(1);

    /// <summary>Whose events are worked on here. Taking another of theirs would only be to put it back.</summary>
    private readonly HashSet<string> busy = [];
    private readonly SemaphoreSlim claiming = new(1, 1);

    protected override Task ExecuteAsync(CancellationToken stoppingToken) =>
        Task.WhenAll(Enumerable.Range(0, Width).Select(_ => WorkAsync(stoppingToken)));

    private async Task WorkAsync(CancellationToken ct)
    {
        while (!ct.IsCancellationRequested)
        {
            try
            {
                while (await ClaimAsync(ct) is { } claimed)
                {
                    // There may be more: let the next worker look too.
                    signal.Wake();
                    try
                    {
                        await ProcessAsync(claimed, ct);
                    }
                    finally
                    {
                        await ReleaseAsync(claimed.Event);
                    }
                }

                await signal.WaitAsync(LookEvery, ct);
            }
            catch (OperationCanceledException) when (ct.IsCancellationRequested)
            {
                return;
            }
            catch (Exception broken)
            {
                log.LogError(broken, "webhook.worker_failed");
                await Task.Delay(LookEvery, ct).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    private async Task<ClaimedEvent?> ClaimAsync(CancellationToken ct)
    {
        await claiming.WaitAsync(ct);
        try
        {
            var claimed = await inbox.ClaimAsync(busy, ct);
            if (claimed is not null)
            {
                busy.Add(claimed.Event.Queue);
            }

            return claimed;
        }
        finally
        {
            claiming.Release();
        }
    }

    private async Task ReleaseAsync(StripeEvent done)
    {
        await claiming.WaitAsync(CancellationToken.None);
        busy.Remove(done.Queue);
        claiming.Release();
    }

    public override void Dispose()
    {
        claiming.Dispose();
        base.Dispose();
    }

    private async Task ProcessAsync(ClaimedEvent claimed, CancellationToken ct)
    {
        var received = claimed.Event;
        try
        {
            await using var turn = await CustomerTurn.TryTakeAsync(database, received.Queue, ct);
            if (turn is null)
            {
                await inbox.PostponeAsync(received.Id, WebhookEventStatus.Received, time.Now().AddMilliseconds(50), "Another event of this customer is being processed.", ct, attempts: 1);
                return;
            }

            await ApplyAsync(claimed, ct);
        }
        catch (OperationCanceledException) when (ct.IsCancellationRequested)
        {
            throw;
        }
        catch (Exception failed)
        {
            log.LogError(failed, "webhook.failed {EventId} {EventType} {Attempt}", received.Id, received.Type, claimed.Attempts);
            var status = claimed.Failures + 1 >= MostFailures ? WebhookEventStatus.Parked : WebhookEventStatus.Received;
            await inbox.PostponeAsync(received.Id, status, time.Now() + PauseAfter(claimed.Attempts), $"{failed.GetType().Name}: {failed.Message}", ct, failures: 1);
        }
    }

    private async Task ApplyAsync(ClaimedEvent claimed, CancellationToken ct)
    {
        var received = claimed.Event;
        await using var scoped = services.CreateAsyncScope();
        var effect = handlers.Find(scoped.ServiceProvider, received.Type) is { } handler
            ? await handler.HandleAsync(received, ct)
            : new StripeEffect.Nothing("Nobody handles this type.");
        switch (effect)
        {
            case StripeEffect.Apply apply:
                await CommitAsync(received, apply.InTransaction, null, ct);
                break;
            case StripeEffect.Nothing nothing:
                await CommitAsync(received, (_, _) => Task.FromResult<string?>(null), nothing.Why, ct);
                break;
            case StripeEffect.Later later:
                var status = time.Now() - claimed.ReceivedAt > Patience ? WebhookEventStatus.Parked : WebhookEventStatus.Received;
                log.LogWarning("webhook.later {EventId} {EventType}: {Why}", received.Id, received.Type, later.Why);
                await inbox.PostponeAsync(received.Id, status, time.Now() + PauseAfter(claimed.Attempts), later.Why, ct);
                break;
            case StripeEffect.Park park:
                await ParkAsync(received, park.Why, ct);
                break;
        }
    }

    private async Task CommitAsync(StripeEvent received, Func<TenantScope, CancellationToken, Task<string?>> effect, string? outcome, CancellationToken ct)
    {
        string? refused;
        await using (var scope = await tenants.ForWriterAsync(ct))
        {
            if (!await inbox.MarkProcessedAsync(scope, received.Id, outcome, ct))
            {
                return;
            }

            refused = await effect(scope, ct);
            if (refused is null)
            {
                await scope.CommitAsync(ct);
                log.LogInformation("webhook.processed {EventId} {EventType} {Outcome}", received.Id, received.Type, outcome);
            }
        }

        if (refused is not null)
        {
            await ParkAsync(received, refused, ct);
        }
    }

    private async Task ParkAsync(StripeEvent received, string why, CancellationToken ct)
    {
        log.LogError("webhook.parked {EventId} {EventType}: {Why}", received.Id, received.Type, why);
        await inbox.PostponeAsync(received.Id, WebhookEventStatus.Parked, time.Now(), why, ct);
    }

    /// <summary>1, 2, 4… seconds, at most ten minutes.</summary>
    private static TimeSpan PauseAfter(int attempts) => TimeSpan.FromSeconds(Math.Min(600, Math.Pow(2, attempts - 1)));
}

/// <summary>One customer's events are handled one at a time, over all instances: a session lock of the database, held outside any transaction while Stripe is asked.</summary>
internal sealed class CustomerTurn : IAsyncDisposable
{
    private readonly NpgsqlConnection connection;
    private readonly string name;

    private CustomerTurn(NpgsqlConnection connection, string name) => (this.connection, this.name) = (connection, name);

    /// <returns>Null when somebody else has it.</returns>
    public static async Task<CustomerTurn?> TryTakeAsync(NpgsqlDataSource database, string customer, CancellationToken ct)
    {
        var connection = await database.OpenConnectionAsync(ct);
        try
        {
            if (await CallAsync(connection, "select pg_try_advisory_lock(hashtextextended($1, 5))", $"stripe:{customer}", ct))
            {
                return new(connection, $"stripe:{customer}");
            }
        }
        catch
        {
            await connection.DisposeAsync();
            throw;
        }

        await connection.DisposeAsync();
        return null;
    }

    /// <summary>Waits for it, a few seconds at most: for a person's own change.</summary>
    /// <returns>Null when somebody else keeps it.</returns>
    public static async Task<CustomerTurn?> TakeAsync(NpgsqlDataSource database, string customer, TimeProvider time, CancellationToken ct)
    {
        for (var attempt = 0; attempt < 100; attempt++)
        {
            if (await TryTakeAsync(database, customer, ct) is { } turn)
            {
                return turn;
            }

            await Task.Delay(TimeSpan.FromMilliseconds(50), time, ct);
        }

        return null;
    }

    public async ValueTask DisposeAsync()
    {
        // A pooled connection outlives its use, and a session's lock with it.
        await CallAsync(connection, "select pg_advisory_unlock(hashtextextended($1, 5))", name, CancellationToken.None);
        await connection.DisposeAsync();
    }

    private static async Task<bool> CallAsync(NpgsqlConnection connection, string sql, string name, CancellationToken ct)
    {
        await using var command = new NpgsqlCommand(sql, connection) { Parameters = { new() { Value = name } } };
        return (bool)(await command.ExecuteScalarAsync(ct))!;
    }
}
