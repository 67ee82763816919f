using System.Diagnostics;
using BillingPortal.Data;
using BillingPortal.Jobs;
using BillingPortal.Primitives;
using BillingPortal.Usage.Submission;
using Npgsql;
using NpgsqlTypes;

namespace BillingPortal.Usage;

/// <summary>Counts charges and refunds in the rollups, each once: taking one off the list and adding it are one statement. Instances pass by what another holds.</summary>
internal sealed class RollUpUsage(Tenants tenants, RaiseAlerts alerts, FreezeOverage overage) : RecurringJob
{
    // Looking often keeps pieces small where charges come at leisure; where they pour in, or many wait, pieces are larger and cheaper.
    private const int ChargesAtOnce = 500;
    // Fewer than these are not worth looking again for before the next turn.
    private const int Few = 20;
    private static readonly TimeSpan LookEvery = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan LongestRound = TimeSpan.FromSeconds(5);
    private static readonly NpgsqlTid Beginning = new(0, 0);
    // Any constant: rebuilding excludes counting.
    private const long RebuildLock = 0x42_49_4C_52;

    private static readonly string Count = $"""
        with taken as (
            delete from uncounted_charges where ctid = any (array(select ctid from uncounted_charges where ctid >= $1 limit {ChargesAtOnce} for update skip locked))
            returning ctid as place, account_id, charge_id),
        parts as ({ChargedParts.Of("taken")}),
        added as ({ChargedParts.AddTo("parts")} returning 1)
        select (select count(*) from taken), (select coalesce(array_agg(distinct account_id), array[]::uuid[]) from taken), (select max(place) from taken), (select count(*) from added)
        """;

    private static readonly string Rebuild = $"""
        with known as (
            select c.account_id, c.id as charge_id from (select account_id, id from charges where account_id = $1 union select account_id, id from charge_refunds where account_id = $1) c
            where not exists (select from uncounted_charges u where u.account_id = c.account_id and u.charge_id = c.id)),
        parts as ({ChargedParts.Of("known")})
        {ChargedParts.AddTo("parts")}
        """;

    public override string Name => "roll_up_usage";
    public override TimeSpan Every => TimeSpan.FromSeconds(1);

    /// <summary>Counts what waits, evenly while much comes: a second's charges in one go would make those of that moment wait.</summary>
    public override async Task RunAsync(CancellationToken ct)
    {
        // Each piece begins where the last one ended: before lie the dead rows of all that was counted since the last vacuum. What comes to lie there after one is met when it begins anew.
        var (from, began) = (Beginning, Stopwatch.GetTimestamp());
        long counted;
        do
        {
            (counted, from) = await CountSomeAsync(from, ct);
            if (Stopwatch.GetElapsedTime(began) > LongestRound)
            {
                (from, began) = (Beginning, Stopwatch.GetTimestamp());
            }

            if (counted is >= Few and < ChargesAtOnce)
            {
                await Task.Delay(LookEvery, ct);
            }
        }
        while (counted >= Few);
    }

    /// <summary>Makes one account's rollups anew from its charges: what comes out is what stood there.</summary>
    public async Task RebuildAsync(AccountId account, CancellationToken ct = default)
    {
        await using var scope = await tenants.ForWriterAsync(ct);
        await using (var alone = scope.Command($"select pg_advisory_xact_lock({RebuildLock})"))
        {
            await alone.ExecuteNonQueryAsync(ct);
        }

        await using (var forget = scope.Command("delete from usage_rollups where account_id = $1"))
        {
            forget.Parameters.Add(new() { Value = account.Value });
            await forget.ExecuteNonQueryAsync(ct);
        }

        await using var add = scope.Command(Rebuild);
        add.CommandTimeout = 0;
        add.Parameters.Add(new() { Value = account.Value });
        await add.ExecuteNonQueryAsync(ct);
        await scope.CommitAsync(ct);
    }

    private async Task<(long Counted, NpgsqlTid Last)> CountSomeAsync(NpgsqlTid from, CancellationToken ct)
    {
        await using var scope = await tenants.ForBusyWriterAsync(ct);
        // Nobody waits for the log: what a crash takes back goes back on the list with it.
        await using (var settings = scope.Command($"select pg_advisory_xact_lock_shared({RebuildLock}), set_config('synchronous_commit', 'off', true)"))
        {
            await settings.ExecuteNonQueryAsync(ct);
        }

        var (counted, accounts, last) = await CountSomeAsync(scope, from, ct);
        await alerts.RaiseAsync(scope, accounts, ct);
        await overage.MarkAsync(scope, accounts, ct);
        await scope.CommitAsync(ct);
        return (counted, last);
    }

    private static async Task<(long Counted, Guid[] Accounts, NpgsqlTid Last)> CountSomeAsync(TenantScope scope, NpgsqlTid from, CancellationToken ct)
    {
        await using var command = scope.Command(Count);
        command.Parameters.Add(new() { Value = from, NpgsqlDbType = NpgsqlDbType.Tid });
        await using var reader = await command.ExecuteReaderAsync(ct);
        await reader.ReadAsync(ct);
        return (reader.GetInt64(0), reader.GetFieldValue<Guid[]>(1), reader.IsDBNull(2) ? from : reader.GetFieldValue<NpgsqlTid>(2));
    }
}
