using System.Buffers.Binary;
using System.Threading.Channels;
using BillingPortal.Catalog;
using BillingPortal.Charging;
using BillingPortal.Data;
using BillingPortal.Jobs;
using BillingPortal.Ledger;
using BillingPortal.Primitives;
using BillingPortal.Rating;
using Microsoft.EntityFrameworkCore;

namespace BillingPortal.Usage;

/// <summary>Turns events into charges, through the ledger's writer, under a key of their own: a crash between the charge and the list only means that the same key is tried again.</summary>
internal sealed partial class ChargeUsage(Tenants tenants, Ledger.Ledger ledger, Enforcement enforcement, CatalogSnapshot catalog, RaiseAlerts alerts, IngestLoad load, TimeProvider time, ILogger<ChargeUsage> log) : RecurringJob
{
    private const int AtOnce = 1_000;

    public override string Name => "charge_usage";
    public override TimeSpan Every => TimeSpan.FromSeconds(1);

    public override async Task RunAsync(CancellationToken ct)
    {
        for (var started = time.GetTimestamp(); await ChargeSomeAsync(ct) is { } waited; started = time.GetTimestamp())
        {
            if (waited < IngestLoad.Patience)
            {
                await load.GiveWayAsync(time.GetElapsedTime(started), ct);
            }
        }
    }

    /// <returns>How long the longest of them had waited; null: there were no more.</returns>
    private async Task<TimeSpan?> ChargeSomeAsync(CancellationToken ct)
    {
        await using var scope = await tenants.ForWriterAsync(ct);
        // Another instance passes these by; were they charged twice all the same, the key would say so.
        var waiting = await scope.Db.Set<UnchargedUsage>().FromSql($"select * from uncharged_usage where refusal is null order by id limit {AtOnce} for update skip locked").ToListAsync(ct);
        var results = await ledger.PostAllAsync(waiting.ConvertAll(Operation), ct);
        var charged = new List<UnchargedUsage>(waiting.Count);
        for (var i = 0; i < results.Length; i++)
        {
            var refusal = results[i].Match(_ => (Refusal?)null, refused => refused);
            if (refusal is null)
            {
                charged.Add(waiting[i]);
            }
            else if (refusal.Code != ErrorCode.Overloaded && refusal.Code != ErrorCode.DatabaseUnavailable)
            {
                waiting[i].Refusal = $"{refusal.Code}: {refusal.Detail}"[..Math.Min(500, refusal.Code.Name.Length + 2 + refusal.Detail.Length)];
                LogParked(waiting[i].Id, waiting[i].AccountId, refusal.Code.Name);
            }
        }

        await ForgetAsync(scope, charged, ct);
        // What stands at a level makes no charge that would be counted; its alerts are raised here.
        await alerts.RaiseAsync(scope, [.. charged.Where(IsLevel).Select(u => u.AccountId.Value).Distinct()], ct);
        await scope.CommitAsync(ct);
        return waiting.Count == AtOnce && charged.Count > 0 ? time.GetUtcNow() - DateTimeOffset.FromUnixTimeMilliseconds(charged.Min(u => MadeAt(u.Id))) : null;
    }

    // An id of version 7 begins with the milliseconds of its making.
    private static long MadeAt(Guid id)
    {
        Span<byte> bytes = stackalloc byte[16];
        id.TryWriteBytes(bytes, bigEndian: true, out _);
        return BinaryPrimitives.ReadInt64BigEndian(bytes) >> 16;
    }

    private bool IsLevel(UnchargedUsage usage) => usage.Meter is { } meter && catalog.Current.FindMeter(meter) is { Kind: MeterKind.Level };

    private Operation Operation(UnchargedUsage usage) => IsLevel(usage)
        ? new LevelOperation(usage.AccountId, Origin.Job, KeyOf(usage.Id), ReportOf(usage, Unit.Of(usage.Meter!)))
        : new ChargeOperation(usage.AccountId, Origin.Job, KeyOf(usage.Id), RequestOf(usage), enforcement.ModeOf(RequestOf(usage).Subject));

    /// <summary>The key under which these events are charged.</summary>
    public static string KeyOf(Guid usage) => $"usage:{usage:N}";

    private static ChargeRequest RequestOf(UnchargedUsage usage) => new(new ChargeSubject
    {
        Meter = usage.Meter,
        Quantity = usage.Quantity ?? 1m,
        Provider = usage.Provider,
        Model = usage.Model,
        Tool = usage.Tool,
        Byok = usage.Byok,
        Tokens = usage.InputTokens is { } input ? new(input, usage.OutputTokens ?? 0, usage.CachedInputTokens ?? 0, usage.CacheWriteTokens ?? 0, usage.ReasoningTokens ?? 0) : null,
    })
    {
        Member = usage.Member,
        Agent = usage.Agent,
        Run = usage.Run,
        OccurredAt = usage.Time,
        Events = usage.Events,
    };

    private static LevelReport ReportOf(UnchargedUsage usage, Unit meter) =>
        new(meter, usage.Value is { } value ? Amount.Of(value) : null, usage.Quantity is { } quantity ? Amount.Of(quantity) : null, usage.Time);

    private static async Task ForgetAsync(TenantScope scope, List<UnchargedUsage> charged, CancellationToken ct)
    {
        if (charged.Count == 0)
        {
            return;
        }

        foreach (var usage in charged)
        {
            scope.Db.Entry(usage).State = EntityState.Detached;
        }

        await using var command = scope.Command("delete from uncharged_usage u using unnest($1::uuid[], $2::uuid[]) as c (account_id, id) where u.id = c.id and u.account_id = c.account_id");
        command.Parameters.Add(new() { Value = charged.Select(u => u.AccountId.Value).ToArray() });
        command.Parameters.Add(new() { Value = charged.Select(u => u.Id).ToArray() });
        await command.ExecuteNonQueryAsync(ct);
    }

    [LoggerMessage(1901, LogLevel.Error, "Usage {Usage} of {Account} cannot be charged and is parked: {Reason}")]
    private partial void LogParked(Guid usage, AccountId account, string reason);
}

/// <summary>Charges what has just come in without waiting for the job's turn.</summary>
internal sealed class ChargeAtOnce(ChargeUsage usage, ILogger<ChargeAtOnce> log) : BackgroundService
{
    private readonly Channel<bool> arrived = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite, SingleReader = true });

    /// <summary>To be told after a commit.</summary>
    public void Arrived() => arrived.Writer.TryWrite(true);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await foreach (var _ in arrived.Reader.ReadAllAsync(stoppingToken))
        {
            try
            {
                await usage.RunAsync(stoppingToken);
            }
            catch (Exception e) when (!stoppingToken.IsCancellationRequested)
            {
                // The job tries again within a second.
                log.LogWarning(e, "Usage could not be charged at once.");
            }
        }
    }
}
