using System.Diagnostics;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;
using Npgsql;

namespace BillingPortal.Data;

/// <summary>Something held in memory that is the same for everybody: catalog, API keys, enforcement. Loaded before the first request and whenever <see cref="SnapshotVersion"/> moves.</summary>
public interface ISnapshotPart
{
    Task LoadAsync(CancellationToken ct);
}

/// <summary>
/// One row that moves with every change of what all instances hold in memory. Each instance looks every 250 ms; who has not looked successfully for a
/// second is not fresh and must fail closed, so a revoked key is dead everywhere within that second.
/// </summary>
public sealed partial class SnapshotVersion(NpgsqlDataSource source, IServiceProvider services, IConfiguration configuration, ILogger<SnapshotVersion> log) : BackgroundService
{
    private static readonly TimeSpan LookEvery = TimeSpan.FromMilliseconds(250);
    // A machine that starves the process for a second may be given longer, at the price that a revoked key lives as long.
    private readonly TimeSpan staleAfter = configuration.GetValue("Billing:SnapshotMaxAge", TimeSpan.FromSeconds(1));

    private readonly SemaphoreSlim looking = new(1, 1);
    private long lastLook = long.MinValue;
    private long version = -1;

    /// <summary>False when the last successful look is older than a second.</summary>
    public bool IsFresh => Volatile.Read(ref lastLook) is var at && at != long.MinValue && Stopwatch.GetElapsedTime(at) < staleAfter;

    /// <summary>The version that the parts in memory are at least as new as; −1 before the first load.</summary>
    public long Current => Volatile.Read(ref version);

    /// <summary>Call in the transaction that changes what a part is made of.</summary>
    public static async Task BumpAsync(NpgsqlConnection connection, NpgsqlTransaction transaction, CancellationToken ct)
    {
        await using var command = new NpgsqlCommand("update snapshot_version set version = version + 1", connection, transaction);
        await command.ExecuteNonQueryAsync(ct);
    }

    /// <summary>Looks now, and reloads when the version moved; after it an own committed change is in effect in this instance.</summary>
    public async Task RefreshAsync(CancellationToken ct = default)
    {
        await looking.WaitAsync(ct);
        try
        {
            var started = Stopwatch.GetTimestamp();
            await using var command = source.CreateCommand("select version from snapshot_version");
            var found = (long)(await command.ExecuteScalarAsync(ct))!;
            if (found != version)
            {
                foreach (var part in services.GetServices<ISnapshotPart>())
                {
                    await part.LoadAsync(ct);
                }

                Volatile.Write(ref version, found);
            }

            // The look began before anything later: what was committed before it is in effect.
            Volatile.Write(ref lastLook, started);
        }
        finally
        {
            looking.Release();
        }
    }

    public override async Task StartAsync(CancellationToken cancellationToken)
    {
        await RefreshAsync(cancellationToken);
        await base.StartAsync(cancellationToken);
    }

    public override void Dispose()
    {
        looking.Dispose();
        base.Dispose();
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(LookEvery);
        while (await timer.WaitForNextTickAsync(stoppingToken))
        {
            try
            {
                await RefreshAsync(stoppingToken);
            }
            catch (Exception e) when (!stoppingToken.IsCancellationRequested)
            {
                LogLookFailed(e.Message);
            }
        }
    }

    [LoggerMessage(1002, LogLevel.Warning, "The snapshot's version could not be read; decisions fail closed after a second: {Reason}")]
    private partial void LogLookFailed(string reason);

    internal sealed class Row
    {
        public int Id { get; init; } = 1;
        public long Version { get; init; }
    }

    internal sealed class Table : IEntityTypeConfiguration<Row>
    {
        public void Configure(EntityTypeBuilder<Row> builder)
        {
            builder.ToTable("snapshot_version", t => t.HasCheckConstraint("ck_snapshot_version_one_row", "id = 1"));
            builder.Property(r => r.Id).ValueGeneratedNever();
            builder.HasData(new Row());
        }
    }
}
