using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using BillingPortal.Data;
using BillingPortal.Payments.Stripe;
using BillingPortal.Primitives;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;
using Npgsql;

namespace BillingPortal.Payments;

/// <summary>How many deliveries of a day were not believed, for one likely cause, over all instances.</summary>
public sealed class SignatureFaultCount
{
    public DateOnly Day { get; init; }
    public SignatureFault Cause { get; init; }
    public long Count { get; init; }
    public DateTimeOffset LastAt { get; init; }

    /// <summary>What it usually comes from, and how to mend it.</summary>
    public static string Explain(SignatureFault cause) => cause switch
    {
        SignatureFault.NoSecret => "No signing secret is in force: give it under Settings or by Stripe__WebhookSecret.",
        SignatureFault.MissingHeader => "No signature came with it: somebody else posts to this address, or a proxy drops headers.",
        SignatureFault.MalformedHeader => "The signature was not readable: a proxy changes headers, or somebody else posts to this address.",
        SignatureFault.OutsideTolerance => "The time in it is more than five minutes off: this machine's clock is wrong, or an old delivery was replayed.",
        SignatureFault.Mismatch => "No secret fits: the one in force is another endpoint's, or a proxy changes the body.",
        SignatureFault.OtherMode => "Test and live are mixed: the endpoint is of the other mode than the secret key.",
        SignatureFault.MalformedSecret => "A signing secret in force holds white space or does not begin with whsec_: it was not copied whole.",
        _ => "",
    };

    internal sealed class Table : IEntityTypeConfiguration<SignatureFaultCount>
    {
        public void Configure(EntityTypeBuilder<SignatureFaultCount> builder)
        {
            builder.ToTable("signature_faults");
            builder.HasKey(f => new { f.Day, f.Cause });
            builder.Property(f => f.Cause).HasConversion<string>().HasMaxLength(30);
        }
    }
}

/// <summary>Deliveries that were not believed, by likely cause (B10): at once in memory, a few seconds later on record. Anybody may post rubbish, so no delivery costs a write of its own.</summary>
public sealed class SignatureFaults(IMeterFactory meters, NpgsqlDataSource database, TimeProvider time)
{
    private readonly Counter<long> counter = meters.Create("BillingPortal.Payments").CreateCounter<long>("webhook_signature_faults");
    private readonly ConcurrentDictionary<SignatureFault, long> counts = new();
    private readonly ConcurrentDictionary<SignatureFault, long> unwritten = new();

    /// <summary>Since the start of this process.</summary>
    public IReadOnlyDictionary<SignatureFault, long> Counts => counts;

    public void Count(SignatureFault fault)
    {
        counter.Add(1, new KeyValuePair<string, object?>("cause", fault.ToString()));
        counts.AddOrUpdate(fault, 1, (_, n) => n + 1);
        unwritten.AddOrUpdate(fault, 1, (_, n) => n + 1);
    }

    /// <summary>What is the likelier cause of a fault, knowing the event and the secrets in force.</summary>
    internal static SignatureFault Likely(SignatureFault fault, StripeEvent? received, StripeConnection connection) => fault switch
    {
        SignatureFault.Mismatch when received is not null && received.Livemode != connection.IsLive => SignatureFault.OtherMode,
        SignatureFault.Mismatch when connection.WebhookSecrets.Any(s => !s.StartsWith("whsec_", StringComparison.Ordinal) || s.Any(char.IsWhiteSpace)) => SignatureFault.MalformedSecret,
        _ => fault,
    };

    /// <summary>Puts on record what was counted since the last time.</summary>
    internal async Task WriteAsync(CancellationToken ct)
    {
        foreach (var fault in unwritten.Keys)
        {
            if (!unwritten.TryRemove(fault, out var count))
            {
                continue;
            }

            try
            {
                var now = time.Now();
                await using var command = database.CreateCommand(
                    "insert into signature_faults (day, cause, count, last_at) values ($1, $2, $3, $4) on conflict (day, cause) do update set count = signature_faults.count + $3, last_at = $4");
                foreach (var value in new object[] { DateOnly.FromDateTime(now.UtcDateTime), fault.ToString(), count, now })
                {
                    command.Parameters.Add(new() { Value = value });
                }

                await command.ExecuteNonQueryAsync(ct);
            }
            catch
            {
                unwritten.AddOrUpdate(fault, count, (_, n) => n + count);
                throw;
            }
        }
    }

    /// <summary>Of the last days, newest first; for staff.</summary>
    public static async Task<IReadOnlyList<SignatureFaultCount>> ReadAsync(TenantScope scope, DateTimeOffset since, CancellationToken ct)
    {
        var day = DateOnly.FromDateTime(since.UtcDateTime);
        return await scope.Db.Set<SignatureFaultCount>().AsNoTracking().Where(f => f.Day >= day && f.LastAt >= since).OrderByDescending(f => f.LastAt).ToListAsync(ct);
    }
}

/// <summary>Writes the counts down every few seconds, and once more at the end.</summary>
internal sealed class RecordSignatureFaults(SignatureFaults faults, ILogger<RecordSignatureFaults> log) : BackgroundService
{
    private static readonly TimeSpan Every = TimeSpan.FromSeconds(3);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (!stoppingToken.IsCancellationRequested)
        {
            await Task.Delay(Every, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            try
            {
                await faults.WriteAsync(CancellationToken.None);
            }
            catch (NpgsqlException away)
            {
                log.LogWarning("webhook.faults_not_written: {Reason}", away.Message);
            }
        }
    }
}
