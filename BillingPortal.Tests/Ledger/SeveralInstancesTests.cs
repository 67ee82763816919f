using System.Diagnostics;
using BillingPortal.Tests.Testing;

namespace BillingPortal.Tests.Ledger;

/// <summary>
/// Several instances on one database, killed and frozen in turn under load (QUALITY R9): the clients' log still holds, and what jobs do is done once.
/// Short: 1,500 charges, each of three instances killed once, and of two one frozen. With BILLING_LONG=1: 30,000 charges, each of two and of three killed five times.
/// </summary>
public sealed class SeveralInstancesTests(SeveralInstancesTests.ThreeInstances portal) : IClassFixture<SeveralInstancesTests.ThreeInstances>
{
    private const string Credits = """ "unit":"credit","amount":20 """;
    private const int IdleAccounts = 40;

    private static readonly bool IsLong = LongForm.IsAsked;
    private static readonly int Charges = IsLong ? 30_000 : 1_500;
    private static readonly int KillsOfEach = IsLong ? 5 : 1;

    public static TheoryData<int> Numbers => IsLong ? [2, 3] : [3];

    [Theory]
    [MemberData(nameof(Numbers))]
    public async Task Killed_in_turn_they_lose_nothing_take_nothing_twice_and_do_each_job_once(int instances)
    {
        await RunningAsync(instances);
        var clients = new ChargingClients(portal, $"several-{instances}", 300, Credits, 20, instances);
        await clients.GrantAsync();
        await AccountsAtTheirBorderAsync($"idle-{instances}");

        await Task.WhenAll(clients.RunAsync(Charges), KillInTurnAsync(clients, instances));

        await EachBorderIsCrossedOnceAsync($"idle-{instances}");
        Assert.Empty(await Referee.FindingsAsync(portal, clients));
    }

    [Fact]
    public async Task While_one_is_frozen_with_its_locks_the_other_goes_on_and_nothing_is_lost()
    {
        await RunningAsync(2);
        // Who asks the frozen one waits for nothing: half a minute of that each time would only make the test long.
        var clients = new ChargingClients(portal, "frozen", 20, Credits, 20, 2, TimeSpan.FromSeconds(8));
        await clients.GrantAsync();
        var frozen = Stopwatch.StartNew();

        await Task.WhenAll(clients.RunAsync(Charges), Task.Run(async () =>
        {
            for (var freezes = 1; freezes <= 2; freezes++)
            {
                await clients.ReachAsync(Charges * freezes / 4);
                portal.Freeze(0);
                var before = clients.Acknowledged.Count;
                // Its transaction is ended by the server after 5 s idle; until then its accounts may wait.
                frozen.Restart();
                while (clients.Acknowledged.Count < Math.Min(before + 100, Charges) && clients.Contradictions.IsEmpty && frozen.Elapsed < TimeSpan.FromSeconds(40))
                {
                    await Task.Delay(50);
                }

                // Why it does not, where it does not, is to be seen only while it is so.
                var sessions = frozen.Elapsed < TimeSpan.FromSeconds(40) ? []
                    : await portal.LinesAsync("select pid, usename, state, wait_event_type, wait_event, now() - xact_start, now() - state_change, pg_blocking_pids(pid), left(query, 120) from pg_stat_activity where datname = current_database()");
                portal.Thaw(0);
                Assert.True(frozen.Elapsed < TimeSpan.FromSeconds(40), $"The other instance did not go on: {clients.Acknowledged.Count - before} answers.\n{string.Join('\n', sessions)}");
            }
        }));

        Assert.Empty(await Referee.FindingsAsync(portal, clients));
    }

    private async Task RunningAsync(int instances)
    {
        for (var i = 0; i < portal.Count; i++)
        {
            if (i < instances && !portal.IsRunning(i))
            {
                await portal.StartAsync(i);
            }
            else if (i >= instances && portal.IsRunning(i))
            {
                await portal.KillAsync(i);
            }
        }
    }

    private async Task KillInTurnAsync(ChargingClients clients, int instances)
    {
        var kills = instances * KillsOfEach;
        for (var i = 1; i <= kills; i++)
        {
            await clients.ReachAsync(Charges * i / (kills + 1));
            await portal.KillAsync(i % instances);
            await portal.StartAsync(i % instances);
        }
    }

    /// <summary>Accounts that nobody charges, and whose period is over.</summary>
    private async Task AccountsAtTheirBorderAsync(string prefix)
    {
        using var api = portal.Api();
        for (var i = 0; i < IdleAccounts; i++)
        {
            using var answer = await api.GetAsync(new Uri($"accounts/{prefix}-{i}/wallets", UriKind.Relative));
            Assert.True(answer.IsSuccessStatusCode, await answer.Content.ReadAsStringAsync());
        }

        // At once, so that no job sees the one without the other.
        await portal.ExecuteAsync($"""
            with moved as (update ledger_heads h set period_end = now() - interval '1 minute' from accounts a where a.account_id = h.account_id and a.external_id like '{prefix}-%' returning h.account_id, h.period_end)
            update grants g set expires_at = moved.period_end from moved where moved.account_id = g.account_id and g.source = 'Plan'
            """);
    }

    /// <summary>The allowance of the new period came once: two grants of the plan in all, the old one expired, and no row too many.</summary>
    private async Task EachBorderIsCrossedOnceAsync(string prefix)
    {
        var wallets = $"from wallets w join accounts a using (account_id) join ledger_heads h using (account_id) where a.external_id like '{prefix}-%' and w.unit = 'messages'";
        for (var wait = Stopwatch.StartNew(); wait.Elapsed < TimeSpan.FromMinutes(2) && await portal.ScalarAsync<long>($"select count(*) {wallets} and h.period_end > now()") < IdleAccounts;)
        {
            await Task.Delay(250);
        }

        var rows = await portal.LinesAsync($"select w.balance, w.seq, (select count(*) from grants g where g.account_id = w.account_id and g.unit = w.unit and g.source = 'Plan') {wallets} and h.period_end > now()");
        Assert.Equal(IdleAccounts, rows.Count);
        Assert.All(rows, row => Assert.Equal("50.000000 3 2", row)); // granted, expired, granted
        Assert.True(await portal.ScalarAsync<long>("select runs from job_runs where name = 'advance_accounts'") > 0);
    }

    public sealed class ThreeInstances : KillablePortal
    {
        public int Count => Instances;
        protected override int Instances => 3;
        protected override string CatalogFile => Path.Combine(AppContext.BaseDirectory, "catalogs", "chat-tiers.json");
    }
}
