using System.Net;
using BillingPortal.Tests.Gating;
using BillingPortal.Tests.Testing;

namespace BillingPortal.Tests.Ledger;

/// <summary>A hold is a promise: it outlives the process that made it.</summary>
[Collection(nameof(PowerCuts))]
public sealed class HoldCrashTests(KillablePortal portal)
{
    [Fact]
    public async Task A_hold_survives_power_cuts_of_application_and_database()
    {
        using var api = portal.Api();
        var account = await api.AccountWithAsync(100);
        var hold = await api.HoldAsync(account, """ "action":"profile_my_data","quantity":4,"expires_in":3600 """, "held");
        Assert.Equal(80m, hold.Paid("credit"));
        Assert.Equal(20m, (await api.CaptureAsync(hold, """{"quantity":1,"final":false}""", "part")).Paid("credit"));

        await portal.KillAsync();
        await portal.KillDatabaseAsync();
        await portal.StartDatabaseAsync();
        await portal.StartAsync(); // while the server still replays its log

        var again = await UntilAnsweredAsync(() => api.HoldAsync(account, """ "action":"profile_my_data","quantity":4,"expires_in":3600 """, "held"));
        Assert.Equal((hold.Text, true), (again.Text, again.IsReplay));
        Assert.Equal(HttpStatusCode.PaymentRequired, (await api.ChargeAsync(account, """ "unit":"credit","amount":21 """)).Status);
        Assert.Equal(20m, (await api.CaptureAsync(hold, """{"quantity":1,"final":false}""", "part")).Paid("credit"));
        Assert.Equal(60m, (await api.CaptureAsync(hold, "{}", "rest")).Paid("credit"));
        Assert.Equal(20m, await portal.ScalarAsync<decimal>($"select w.balance - w.held from wallets w join accounts a using (account_id) where a.external_id = '{account}' and w.unit = 'credit'"));
        Assert.Null(await portal.LedgerProblemsAsync());
    }

    private static async Task<Reply> UntilAnsweredAsync(Func<Task<Reply>> ask)
    {
        for (var tries = 0; ; tries++)
        {
            try
            {
                var reply = await ask();
                if (reply.Status != HttpStatusCode.ServiceUnavailable || tries == 200)
                {
                    return reply;
                }
            }
            catch (HttpRequestException) when (tries < 200)
            {
                // Not up again yet.
            }

            await Task.Delay(100);
        }
    }
}
