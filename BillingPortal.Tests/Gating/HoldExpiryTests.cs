using System.Net;
using BillingPortal.Jobs;
using BillingPortal.Ledger;
using Microsoft.Extensions.DependencyInjection;

namespace BillingPortal.Tests.Gating;

/// <summary>What time does to holds.</summary>
public sealed class HoldExpiryTests(HoldExpiryTests.OwnClockPortal portal) : IClassFixture<HoldExpiryTests.OwnClockPortal>
{
    public sealed class OwnClockPortal() : CatalogPortal("agent-credits");

    private Task<decimal> HeldAsync(string account) => portal.ScalarAsync<decimal>("select w.held from wallets w join accounts a using (account_id) where a.external_id = $1 and w.unit = 'credit'", account);

    [Theory]
    [InlineData("release", 100, "expired")]
    [InlineData("capture", 60, "captured")]
    public async Task A_hold_that_nobody_closes_meets_its_fate(string fate, decimal left, string status)
    {
        var api = portal.Api();
        var account = await api.AccountWithAsync(100);
        var hold = await api.HoldAsync(account, $$""" "action":"profile_my_data","quantity":2,"expires_in":60,"on_expiry":"{{fate}}" """);
        portal.Time.Advance(TimeSpan.FromSeconds(30));
        Assert.Equal("open", (await api.GetReplyAsync($"holds/{hold.String("id")}")).String("status"));
        portal.Time.Advance(TimeSpan.FromSeconds(31));

        Assert.Equal((HttpStatusCode.Conflict, "BILLING_HOLD_CLOSED"), await api.CaptureAsync(hold, "{}") is var late ? (late.Status, late.ErrorCode) : default);
        Assert.Equal(status, (await api.GetReplyAsync($"holds/{hold.String("id")}")).String("status"));
        Assert.Equal((left, 0m), (await portal.BalanceAsync(account), await HeldAsync(account)));
        var charges = (await api.GetReplyAsync($"accounts/{account}/charges")).Json.GetProperty("data").EnumerateArray().ToList();
        Assert.Equal(fate == "capture" ? [hold.String("id")] : [], charges.Select(c => c.GetProperty("hold").GetString()));
        Assert.Null(await api.LedgerProblemsAsync(account));
    }

    [Fact]
    public async Task Readings_and_the_job_close_what_nobody_asks_about()
    {
        var api = portal.Api();
        var (read, idle) = (await api.AccountWithAsync(100), await api.AccountWithAsync(100));
        foreach (var account in (string[])[read, idle])
        {
            await api.HoldAsync(account, """ "action":"profile_my_data","expires_in":60 """);
        }

        portal.Time.Advance(TimeSpan.FromSeconds(61));
        var wallet = (await api.GetReplyAsync($"accounts/{read}/wallets")).Json.GetProperty("data").EnumerateArray().Single(w => w.GetProperty("unit").GetString() == "credit");
        Assert.Equal((0m, 100m), (wallet.GetProperty("held").GetDecimal(), wallet.GetProperty("available").GetDecimal()));
        await portal.Services.GetServices<RecurringJob>().OfType<AdvanceIdleAccounts>().Single().RunAsync(CancellationToken.None);
        Assert.Equal(0m, await HeldAsync(idle));
    }

    [Fact]
    public async Task A_check_sees_a_hold_whose_time_is_over_as_gone()
    {
        var api = portal.Api();
        var account = await api.AccountWithAsync(20);
        await api.HoldAsync(account, """ "action":"profile_my_data","expires_in":60 """);
        Assert.False((await api.CheckAsync(account, """ "action":"profile_my_data" """)).Json.GetProperty("allowed").GetBoolean());
        portal.Time.Advance(TimeSpan.FromSeconds(61));
        Assert.True((await api.CheckAsync(account, """ "action":"profile_my_data" """)).Json.GetProperty("allowed").GetBoolean());
    }

    [Fact]
    public async Task An_extension_counts_from_now_and_never_shortens()
    {
        var api = portal.Api();
        var account = await api.AccountWithAsync(100);
        var hold = await api.HoldAsync(account, """ "action":"profile_my_data","expires_in":600 """);
        portal.Time.Advance(TimeSpan.FromSeconds(300));
        var shorter = await api.PostAsync($"holds/{hold.String("id")}/extend", """{"expires_in":10}""", Api.NewKey());
        Assert.Equal(hold.String("expires_at"), shorter.String("expires_at"));
        var longer = await api.PostAsync($"holds/{hold.String("id")}/extend", """{"expires_in":600}""", Api.NewKey());
        Assert.InRange(longer.Json.GetProperty("expires_at").GetDateTimeOffset() - hold.Json.GetProperty("expires_at").GetDateTimeOffset(), TimeSpan.FromSeconds(299), TimeSpan.FromSeconds(330));
        portal.Time.Advance(TimeSpan.FromSeconds(400));
        Assert.Equal(HttpStatusCode.OK, (await api.CaptureAsync(hold, "{}")).Status);
    }

    /// <summary>QUALITY R3: one winner each, and no amount lost.</summary>
    [Fact]
    public async Task Capture_release_and_expiry_of_one_hold_at_the_same_moment_have_one_winner()
    {
        const int holds = 1_000;
        const decimal granted = 1_000_000m;
        var api = portal.Api();
        var account = await api.AccountWithAsync(granted);
        var (captured, released, expired) = (0, 0, 0);
        for (var round = 0; round < 4; round++)
        {
            var open = await Task.WhenAll(Enumerable.Range(0, holds / 4).Select(_ => api.HoldAsync(account, """ "unit":"credit","amount":7,"expires_in":60 """)));
            Assert.All(open, hold => Assert.Equal(HttpStatusCode.Created, hold.Status));
            // Time runs out before all requests but the first, among them, and in the last round after them.
            var racing = open.Select(async (hold, i) =>
            {
                var capture = i % 2 == 0 ? api.CaptureAsync(hold, """{"amount":5}""") : null;
                var release = api.PostAsync($"holds/{hold.String("id")}/release", "{}", Api.NewKey());
                capture ??= api.CaptureAsync(hold, """{"amount":5}""");
                if (i == round * holds / 12)
                {
                    portal.Time.Advance(TimeSpan.FromSeconds(61));
                }

                return (await capture, await release, hold);
            });
            foreach (var (capture, release, hold) in await Task.WhenAll(racing))
            {
                Assert.All((Reply[])[capture, release], r => Assert.True(r.Status == HttpStatusCode.OK || r.ErrorCode == "BILLING_HOLD_CLOSED", r.Text));
                Assert.False(capture.Status == HttpStatusCode.OK && release.Status == HttpStatusCode.OK);
                var status = (await api.GetReplyAsync($"holds/{hold.String("id")}")).String("status");
                Assert.Equal(capture.Status == HttpStatusCode.OK ? "captured" : release.Status == HttpStatusCode.OK ? "released" : "expired", status);
                captured += status == "captured" ? 1 : 0;
                released += status == "released" ? 1 : 0;
                expired += status == "expired" ? 1 : 0;
            }
        }

        Assert.Equal(holds, captured + released + expired);
        Assert.All((int[])[captured, released, expired], count => Assert.NotEqual(0, count));
        Assert.Equal((granted - (5m * captured), 0m), (await portal.BalanceAsync(account), await HeldAsync(account)));
        Assert.Equal((long)captured, await portal.CountAsync("charges", account));
        Assert.Null(await api.LedgerProblemsAsync(account));
    }
}
