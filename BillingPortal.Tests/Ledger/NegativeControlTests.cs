using BillingPortal.Tests.Testing;

namespace BillingPortal.Tests.Ledger;

/// <summary>
/// Whether the referee of the crash tests would notice (QUALITY R2): each thing that nothing may be lost without is taken away in turn, in the database or on the way to it, and the same run must turn red.
/// </summary>
public sealed class NegativeControlTests
{
    private const string Profile = """ "action":"profile_my_data","quantity":1 """;

    private static async Task<List<string>> RunAsync(KillablePortal portal, int instances, int charges, Func<ChargingClients, Task> harm, string name = "control")
    {
        var clients = new ChargingClients(portal, name, 50, Profile, 20, instances);
        await clients.GrantAsync();
        // What was there before the load is safe; only what the load writes is at stake. A checkpoint beside the load would keep all that was written until it ends.
        await portal.ExecuteAsync("checkpoint");
        await Task.WhenAll(clients.RunAsync(charges), harm(clients));
        return await Referee.FindingsAsync(portal, clients);
    }

    [Fact]
    public async Task Without_synchronous_commit_acknowledged_charges_are_lost()
    {
        await using var started = await KillablePortal.StartedAsync(new Forgetful());
        var forgetful = started.Portal;
        var findings = await RunAsync(forgetful, 1, 2_000, async clients =>
        {
            await clients.ReachAsync(1_200);
            await forgetful.KillDatabaseAsync();
            await Task.Delay(200);
            await forgetful.StartDatabaseAsync();
        });

        Assert.Contains(findings, f => f.StartsWith(Referee.Lost, StringComparison.Ordinal));
    }

    [Fact]
    public async Task Without_the_unique_key_of_operations_repeats_are_taken_twice()
    {
        await using var started = await KillablePortal.StartedAsync(new KillablePortal());
        var portal = started.Portal;
        // A key is guarded twice: it is looked up under the account's lock, and it is unique. Whoever loses uniqueness must lose the look-up as well to be harmed.
        await portal.ExecuteAsync("alter table operations drop constraint pk_operations");
        await portal.ExecuteAsync("create policy forgotten on operations as restrictive for select to billing_writer using (false)");

        var findings = await RunAsync(portal, 1, 500, _ => Task.CompletedTask);

        Assert.Contains(findings, f => f.StartsWith(Referee.TakenTwice, StringComparison.Ordinal));
    }

    [Fact]
    public async Task Without_the_lock_of_the_head_two_instances_contradict_each_other()
    {
        await using var started = await KillablePortal.StartedAsync(new TwoOverAWire());
        var portal = started.Portal;
        Assert.Empty(await RunAsync(portal, 2, 500, _ => Task.CompletedTask, "locked")); // neither the second instance nor the wire does any harm

        portal.Wire!.Blank(" for no key update");
        var findings = await RunAsync(portal, 2, 1_000, _ => Task.CompletedTask);

        Assert.True(portal.Wire.Blanks > 0, "The lock is asked for in other words now: nothing was taken out.");
        // The unique numbers of transfers still stand between this and a wrong balance: clients are refused what they should have got.
        Assert.Contains(findings, f => f.StartsWith(Referee.Contradicted, StringComparison.Ordinal) || f.StartsWith(Referee.DoesNotAddUp, StringComparison.Ordinal));
    }

    /// <summary>Commits that are not waited for, and a server that never writes its log but when it has to: what is in its memory goes with it.</summary>
    private sealed class Forgetful : KillablePortal
    {
        // Production refuses to start on such a server.
        protected override string EnvironmentName => "Staging";
        protected override IReadOnlyList<string> ServerSettings =>
            ["synchronous_commit=off", "wal_writer_delay=10s", "wal_writer_flush_after=2GB", "wal_buffers=64MB", "bgwriter_lru_maxpages=0", "checkpoint_timeout=1h", "autovacuum=off"];

        public override async Task InitializeAsync()
        {
            await base.InitializeAsync();
            // Every ten seconds is the least often it can be told; just before the kill would save everything.
            Signal(await ScalarAsync<int>("select pid from pg_stat_activity where backend_type = 'walwriter'"), "STOP");
        }
    }

    private sealed class TwoOverAWire : KillablePortal
    {
        protected override int Instances => 2;
        protected override bool OverWire => true;
    }
}
