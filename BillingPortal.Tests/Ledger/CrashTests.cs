using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using BillingPortal.Primitives;
using BillingPortal.Tests.Testing;

namespace BillingPortal.Tests.Ledger;

/// <summary>
/// Power cuts under load: the application and PostgreSQL are killed and started again while clients charge. What counts is the log that the clients keep.
/// Short: 5,000 charges, 2 + 2 kills. With BILLING_LONG=1: 100,000 charges, 20 + 20 kills.
/// </summary>
public sealed class CrashTests(KillablePortal portal) : IClassFixture<KillablePortal>
{
    private const int Clients = 16;
    private const int OtherAccounts = 1_000;
    private const decimal Granted = 100_000_000;
    private const decimal Price = 20; // of profile_my_data in catalogs/agent-credits.json

    private static readonly bool IsLong = Environment.GetEnvironmentVariable("BILLING_LONG") is "1" or "true";
    private static readonly int Charges = IsLong ? 100_000 : 5_000;
    private static readonly int KillsOfEach = IsLong ? 20 : 2;

    [Fact]
    public async Task No_acknowledged_charge_is_lost_or_taken_twice_when_application_and_database_are_killed()
    {
        await GrantAsync();
        var load = new Load(portal);
        var killing = KillAsync(load);
        await Task.WhenAll(load.RunAsync(Clients, Charges), killing);

        Assert.Equal(Charges, load.Acknowledged.Count);
        Assert.Empty(load.Contradictions);
        await NothingIsLostOrDoubledAsync(load);
        await TheLedgerAgreesWithItselfAsync();
        var verify = await portal.CommandAsync("ledger", "verify");
        Assert.True(verify.ExitCode == 0, verify.Output);
    }

    [Fact]
    public async Task While_the_database_is_away_charges_get_503_and_the_same_key_works_once_it_is_back()
    {
        using var api = portal.Api();
        await GrantAsync(api, "away");
        portal.KillDatabase();

        using var refused = await ChargeAsync(api, "away", "away-1");
        var problem = await refused.Content.ReadFromJsonAsync<JsonElement>();
        Assert.Equal(HttpStatusCode.ServiceUnavailable, refused.StatusCode);
        Assert.True(refused.Headers.RetryAfter?.Delta > TimeSpan.Zero);
        Assert.Equal("DATABASE_UNAVAILABLE", problem.GetProperty("error_code").GetString());

        await portal.StartDatabaseAsync();
        var status = HttpStatusCode.ServiceUnavailable;
        for (var wait = Stopwatch.StartNew(); status == HttpStatusCode.ServiceUnavailable && wait.Elapsed < TimeSpan.FromSeconds(20); await Task.Delay(100))
        {
            using var answer = await ChargeAsync(api, "away", "away-1");
            status = answer.StatusCode;
        }

        Assert.Equal(HttpStatusCode.Created, status);
        using var again = await ChargeAsync(api, "away", "away-1");
        Assert.Contains("true", again.Headers.GetValues("Idempotent-Replayed"));
        Assert.Equal(Granted - Price, await portal.ScalarAsync<decimal>(
            "select w.balance from wallets w join accounts a using (account_id) where a.external_id = 'away' and w.unit = 'credit'"));
    }

    private async Task KillAsync(Load load)
    {
        var kills = 2 * KillsOfEach;
        for (var i = 1; i <= kills; i++)
        {
            await load.ReachAsync(Charges * i / (kills + 1));
            if (i % 2 == 1)
            {
                await portal.KillAsync();
                await portal.StartAsync();
            }
            else
            {
                portal.KillDatabase();
                await Task.Delay(200);
                await portal.StartDatabaseAsync();
            }
        }
    }

    private async Task GrantAsync()
    {
        using var api = portal.Api();
        await Parallel.ForEachAsync(Enumerable.Range(0, OtherAccounts + 1), new ParallelOptions { MaxDegreeOfParallelism = Clients },
            async (i, _) => await GrantAsync(api, Load.Account(i)));
    }

