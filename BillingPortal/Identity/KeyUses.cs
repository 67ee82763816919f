using BillingPortal.Data;
using BillingPortal.Identity.ApiKeys;
using Npgsql;

namespace BillingPortal.Identity;

/// <summary>Writes when keys were last used: once a minute, all together, never on a request's way.</summary>
internal sealed partial class KeyUses(ApiKeyRing ring, Tenants tenants, TimeProvider time, ILogger<KeyUses> log) : BackgroundService
{
    private static readonly TimeSpan Every = TimeSpan.FromSeconds(30);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(Every, time);
        try
        {
            while (await timer.WaitForNextTickAsync(stoppingToken))
            {
                await WriteAsync(stoppingToken);
            }
        }
        catch (OperationCanceledException)
        {
            // Shutting down: what was used in the last seconds stays unwritten.
        }
    }

    private async Task WriteAsync(CancellationToken ct)
    {
        var uses = ring.TakeUses();
        if (uses.Count == 0)
        {
            return;
        }

        try
        {
            await using var scope = await tenants.ForStaffAsync(ct);
            await using var update = scope.Command("""
                update api_keys set last_used_at = greatest(last_used_at, used.at)
                from unnest($1::uuid[], $2::timestamptz[]) as used(id, at) where api_keys.id = used.id
                """);
            update.Parameters.Add(new() { Value = uses.Select(u => u.Id).ToArray() });
            update.Parameters.Add(new() { Value = uses.Select(u => u.UsedAt).ToArray() });
            await update.ExecuteNonQueryAsync(ct);
            await scope.CommitAsync(ct);
        }
        catch (NpgsqlException e)
        {
            LogNotWritten(e, uses.Count);
        }
    }

    [LoggerMessage(1402, LogLevel.Warning, "The last use of {Count} keys was not written; later uses will be")]
    private partial void LogNotWritten(Exception e, int count);
}
