using BillingPortal.Data;
using BillingPortal.Jobs;
using BillingPortal.Primitives;

namespace BillingPortal.Gating;

/// <summary>Drops the record of checks and refused charges after <c>Billing:CheckRetentionDays</c> (default 90). The ledger itself has no retention.</summary>
internal sealed class ForgetChecks(Tenants tenants, IConfiguration configuration, TimeProvider time) : RecurringJob
{
    private const int DefaultDays = 90;
    private const int MostAtOnce = 5_000;

    public override string Name => "forget_checks";
    public override TimeSpan Every => TimeSpan.FromHours(1);

    public override async Task RunAsync(CancellationToken ct)
    {
        var before = time.Now().AddDays(-Math.Max(1, configuration.GetValue("Billing:CheckRetentionDays", DefaultDays)));
        int forgotten;
        do
        {
            await using var scope = await tenants.ForWriterAsync(ct);
            // Some at a time: a long transaction slows the hot rows of the ledger.
            await using var delete = scope.Command("delete from checks where (account_id, id) in (select account_id, id from checks where created_at < $1 limit $2)");
            delete.Parameters.Add(new() { Value = before });
            delete.Parameters.Add(new() { Value = MostAtOnce });
            forgotten = await delete.ExecuteNonQueryAsync(ct);
            await scope.CommitAsync(ct);
        }
        while (forgotten == MostAtOnce);
    }
}