    private static async Task GrantAsync(HttpClient api, string account)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, "admin/grants") { Content = JsonContent.Create(new { account, amount = Granted, reason = "crash test" }) };
        request.Headers.Add("Idempotency-Key", "grant-" + account);
        using var answer = await api.SendAsync(request);
        Assert.True(answer.StatusCode == HttpStatusCode.Created, await answer.Content.ReadAsStringAsync());
    }

    private static async Task<HttpResponseMessage> ChargeAsync(HttpClient api, string account, string key)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, "charges") { Content = JsonContent.Create(new { account, action = "profile_my_data", quantity = 1 }) };
        request.Headers.Add("Idempotency-Key", key);
        return await api.SendAsync(request);
    }

    /// <summary>Every key that a client saw answered is one operation with the id that the client was told, and there is no other.</summary>
    private async Task NothingIsLostOrDoubledAsync(Load load)
    {
        var recorded = await portal.PairsAsync("select key, id from operations where kind = 'charge' and key like 'crash-%'");
        Assert.Equal(load.Acknowledged.Count, recorded.Count);
        foreach (var (key, told) in load.Acknowledged)
        {
            Assert.Equal(told.Id, recorded[key]);
        }

        Assert.Equal(Charges, await portal.ScalarAsync<long>("select count(*) from charges c join operations o on o.account_id = c.account_id and o.id = c.id where o.key like 'crash-%'"));
        foreach (var (account, taken) in load.Acknowledged.Values.GroupBy(told => told.Account).Select(g => (g.Key, g.Count())))
        {
            Assert.Equal(Granted - (taken * Price), load.Balances[account]);
        }
    }

    /// <summary>balance = Σ transfers = Σ grants − debt, numbers without gaps, nobody under their floor, and in sum just what was granted less what was charged.</summary>
    private async Task TheLedgerAgreesWithItselfAsync()
    {
        Assert.Equal(0L, await portal.ScalarAsync<long>(
            """
            select count(*) from wallets w
            left join lateral (select coalesce(sum(case when is_credit then amount else -amount end), 0) as moved, count(*) as rows, coalesce(max(seq), 0) as last
                from transfers t where t.account_id = w.account_id and t.unit = w.unit) t on true
            left join lateral (select coalesce(sum(remaining), 0) as remaining from grants g where g.account_id = w.account_id and g.unit = w.unit) g on true
            where w.balance <> t.moved or w.balance <> g.remaining - w.debt or w.seq <> t.rows or w.seq <> t.last or w.balance < 0
            """));
        Assert.Equal(((OtherAccounts + 1) * Granted) - (Charges * Price), await portal.ScalarAsync<decimal>(
            "select sum(w.balance) from wallets w join accounts a using (account_id) where a.external_id like 'crash-%' and w.unit = 'credit'"));
    }

    /// <summary>Clients that charge one account after another, half of the time the hot one, and repeat each charge under its key until it is answered.</summary>
    private sealed class Load(KillablePortal portal)
    {
        private int started;

        /// <summary>The clients' own log: key to account and the id that they were told.</summary>
        public ConcurrentDictionary<string, (string Account, Guid Id)> Acknowledged { get; } = new();
        /// <summary>The lowest balance that each account's answers named: what is left when all are in.</summary>
        public ConcurrentDictionary<string, decimal> Balances { get; } = new();
        public ConcurrentQueue<string> Contradictions { get; } = new();

        public static string Account(int number) => $"crash-{number}";

        public Task RunAsync(int clients, int charges) => Task.WhenAll(Enumerable.Range(0, clients).Select(_ => Task.Run(async () =>
        {
            using var api = portal.Api();
            for (var number = Interlocked.Increment(ref started); number <= charges; number = Interlocked.Increment(ref started))
            {
                await TakeAsync(api, Account(number % 2 == 0 ? 0 : 1 + (number / 2 % OtherAccounts)), $"crash-{number}");
            }
        })));

        public async Task ReachAsync(int charges)
        {
            while (Acknowledged.Count < charges && Contradictions.IsEmpty)
            {
                await Task.Delay(5);
            }
        }

        private async Task TakeAsync(HttpClient api, string account, string key)
        {
            for (var patience = Stopwatch.StartNew(); patience.Elapsed < TimeSpan.FromMinutes(2); await Task.Delay(20))
            {
                try
                {
                    using var answer = await ChargeAsync(api, account, key);
                    if (answer.StatusCode == HttpStatusCode.Created)
                    {
                        Note(account, key, await answer.Content.ReadFromJsonAsync<JsonElement>());
                        return;
                    }

                    if (answer.StatusCode != HttpStatusCode.ServiceUnavailable)
                    {
                        Contradictions.Enqueue($"{key}: {(int)answer.StatusCode} {await answer.Content.ReadAsStringAsync()}");
                        return;
                    }
                }
                catch (Exception e) when (e is HttpRequestException or TaskCanceledException or IOException)
                {
                    // No answer: it may have happened or not; the key makes the repeat safe.
                }
            }

            Contradictions.Enqueue($"{key}: never answered\n{portal.Said}");
        }

        private void Note(string account, string key, JsonElement charge)
        {
            Acknowledged[key] = (account, ChargeId.TryParse(charge.GetProperty("id").GetString(), out var id) ? id.Value : Guid.Empty);
            var balance = charge.GetProperty("funding")[0].GetProperty("balance_after").GetDecimal();
            Balances.AddOrUpdate(account, balance, (_, known) => Math.Min(known, balance));
        }
    }
}
