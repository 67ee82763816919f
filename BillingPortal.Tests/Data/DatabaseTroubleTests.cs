using System.Diagnostics;
using System.Net;
using BillingPortal.Tests.Gating;
using BillingPortal.Tests.Testing;
using Npgsql;

namespace BillingPortal.Tests.Data;

/// <summary>R8: what callers see while the database gives no connections, and that all is well afterwards without anybody's help. Restarts and kills: CrashTests.</summary>
public sealed class DatabaseTroubleTests(DatabaseTroubleTests.ImpatientPortal portal) : IClassFixture<DatabaseTroubleTests.ImpatientPortal>
{
    private string Database => new NpgsqlConnectionStringBuilder(portal.SuperuserConnection).Database!;

    [Fact]
    public async Task While_the_server_takes_no_connections_everything_is_503_and_then_recovers_unaided()
    {
        var api = portal.Api();
        var account = await api.AccountWithAsync(100);
        await portal.ExecuteAsync($"alter database {Database} connection limit 0");
        await portal.ExecuteAsync("select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()");

        var charge = await api.ChargeAsync(account, "\"action\":\"profile_my_data\",\"quantity\":1", "trouble-1");
        Reply[] all = [charge, await api.CheckAsync(account, "\"action\":\"profile_my_data\",\"quantity\":1"), await api.GetReplyAsync($"accounts/{account}/wallets"), await api.GetReplyAsync($"accounts/{account}/ledger")];

        Assert.All(all, answer =>
        {
            Assert.Equal((HttpStatusCode.ServiceUnavailable, "DATABASE_UNAVAILABLE"), (answer.Status, answer.ErrorCode));
            Assert.True(answer.Headers.RetryAfter?.Delta > TimeSpan.Zero);
        });
        Assert.Equal(HttpStatusCode.ServiceUnavailable, (await portal.Client().GetAsync("/health/ready")).StatusCode);

        await portal.ExecuteAsync($"alter database {Database} connection limit -1");
        await RecoversAsync(api, account, "trouble-1");
        Assert.Equal(80, await portal.BalanceAsync(account));
    }

    [Fact]
    public async Task When_every_connection_is_taken_callers_are_told_to_come_back_and_nobody_gets_a_500()
    {
        var api = portal.Api();
        var account = await api.AccountWithAsync(100);
        await using var blocker = new NpgsqlConnection(portal.SuperuserConnection);
        await blocker.OpenAsync();
        await using var transaction = await blocker.BeginTransactionAsync();
        await using (var @lock = new NpgsqlCommand("lock table accounts in access exclusive mode", blocker, transaction))
        {
            await @lock.ExecuteNonQueryAsync();
        }

        // Sixty readers of accounts for thirty connections, all of which wait for the lock.
        var waiting = Enumerable.Range(0, 60).Select(_ => api.GetReplyAsync($"accounts/{account}")).ToList();
        await Task.WhenAny(waiting);
        await transaction.RollbackAsync();
        var answers = await Task.WhenAll(waiting);

        Assert.All(answers, answer => Assert.True(answer.Status is HttpStatusCode.OK || answer is { Status: HttpStatusCode.ServiceUnavailable, Headers.RetryAfter: not null }, $"{answer.Status} {answer.Text}"));
        Assert.Contains(answers, answer => answer.Status == HttpStatusCode.ServiceUnavailable);
        await RecoversAsync(api, account, "trouble-2");
    }

    private static async Task RecoversAsync(HttpClient api, string account, string key)
    {
        for (var wait = Stopwatch.StartNew(); ; await Task.Delay(100))
        {
            var answer = await api.ChargeAsync(account, "\"action\":\"profile_my_data\",\"quantity\":1", key);
            if (answer.Status == HttpStatusCode.Created)
            {
                return;
            }

            Assert.Equal(HttpStatusCode.ServiceUnavailable, answer.Status);
            Assert.True(wait.Elapsed < TimeSpan.FromSeconds(30), "It did not recover.");
        }
    }

    /// <summary>Waits five seconds for a free connection.</summary>
    public sealed class ImpatientPortal() : CatalogPortal("agent-credits")
    {
        protected override void Configure(IDictionary<string, string?> settings)
        {
            base.Configure(settings);
            settings["ConnectionStrings:Billing"] += ";Timeout=5";
        }
    }
}
