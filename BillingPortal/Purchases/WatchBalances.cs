using System.Globalization;
using BillingPortal.Accounts;
using BillingPortal.Data;
using BillingPortal.Jobs;
using BillingPortal.Ledger;
using BillingPortal.Primitives;
using Microsoft.EntityFrameworkCore;

namespace BillingPortal.Purchases;

/// <summary>Looks at the balances that customers want watched: tells them once when one falls low, and tops it up where they asked for that.</summary>
internal sealed class WatchBalances(Tenants tenants, IServiceProvider services, Outbox.Outbox outbox, TimeProvider time) : RecurringJob
{
    private const int AccountsAtOnce = 200;

    private const string Low = """
        select w.account_id from balance_watches w left join wallets b on b.account_id = w.account_id and b.unit = w.unit
        where w.tops_up and w.stopped_at is null and coalesce(b.balance - b.held, 0) < w.threshold
            and not exists (select from top_ups t where t.account_id = w.account_id and t.status in ('Sent', 'Processing'))
        order by w.account_id limit $1
        """;

    private const string Crossed = """
        select w.account_id from balance_watches w left join wallets b on b.account_id = w.account_id and b.unit = w.unit
        where w.notify_below is not null and (coalesce(b.balance - b.held, 0) < w.notify_below) <> (w.notified_at is not null)
        order by w.account_id limit $1
        """;

    public override string Name => "watch_balances";
    public override TimeSpan Every => TimeSpan.FromSeconds(3);

    public override async Task RunAsync(CancellationToken ct)
    {
        foreach (var account in await FindAsync(Crossed, ct))
        {
            await NotifyAsync(account, ct);
        }

        var low = await FindAsync(Low, ct);
        if (low.Count == 0)
        {
            return;
        }

        await using var scoped = services.CreateAsyncScope();
        var topUps = scoped.ServiceProvider.GetRequiredService<AutoTopUps>();
        await Parallel.ForEachAsync(low, new ParallelOptions { MaxDegreeOfParallelism = 4, CancellationToken = ct }, async (account, inner) => await topUps.ConsiderAsync(account, inner));
    }

    private async Task NotifyAsync(AccountId account, CancellationToken ct)
    {
        await using var scope = await tenants.ForWriterAsync(ct);
        var watch = await scope.Db.Set<BalanceWatch>().FromSql($"select * from balance_watches where account_id = {account.Value} for update").SingleAsync(ct);
        var wallet = await scope.Db.Set<Wallet>().AsNoTracking().FirstOrDefaultAsync(w => w.AccountId == account && w.Unit == watch.Unit, ct);
        var available = wallet is null ? Amount.Zero : wallet.Balance - wallet.Held;
        var isLow = available < watch.NotifyBelow;
        if (isLow == watch.NotifiedAt is not null)
        {
            return;
        }

        watch.NotifiedAt = isLow ? time.Now() : null;
        if (watch.NotifiedAt is { } at)
        {
            var who = await scope.Db.Set<Account>().AsNoTracking().SingleAsync(a => a.AccountId == account, ct);
            await TopUpMails.LowAsync(outbox, scope, who, available, watch.Unit, $"low-balance:{account}:{at.ToUnixTimeMilliseconds().ToString(CultureInfo.InvariantCulture)}", ct);
        }

        await scope.CommitAsync(ct);
    }

    private async Task<List<AccountId>> FindAsync(string sql, CancellationToken ct)
    {
        await using var scope = await tenants.ForWriterAsync(ct);
        await using var command = scope.Command(sql);
        command.Parameters.Add(new() { Value = AccountsAtOnce });
        await using var reader = await command.ExecuteReaderAsync(ct);
        var found = new List<AccountId>();
        while (await reader.ReadAsync(ct))
        {
            found.Add(new(reader.GetGuid(0)));
        }

        return found;
    }
}

/// <summary>Finds out what became of top-ups that got no answer: asked again under the same key while Stripe remembers it, and looked up after.</summary>
internal sealed class SettleTopUps(Tenants tenants, IServiceProvider services, TimeProvider time) : RecurringJob
{
    public override string Name => "settle_top_ups";
    public override TimeSpan Every => TimeSpan.FromSeconds(5);

    public override async Task RunAsync(CancellationToken ct)
    {
        List<TopUp> due;
        var now = time.Now();
        await using (var scope = await tenants.ForStaffAsync(ct))
        {
            due = await scope.Db.Set<TopUp>().AsNoTracking().Where(t => (t.Status == TopUpStatus.Sent || t.Status == TopUpStatus.Processing) && t.NextTryAt <= now).OrderBy(t => t.NextTryAt).Take(50).ToListAsync(ct);
        }

        if (due.Count == 0)
        {
            return;
        }

        await using var scoped = services.CreateAsyncScope();
        var topUps = scoped.ServiceProvider.GetRequiredService<AutoTopUps>();
        foreach (var topUp in due)
        {
            if (topUp.PaymentId is null && now - topUp.CreatedAt < SettleRefunds.KeyLives)
            {
                await topUps.SendAsync(topUp, ct);
            }
            else
            {
                await topUps.LookUpAsync(topUp, ct);
            }
        }
    }
}
