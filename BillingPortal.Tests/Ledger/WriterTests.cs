using BillingPortal.Charging;
using BillingPortal.Jobs;
using BillingPortal.Ledger;
using BillingPortal.Primitives;
using BillingPortal.Rating;
using BillingPortal.Tests.Testing;
using Microsoft.Extensions.DependencyInjection;

namespace BillingPortal.Tests.Ledger;

/// <summary>The writer when things go wrong, and what it asks of the database.</summary>
public class WriterTests(WriterTests.WithoutJobs portal) : IClassFixture<WriterTests.WithoutJobs>
{
    /// <summary>What the server counts is the writer's doing alone.</summary>
    public sealed class WithoutJobs : LedgerFixture
    {
        protected override void Configure(IDictionary<string, string?> settings)
        {
            base.Configure(settings);
            settings["Jobs:Enabled"] = "false";
        }
    }

    private static readonly string[] HotTables = ["ledger_heads", "wallets", "grants", "transfers", "operations", "charges", "operation_details", "holds", "hold_changes"];

    private static ChargeOperation Charge(AccountId account, string key, decimal credits) =>
        new(account, Origin.Api, key, new ChargeRequest(new ChargeSubject { Unit = Unit.Credit, Amount = Amount.Of(credits) }), EnforcementMode.Enforce);

    private async Task<PostResult.Posted> UntilPostedAsync(Func<Operation> operation)
    {
        while (true)
        {
            switch (await portal.Ledger.PostAsync(operation()))
            {
                case PostResult.Posted posted:
                    return posted;
                case PostResult.Refused { Refusal.Code.Status: 503 }:
                    await Task.Delay(20);
                    break;
                case var other:
                    throw new InvalidOperationException($"Not expected: {other}");
            }
        }
    }

    private async Task<string[]> SequentialScansAsync()
    {
        await portal.EndSessionsAsync();
        return (await portal.ScalarAsync<string[]>("select array_agg(relname || ' ' || coalesce(seq_scan, 0) order by relname) from pg_stat_user_tables where relname = any($1)", (object)HotTables))!;
    }

    [Fact]
    public async Task From_an_empty_database_on_no_charge_reads_a_table_from_end_to_end()
    {
        var charges = LongForm.IsAsked ? 100_000 : 5_000;
        var before = await SequentialScansAsync();
        var accounts = await Task.WhenAll(Enumerable.Range(0, 100).Select(_ => portal.AccountAsync(credits: 1_000_000m)));
        for (var done = 0; done < charges; done += 500)
        {
            var results = await portal.Ledger.PostAllAsync([.. Enumerable.Range(done, 500).Select(i => Charge(accounts[i % accounts.Length], $"plan-{i}", 1m))]);
            Assert.All(results, r => Assert.IsType<PostResult.Posted>(r));
        }

        Assert.Equal(before, await SequentialScansAsync());
    }

    [Fact]
    public async Task Connections_that_break_lose_nothing_and_double_nothing()
    {
        var accounts = await Task.WhenAll(Enumerable.Range(0, 10).Select(_ => portal.AccountAsync(credits: 1_000m)));
        var posting = Task.WhenAll(Enumerable.Range(0, 20).Select(async caller =>
        {
            for (var i = 0; i < 40; i++)
            {
                var key = $"broken-{caller}-{i}";
                await UntilPostedAsync(() => Charge(accounts[(caller + i) % accounts.Length], key, 1m));
            }
        }));
        for (var kills = 0; kills < 10 || (kills < 40 && !posting.IsCompleted); kills++)
        {
            await portal.ExecuteAsync("select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and usename <> current_user");
            await Task.Delay(50);
        }

        await posting;
        // Three uses of each account were free.
        Assert.Equal(10_000m - 800m + 30m, await portal.ScalarAsync<decimal>("select sum(balance) from wallets where unit = 'credit' and account_id = any($1)", (object)accounts.Select(a => a.Value).ToArray()));
        foreach (var account in accounts)
        {
            Assert.Empty((await portal.Services.GetRequiredService<LedgerVerification>().RunAsync(account)).Problems);
        }
    }

    [Fact]
    public async Task Two_instances_never_overspend_together()
    {
        var account = await portal.AccountAsync(credits: 100);
        var other = (await portal.StartInstanceAsync()).Services.GetRequiredService<BillingPortal.Ledger.Ledger>();
        var results = await Task.WhenAll(Enumerable.Range(0, 300).Select(i => (i % 2 == 0 ? portal.Ledger : other).PostAsync(Charge(account, $"both-{i}", 1m))));
        Assert.Equal(100 + 3, results.Count(r => r is PostResult.Posted)); // three uses are free
        Assert.Equal((0m, 0m), (await portal.BalanceAsync(account), await portal.BalanceAsync(account, "free_use")));
        Assert.Empty((await portal.Services.GetRequiredService<LedgerVerification>().RunAsync(account)).Problems);
    }

    [Fact]
    public async Task What_waits_when_an_instance_stops_is_still_answered()
    {
        var account = await portal.AccountAsync(credits: 5_000);
        var instance = await portal.StartInstanceAsync();
        var ledger = instance.Services.GetRequiredService<BillingPortal.Ledger.Ledger>();
        var posting = Enumerable.Range(0, 2_000).Select(i => ledger.PostAsync(Charge(account, $"stop-{i}", 1m))).ToArray();
        await instance.Services.GetRequiredService<LedgerWriter>().StopAsync(CancellationToken.None);
        Assert.All(await Task.WhenAll(posting), r => Assert.IsType<PostResult.Posted>(r));
        Assert.Equal(ErrorCode.Overloaded, Assert.IsType<PostResult.Refused>(await ledger.PostAsync(Charge(account, "late", 1m))).Refusal.Code);
    }

    [Fact]
    public async Task A_full_queue_refuses_one_account_and_serves_the_others()
    {
        var queue = new LedgerQueue(capacity: 100, capacityPerAccount: 10);
        var (busy, calm) = (AccountId.New(), AccountId.New());
        var taken = Enumerable.Range(0, 20).Count(i => queue.TryAdd(new(new TakeOperation(busy, $"{i}", 1m))));
        Assert.Equal(10, taken);
        Assert.True(queue.TryAdd(new(new TakeOperation(calm, "calm", 1m))));
        var batch = await queue.TakeAsync(4);
        Assert.Equal([busy, calm, busy, busy], batch.Select(item => item.Operation.Account));
        Assert.Equal(["0", "1", "2"], batch.Where(item => item.Operation.Account == busy).Select(item => item.Operation.Key));
    }

    [Fact]
    public async Task Idle_accounts_cross_their_borders_by_themselves()
    {
        var account = await portal.AccountAsync();
        await portal.Ledger.PostAsync(new TakeOperation(account, "some", 4m, "messages"));
        await portal.ExecuteAsync("update ledger_heads set period_end = now() - interval '1 day' where account_id = $1", account.Value);
        await portal.ExecuteAsync("update grants g set expires_at = h.period_end from ledger_heads h where h.account_id = g.account_id and g.account_id = $1 and g.source = 'Plan'", account.Value);
        await portal.Services.GetServices<RecurringJob>().OfType<AdvanceIdleAccounts>().Single().RunAsync(CancellationToken.None);
        Assert.Equal(10m, await portal.BalanceAsync(account, "messages"));
        Assert.Empty((await portal.Services.GetRequiredService<LedgerVerification>().RunAsync(account)).Problems);
    }
}
