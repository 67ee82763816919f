using System.Diagnostics;
using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using BillingPortal.Tests.Testing;

namespace BillingPortal.Tests.Ledger;

/// <summary>
/// Power cuts under load (QUALITY R1): the application and PostgreSQL are killed and started again while clients charge. What counts is the log that the clients keep.
/// Short: 5,000 charges, 2 + 2 kills. With BILLING_LONG=1: 100,000 charges, 20 + 20 kills.
/// </summary>
[Collection(nameof(PowerCuts))]
public sealed class CrashTests(KillablePortal portal)
{
    private const string Profile = """ "action":"profile_my_data","quantity":1 """;
    private const decimal Price = 20; // of profile_my_data in catalogs/agent-credits.json

    private static readonly bool IsLong = LongForm.IsAsked;
    private static readonly int Charges = IsLong ? 100_000 : 5_000;
    private static readonly int KillsOfEach = IsLong ? 20 : 2;

    [Fact]
    public async Task No_acknowledged_charge_is_lost_or_taken_twice_when_application_and_database_are_killed()
    {
        var clients = new ChargingClients(portal, "crash", 1_000, Profile, Price);
        await clients.GrantAsync();
        await Task.WhenAll(clients.RunAsync(Charges), KillAsync(clients));

        Assert.Empty(await Referee.FindingsAsync(portal, clients));
        Assert.Equal(Charges, clients.Acknowledged.Count);
    }

    [Fact]
    public async Task While_the_database_is_away_charges_get_503_and_the_same_key_works_once_it_is_back()
    {
        using var api = portal.Api();
        var clients = new ChargingClients(portal, "away", 1, Profile, Price);
        await clients.GrantAsync();
        await portal.KillDatabaseAsync();

        using var refused = await clients.ChargeAsync(api, clients.Account(0), "away-key");
        var problem = await refused.Content.ReadFromJsonAsync<JsonElement>();
        Assert.Equal(HttpStatusCode.ServiceUnavailable, refused.StatusCode);
        Assert.True(refused.Headers.RetryAfter?.Delta > TimeSpan.Zero);
        Assert.Equal("DATABASE_UNAVAILABLE", problem.GetProperty("error_code").GetString());

        await portal.StartDatabaseAsync();
        var status = HttpStatusCode.ServiceUnavailable;
        for (var wait = Stopwatch.StartNew(); status == HttpStatusCode.ServiceUnavailable && wait.Elapsed < TimeSpan.FromSeconds(30); await Task.Delay(100))
        {
            using var answer = await clients.ChargeAsync(api, clients.Account(0), "away-key");
            status = answer.StatusCode;
        }

        Assert.Equal(HttpStatusCode.Created, status);
        using var again = await clients.ChargeAsync(api, clients.Account(0), "away-key");
        Assert.Contains("true", again.Headers.GetValues("Idempotent-Replayed"));
        Assert.Equal(ChargingClients.Granted - Price, await portal.ScalarAsync<decimal>(
            $"select w.balance from wallets w join accounts a using (account_id) where a.external_id = '{clients.Account(0)}' and w.unit = 'credit'"));
    }

    [Fact]
    public async Task The_command_that_migrates_works_in_production_and_finds_nothing_left_to_do()
    {
        var (exitCode, output) = await portal.CommandAsync(["migrate"]);
        Assert.True(exitCode == 0, output);
    }

    private async Task KillAsync(ChargingClients clients)
    {
        var kills = 2 * KillsOfEach;
        for (var i = 1; i <= kills; i++)
        {
            await clients.ReachAsync(Charges * i / (kills + 1));
            if (i % 2 == 1)
            {
                await portal.KillAsync();
                await portal.StartAsync();
            }
            else
            {
                await portal.KillDatabaseAsync();
                await Task.Delay(200);
                await portal.StartDatabaseAsync();
            }
        }
    }
}

/// <summary>Classes that share one portal and cut its power, one after the other.</summary>
[CollectionDefinition(nameof(PowerCuts))]
public sealed class PowerCuts : ICollectionFixture<KillablePortal>;
