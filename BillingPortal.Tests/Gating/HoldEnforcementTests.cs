using System.Net;

namespace BillingPortal.Tests.Gating;

/// <summary>Which enforcement mode a hold and its capture go by.</summary>
public sealed class HoldEnforcementTests(CreditGatePortal portal) : IClassFixture<CreditGatePortal>
{
    [Fact]
    public async Task A_hold_goes_by_the_laxer_of_the_modes_it_was_made_and_captured_under()
    {
        var api = portal.Api();
        Task SwitchAsync(string mode) => api.PutAsync("admin/enforcement", $$"""{"mode":"{{mode}}"}""");
        async Task<(Reply Hold, string Account)> HoldAsync(decimal credits)
        {
            var account = await api.AccountWithAsync(credits);
            return (await api.HoldAsync(account, """ "action":"call","quantity":8 """), account); // three uses are free
        }

        await SwitchAsync("observe");
        var (observed, poor) = await HoldAsync(2);
        Assert.Equal((HttpStatusCode.Created, "BILLING_INSUFFICIENT_CREDITS", 3m, 2m), (observed.Status, observed.String("would_refuse"), observed.Paid("free_use"), observed.Paid("credit")));
        await SwitchAsync("off");
        var (off, rich) = await HoldAsync(100);
        Assert.Equal((HttpStatusCode.Created, 0m), (off.Status, off.Paid("credit")));
        await SwitchAsync("enforce");
        var (enforced, other) = await HoldAsync(100);
        Assert.Equal((3m, 5m), (enforced.Paid("free_use"), enforced.Paid("credit")));

        var ofObserved = await api.CaptureAsync(observed, "{}");
        Assert.Equal(("observe", 2m, 3m), (ofObserved.String("enforcement"), ofObserved.Paid("credit"), ofObserved.Json.GetProperty("uncovered")[0].GetProperty("amount").GetDecimal()));
        Assert.Equal(0m, await portal.BalanceAsync(poor));
        var ofOff = await api.CaptureAsync(off, "{}");
        Assert.Equal(("off", 8m), (ofOff.String("enforcement"), ofOff.Json.GetProperty("uncovered")[0].GetProperty("amount").GetDecimal()));
        Assert.Equal(100m, await portal.BalanceAsync(rich));

        await SwitchAsync("off");
        var letGo = await api.CaptureAsync(enforced, "{}");
        await SwitchAsync("enforce");
        Assert.Equal(("off", 0m), (letGo.String("enforcement"), letGo.Paid("credit")));
        Assert.Equal((100m, 0m), (await portal.BalanceAsync(other), await portal.ScalarAsync<decimal>("select sum(held) from wallets")));
    }
}
