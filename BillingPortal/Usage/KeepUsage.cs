using BillingPortal.Data;
using BillingPortal.Jobs;
using BillingPortal.Primitives;

namespace BillingPortal.Usage;

/// <summary>Makes the months of raw events ahead of time, drops those beyond <c>Usage:RetentionMonths</c> (default 13), and forgets keys that no event that is still taken could repeat.</summary>
internal sealed class KeepUsage(Tenants tenants, IConfiguration configuration, TimeProvider time) : RecurringJob
{
    private const int KeysAtOnce = 20_000;
    // Events older than 35 days are refused, so a key this old is never asked for again.
    private static readonly TimeSpan KeyLife = TimeSpan.FromDays(40);

    public override string Name => "keep_usage";
    public override TimeSpan Every => TimeSpan.FromHours(6);

    public override async Task RunAsync(CancellationToken ct)
    {
        await MakeMonthsAsync(ct);
        await ExecuteAsync("select drop_usage_partitions($1)", time.Now().AddMonths(-Math.Max(3, configuration.GetValue("Usage:RetentionMonths", 13))), ct);
        while (await ExecuteAsync($"""
            with old as (select account_id, digest from usage_keys where received_at < $1 limit {KeysAtOnce}),
            forgotten as (delete from usage_keys k using old where k.account_id = old.account_id and k.digest = old.digest returning 1)
            select count(*)::integer from forgotten
            """, time.Now() - KeyLife, ct) == KeysAtOnce)
        {
        }
    }

    /// <summary>Whatever an event that is taken now may fall into, and the weeks to come.</summary>
    public async Task MakeMonthsAsync(CancellationToken ct)
    {
        await using var scope = await tenants.ForWriterAsync(ct);
        await using var command = scope.Command("select make_usage_partitions($1, $2)");
        command.Parameters.Add(new() { Value = time.Now().AddDays(-36) });
        command.Parameters.Add(new() { Value = time.Now().AddDays(40) });
        await command.ExecuteNonQueryAsync(ct);
        await scope.CommitAsync(ct);
    }

    private async Task<int> ExecuteAsync(string sql, DateTimeOffset at, CancellationToken ct)
    {
        await using var scope = await tenants.ForWriterAsync(ct);
        await using var command = scope.Command(sql);
        command.Parameters.Add(new() { Value = at });
        var count = (int)(await command.ExecuteScalarAsync(ct))!;
        await scope.CommitAsync(ct);
        return count;
    }
}
