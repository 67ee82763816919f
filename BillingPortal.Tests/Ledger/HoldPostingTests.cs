using BillingPortal.Catalog;
using BillingPortal.Charging;
using BillingPortal.Ledger;
using BillingPortal.Primitives;
using BillingPortal.Rating;

namespace BillingPortal.Tests.Ledger;

/// <summary>What holds, grants, periods and plans do to each other. Pure.</summary>
public class HoldPostingTests
{
    private static readonly DateTimeOffset Opening = PureAccount.Opening;

    /// <param name="uses">0: no free use pays for it.</param>
    private static Hold Held(PureAccount account, string unit, decimal amount, TimeSpan? lasts = null, HoldExpiry onExpiry = HoldExpiry.Release, decimal uses = 0m)
    {
        var request = new ChargeRequest(new ChargeSubject { Unit = Unit.Of(unit), Amount = Amount.Of(amount), Quantity = uses });
        var operation = new HoldOperation(account.State.Account, Origin.Api, "h", new(request, lasts ?? TimeSpan.FromDays(1), onExpiry), EnforcementMode.Enforce);
        account.State.Begin(operation.Id, null, isCharge: false);
        Assert.Null(operation.Decide(account.State));
        return operation.Hold!;
    }

    private static Receipt Captured(PureAccount account, Hold hold, decimal? amount = null, bool isFinal = true)
    {
        var sent = new ChargeRequest(new ChargeSubject { Amount = amount is { } some ? Amount.Of(some) : null });
        var operation = new CaptureOperation(hold, Origin.Api, "c", new(sent, HasQuantity: false, isFinal, OverHold.Cap), EnforcementMode.Enforce);
        account.State.Begin(operation.Id, null, isCharge: true);
        Assert.Null(operation.Decide(account.State));
        return operation.Receipt!;
    }

    private static (decimal Balance, decimal Held, decimal Debt) Of(PureAccount account, string unit) =>
        account.State.WalletOf(Unit.Of(unit)) is var wallet ? (wallet.Balance.Value, wallet.Held.Value, wallet.Debt.Value) : default;

    [Fact]
    public void A_hold_of_several_wallets_pays_from_each()
    {
        var account = new PureAccount().Granted("credit", 100m); // and three free uses
        var hold = Held(account, "credit", 50m, uses: 5m);
        Assert.Equal([("free_use", 3m), ("credit", 20m)], hold.State.Funding.Select(f => (f.Unit.Code, f.Amount.Value)));

        var part = Captured(account, hold, 15m, isFinal: false); // one and a half uses: two are begun
        Assert.Equal([("free_use", 2m)], part.Funding.Select(f => (f.Unit.Code, f.Amount.Value)));
        var last = Captured(account, hold);
        Assert.Equal([("free_use", 1m), ("credit", 20m)], last.Funding.Select(f => (f.Unit.Code, f.Amount.Value)));
        Assert.Equal(((0m, 0m, 0m), (80m, 0m, 0m)), (Of(account, "free_use"), Of(account, "credit")));
    }

    [Fact]
    public void What_is_reserved_outlives_its_grant_and_expires_once_it_is_given_back()
    {
        var account = new PureAccount().Granted("credit", 100m, expires: Opening.AddHours(2));
        var (kept, left) = (Held(account, "credit", 30m), Held(account, "credit", 50m));
        account.At(Opening.AddHours(3));
        Assert.Equal((80m, 80m, 0m), Of(account, "credit"));

        account.State.ReleaseHold(account.State.FindHold(left.Id)!);
        Assert.Equal((30m, 30m, 0m), Of(account, "credit"));
        Assert.Equal(30m, Captured(account, kept).Funding.Single().Amount.Value);
        Assert.Equal((0m, 0m, 0m), Of(account, "credit"));
        Assert.Equal(["Expiry 20", "Expiry 50", "Charge 30"], account.All().Where(t => t.Unit == Unit.Credit).Skip(1).Select(t => $"{t.Kind} {t.Amount}"));
    }

    [Fact]
    public void An_expiry_of_hold_and_grant_goes_by_the_clock_not_by_who_looks()
    {
        // The hold ends before its grant does: for an hour its value was free, and then expired with the rest.
        var account = new PureAccount().Granted("credit", 100m, expires: Opening.AddHours(2));
        var hold = Held(account, "credit", 30m, TimeSpan.FromHours(1), HoldExpiry.Capture);
        account.At(Opening.AddDays(3));
        Assert.Equal((0m, 0m, 0m), Of(account, "credit"));
        Assert.Equal(["Charge 30", "Expiry 70"], account.All().Where(t => t.Unit == Unit.Credit).Skip(1).Select(t => $"{t.Kind} {t.Amount}"));
        Assert.Equal((HoldStatus.Captured, 30m), (hold.Status, hold.State.Captured.Single().Amount.Value));
    }

