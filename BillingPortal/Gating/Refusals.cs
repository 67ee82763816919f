using System.Threading.Channels;
using BillingPortal.Charging;
using BillingPortal.Data;
using BillingPortal.Ledger;
using BillingPortal.Primitives;
using Npgsql;
using NpgsqlTypes;

namespace BillingPortal.Gating;

/// <summary>Keeps checks and refused charges on record without slowing the answer: noted in memory, written some at a time. What a crash loses of it moved nothing.</summary>
internal sealed class Refusals(Tenants tenants, TimeProvider time, GatingMetrics metrics, ILogger<Refusals> log) : BackgroundService
{
    private const int MostInBatch = 1_000;
    private static readonly TimeSpan Gathering = TimeSpan.FromMilliseconds(200);

    // Full: the newest is not kept. A flood of refusals must not become a flood of memory.
    private readonly Channel<Noted> noted = Channel.CreateBounded<Noted>(new BoundedChannelOptions(20_000) { SingleReader = true, FullMode = BoundedChannelFullMode.DropWrite });

    /// <summary>A charge that was refused. What was malformed, or of an account that does not exist, is not kept.</summary>
    public void Note(AccountId? account, ChargeRequest request, Refusal refusal)
    {
        metrics.Refused(account, refusal);
        if (account is { } known && refusal.Code.Status is 402 or 403 or 422 or 429)
        {
            Add("charge", known, request, refusal.Code.Name, refusal);
        }
    }

    /// <param name="refusal">What enforcing answers; null: it is allowed.</param>
    public void NoteCheck(AccountId? account, ChargeRequest request, Refusal? refusal, EnforcementMode mode)
    {
        var refused = mode == EnforcementMode.Enforce ? refusal : null;
        metrics.Checked(account, refused);
        if (account is not { } known)
        {
            return;
        }

        Add("check", known, request, refused?.Code.Name, refused);
        if (mode == EnforcementMode.Observe && refusal is not null)
        {
            Add("observed", known, request, refusal.Code.Name, refusal);
        }
    }

    /// <summary>A charge that stands; kept where enforcing would have refused it.</summary>
    public void NoteTaken(AccountId? account, ChargeRequest request, TakenCharge taken)
    {
        if (account is { } known && taken is { Replayed: false, Charge.WouldRefuse: { } errorCode })
        {
            Add("observed", known, request, errorCode, null);
        }
    }

    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        // What is noted by now is still written.
        noted.Writer.TryComplete();
        await base.StopAsync(cancellationToken);
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        var counts = new Dictionary<Noted, int>();
        while (await noted.Reader.WaitToReadAsync(CancellationToken.None))
        {
            await Task.Delay(Gathering, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            counts.Clear();
            while (counts.Count < MostInBatch && noted.Reader.TryRead(out var next))
            {
                counts[next] = counts.GetValueOrDefault(next) + 1;
            }

            try
            {
                await WriteAsync(counts);
            }
            catch (Exception error) when (error is NpgsqlException or IOException or TimeoutException)
            {
                log.LogWarning(error, "{Count} checks and refusals were not kept.", counts.Count);
            }
        }
    }

    private void Add(string kind, AccountId account, ChargeRequest request, string? errorCode, Refusal? refusal)
    {
        var subject = request.Subject;
        noted.Writer.TryWrite(new(account, kind, errorCode, subject.Action ?? subject.Meter ?? subject.Unit?.Code, subject.Model,
            request.Member, request.Agent, request.Run, refusal?.Unit, refusal?.Required, refusal?.Available));
    }

    private async Task WriteAsync(Dictionary<Noted, int> counts)
    {
        Noted[] rows = [.. counts.Keys];
        var now = time.Now();
        await using var scope = await tenants.ForWriterAsync();
        await using var insert = scope.Command("""
            insert into checks (account_id, id, created_at, kind, allowed, error_code, subject, model, member, agent, run, unit, required, available, times)
            select account_id, id, $1, kind, error_code is null or kind = 'observed', error_code, subject, model, member, agent, run, unit, required, available, times
            from unnest($2::uuid[], $3::uuid[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[], $10::text[], $11::text[], $12::numeric[], $13::numeric[], $14::integer[])
                as r (account_id, id, kind, error_code, subject, model, member, agent, run, unit, required, available, times)
            """);
        void Add<T>(Func<Noted, T> column, NpgsqlDbType type) => insert.Parameters.Add(new() { Value = Array.ConvertAll(rows, row => column(row)), NpgsqlDbType = NpgsqlDbType.Array | type });
        insert.Parameters.Add(new() { Value = now, NpgsqlDbType = NpgsqlDbType.TimestampTz });
        Add(r => r.Account.Value, NpgsqlDbType.Uuid);
        Add(_ => Guid.CreateVersion7(), NpgsqlDbType.Uuid);
        Add(r => r.Kind, NpgsqlDbType.Text);
        Add(r => r.ErrorCode, NpgsqlDbType.Text);
        Add(r => r.Subject, NpgsqlDbType.Text);
        Add(r => r.Model, NpgsqlDbType.Text);
        Add(r => r.Member, NpgsqlDbType.Text);
        Add(r => r.Agent, NpgsqlDbType.Text);
        Add(r => r.Run, NpgsqlDbType.Text);
        Add(r => r.Unit?.Code, NpgsqlDbType.Text);
        Add(r => r.Required?.Value, NpgsqlDbType.Numeric);
        Add(r => r.Available?.Value, NpgsqlDbType.Numeric);
        Add(r => counts[r], NpgsqlDbType.Integer);
        await insert.ExecuteNonQueryAsync();
        await scope.CommitAsync();
    }

    private readonly record struct Noted(AccountId Account, string Kind, string? ErrorCode, string? Subject, string? Model, string? Member, string? Agent, string? Run,
        Unit? Unit, Amount? Required, Amount? Available);
}
