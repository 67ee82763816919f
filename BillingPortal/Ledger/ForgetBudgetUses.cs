using BillingPortal.Data;
using BillingPortal.Jobs;
using BillingPortal.Primitives;

namespace BillingPortal.Ledger;

/// <summary>Drops what was counted in windows that are long over, and for runs that nothing was heard of for a year.</summary>
internal sealed class ForgetBudgetUses(Tenants tenants, TimeProvider time) : RecurringJob
{
    private const int DaysOfWindows = 45;
    private const int DaysOfRuns = 400;
    private const int MostAtOnce = 5_000;

    public override string Name => "forget_budget_uses";
    public override TimeSpan Every => TimeSpan.FromHours(6);

    public override async Task RunAsync(CancellationToken ct)
    {
        int forgotten;
        do
        {
            await using var scope = await tenants.ForWriterAsync(ct);
            // Some at a time: a long transaction slows the hot rows of the ledger.
            await using var delete = scope.Command("""
                delete from budget_uses where (account_id, budget_id, subject, run) in (
                    select u.account_id, u.budget_id, u.subject, u.run from budget_uses u left join budgets b on b.account_id = u.account_id and b.id = u.budget_id
                    where u.touched_at < $1 and (b.time_window is distinct from 'Run' or u.touched_at < $2) limit $3)
                """);
            delete.Parameters.Add(new() { Value = time.Now().AddDays(-DaysOfWindows) });
            delete.Parameters.Add(new() { Value = time.Now().AddDays(-DaysOfRuns) });
            delete.Parameters.Add(new() { Value = MostAtOnce });
            forgotten = await delete.ExecuteNonQueryAsync(ct);
            await scope.CommitAsync(ct);
        }
        while (forgotten == MostAtOnce);
    }
}
