using BillingPortal.Data;
using BillingPortal.Jobs;
using BillingPortal.Primitives;

namespace BillingPortal.Ledger;

/// <summary>Crosses the borders of accounts that nobody charges: their periods turn, their grants and holds expire as they would with the next charge.</summary>
internal sealed class AdvanceIdleAccounts(Tenants tenants, Ledger ledger, TimeProvider time) : RecurringJob
{
    private const int AccountsAtOnce = 500;
    private const int MostRounds = 200;

    private const string Due = """
        (select account_id from ledger_heads where period_end <= $1 order by period_end limit $2)
        union
        (select account_id from grants where is_open and expires_at <= $1 and remaining > reserved order by expires_at limit $2)
        union
        (select account_id from holds where status = 'Open' and expires_at <= $1 order by expires_at limit $2)
        """;

    public override string Name => "advance_accounts";
    public override TimeSpan Every => TimeSpan.FromMinutes(1);

    public override async Task RunAsync(CancellationToken ct)
    {
        for (var round = 0; round < MostRounds; round++)
        {
            var due = await DueAsync(ct);
            if (due.Count == 0)
            {
                return;
            }

            // Together with whatever else the writer has waiting: idle accounts never hold up busy ones.
            var posted = await ledger.PostAllAsync(due.ConvertAll(account => new AdvanceOperation(account)), ct);
            if (due.Count < AccountsAtOnce || posted.Any(p => p is PostResult.Refused))
            {
                return;
            }
        }
    }

    private async Task<List<AccountId>> DueAsync(CancellationToken ct)
    {
        await using var scope = await tenants.ForWriterAsync(ct);
        // A plan born on an empty database would go on reading whole tables when they have grown.
        await using (var plan = scope.Command("set local enable_seqscan = off"))
        {
            await plan.ExecuteNonQueryAsync(ct);
        }

        await using var command = scope.Command(Due);
        command.Parameters.Add(new() { Value = time.Now() });
        command.Parameters.Add(new() { Value = AccountsAtOnce });
        await using var reader = await command.ExecuteReaderAsync(ct);
        var due = new List<AccountId>();
        while (await reader.ReadAsync(ct))
        {
            due.Add(new(reader.GetGuid(0)));
        }

        return due;
    }
}