    [Fact]
    public void A_hold_over_the_periods_end_is_paid_by_the_old_allowance_and_the_new_one_is_whole()
    {
        var account = new PureAccount().On("standard");
        account.At(account.State.Head.PeriodEnd.AddHours(-1));
        var hold = Held(account, "messages", 40m);
        account.At(account.State.Head.PeriodEnd.AddMinutes(1));
        // 100 new, 30 rolled over (half of the 60 that were free), 40 reserved on the old.
        Assert.Equal((170m, 40m, 0m), Of(account, "messages"));

        Captured(account, hold, 25m);
        Assert.Equal((130m, 0m, 0m), Of(account, "messages"));
        Assert.Equal(0m, account.State.WalletOf(Unit.Of("messages")).UsedInPeriod.Value);
    }

    [Fact]
    public void Changing_plan_with_a_hold_gains_nothing_and_loses_nothing()
    {
        var account = new PureAccount().At(Opening.AddHours(1));
        var hold = Held(account, "messages", 8m);
        account.On("standard");
        Assert.Equal((100m, 8m, 0m), Of(account, "messages")); // 92 new, 8 reserved on the old
        account.On("free").On("standard").On("free");
        Assert.Equal((10m, 8m, 0m), Of(account, "messages"));

        account.On("standard");
        account.State.ReleaseHold(account.State.FindHold(hold.Id)!);
        Assert.Equal((100m, 0m, 0m), Of(account, "messages"));
        account.On("free");
        Assert.Equal((10m, 0m, 0m), Of(account, "messages"));
    }

    [Fact]
    public void A_hold_on_a_large_allowance_leaves_no_more_than_the_small_plan_includes()
    {
        var account = new PureAccount().At(Opening.AddHours(1)).On("standard").At(Opening.AddHours(2));
        var hold = Held(account, "messages", 60m);
        account.On("free");
        Assert.Equal((60m, 60m, 0m), Of(account, "messages"));
        account.State.ReleaseHold(account.State.FindHold(hold.Id)!);
        Assert.Equal((10m, 0m, 0m), Of(account, "messages"));
    }

    [Fact]
    public void What_the_floor_allows_below_zero_is_held_too_and_a_later_grant_pays_it()
    {
        var account = new PureAccount().Granted("usd", 100m);
        account.State.ChangeLowBalancePolicy(LowBalancePolicy.Limited, Amount.Of(50m));
        var hold = Held(account, "usd", 150m);
        Assert.Equal((100m, 150m, 0m), Of(account, "usd"));
        Assert.Equal(100m, hold.State.Parts.Single().Grants.Single().Amount.Value);
        account.Refused("usd", 1m);

        account.Granted("usd", 80m);
        Assert.Equal(30m, account.State.Available(Unit.Of("usd")).Value);
        Captured(account, hold);
        Assert.Equal((30m, 0m, 0m), Of(account, "usd"));
    }

    [Fact]
    public void A_debt_arises_only_when_nothing_is_left_reserved_or_not()
    {
        var account = new PureAccount().Granted("usd", 100m);
        account.State.ChangeLowBalancePolicy(LowBalancePolicy.Warn, null);
        var (released, captured) = (Held(account, "usd", 60m), Held(account, "usd", 30m));
        account.Charged("usd", 40m);
        // 10 were free; 30 were reserved, and that much of the holds stands below zero now.
        Assert.Equal((60m, 90m, 0m), Of(account, "usd"));
        Assert.Equal(60m, account.State.OpenHolds.SelectMany(h => h.State.Parts).SelectMany(p => p.Grants).Sum(g => g.Amount.Value));

        account.State.ReleaseHold(account.State.FindHold(released.Id)!);
        Captured(account, captured);
        Assert.Equal((30m, 0m, 0m), Of(account, "usd"));
    }

    [Fact]
    public void A_clawback_takes_its_own_purchase_though_it_is_reserved_and_the_promise_is_kept()
    {
        var account = new PureAccount().Granted("credit", 100m, GrantSource.Purchase, reference: "pack");
        var hold = Held(account, "credit", 100m);
        account.State.Debit(Unit.Credit, Amount.Of(100m), Book.Stripe, TransferKind.Reversal, "pack");
        Assert.Equal((0m, 100m, 0m), Of(account, "credit"));
        Captured(account, hold);
        Assert.Equal((-100m, 0m, 100m), Of(account, "credit"));
    }

    [Fact]
    public void An_unlimited_allowance_is_counted_when_it_is_captured()
    {
        var account = new PureAccount().On("standard");
        var hold = Held(account, "calls", 10m);
        Assert.Equal((0m, 0m, 0m), Of(account, "calls"));
        var receipt = Captured(account, hold, 4m);
        Assert.True(receipt.Funding.Single() is { Unlimited: true, Amount.Value: 4m });
        Assert.Equal(4m, account.State.WalletOf(Unit.Of("calls")).UsedInPeriod.Value);
    }
}
