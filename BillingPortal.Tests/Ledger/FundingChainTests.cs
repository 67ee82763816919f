using BillingPortal.Catalog;
using BillingPortal.Ledger;
using BillingPortal.Primitives;

namespace BillingPortal.Tests.Ledger;

public class FundingChainTests
{
    [Fact]
    public void Grants_burn_by_priority_then_expiry_then_age()
    {
        var account = new PureAccount();
        account.Granted("credit", 10m, GrantSource.Purchase, reference: "bought")
            .Granted("credit", 10m, expires: PureAccount.Opening.AddDays(90), reference: "late")
            .Granted("credit", 10m, expires: PureAccount.Opening.AddDays(20), reference: "soon")
            .Granted("free_use", 0.5m, GrantSource.Free);
        account.Charged("credit", 3m, uses: 3m);
        var part = Assert.Single(account.Charged("credit", 25m));
        Assert.Equal([("soon", 10m), ("late", 10m), ("bought", 5m)], part.Grants.Select(g => (account.State.Grants.Single(x => x.Id == g.Grant).Reference!, g.Amount.Value)));
    }

    [Fact]
    public void Free_uses_go_before_credits_and_are_counted_by_the_use()
    {
        var account = new PureAccount().Granted("credit", 100m);
        var parts = account.Charged("credit", 50m, uses: 5m);
        Assert.Equal([("free_use", 3m), ("credit", 20m)], parts.Select(p => (p.Unit.Code, p.Amount.Value)));
        Assert.Equal(0m, account.Balance("free_use"));
    }

    [Fact]
    public void A_charge_is_split_over_the_chain()
    {
        var account = new PureAccount().Granted("credit", 100m);
        var parts = account.Charged("messages", 12m);
        Assert.Equal([("messages", 10m, 0m), ("credit", 2m, 98m)], parts.Select(p => (p.Unit.Code, p.Amount.Value, p.BalanceAfter.Value)));
    }

    [Fact]
    public void The_refusal_is_the_last_links_and_says_what_is_missing()
    {
        var account = new PureAccount().Granted("credit", 1m);
        var refusal = account.Refused("messages", 15m);
        Assert.Equal((ErrorCode.InsufficientCredits, "credit", 5m, 1m, 4m),
            (refusal.Code, refusal.Unit!.Value.Code, refusal.Required!.Value.Value, refusal.Available!.Value.Value, refusal.Shortfall!.Value.Value));
    }

    [Fact]
    public void A_soft_cap_passes_up_to_its_grace_share_and_then_refuses_until_the_period_ends()
    {
        var account = new PureAccount();
        account.Charged("llm_tokens", 1_150m);
        account.Charged("llm_tokens", 50m);
        Assert.Equal(-200m, account.Balance("llm_tokens"));
        var refusal = account.Refused("llm_tokens", 1m);
        Assert.Equal((ErrorCode.QuotaExceeded, account.State.Head.PeriodEnd), (refusal.Code, refusal.ResetsAt));
    }

    [Fact]
    public void An_unlimited_allowance_counts_and_moves_nothing()
    {
        var account = new PureAccount().On("standard");
        var part = Assert.Single(account.Charged("calls", 1_000_000m));
        Assert.True(part.Unlimited);
        Assert.Equal((0m, 1_000_000m, 0L), (account.Balance("calls"), account.State.WalletOf(Unit.Of("calls")).UsedInPeriod.Value, account.State.WalletOf(Unit.Of("calls")).Seq));
    }

    [Theory]
    [InlineData(LowBalancePolicy.Block, 10, true)]
    [InlineData(LowBalancePolicy.Block, 10.000001, false)]
    [InlineData(LowBalancePolicy.Limited, 15, true)]
    [InlineData(LowBalancePolicy.Limited, 15.000001, false)]
    [InlineData(LowBalancePolicy.Warn, 1_000_000, true)]
    public void The_low_balance_policy_is_the_floor_of_money(LowBalancePolicy policy, double amount, bool taken)
    {
        var account = new PureAccount().Granted("usd", 10m);
        account.State.ChangeLowBalancePolicy(policy, Amount.Of(5m));
        Assert.Equal(taken, account.State.DebitAboveFloor(Unit.Of("usd"), Amount.Of((decimal)amount), Book.Revenue, TransferKind.Charge) is null);
    }

    [Fact]
    public void A_grant_repays_debt_first()
    {
        var account = new PureAccount();
        account.State.ChangeLowBalancePolicy(LowBalancePolicy.Warn, null);
        account.State.Debit(Unit.Credit, Amount.Of(8m), Book.Revenue, TransferKind.Charge);
        account.Granted("credit", 10m);
        Assert.Equal((2m, 0m), (account.Balance("credit"), account.State.WalletOf(Unit.Credit).Debt.Value));
        Assert.Equal(Amount.Of(2m), Assert.Single(account.State.Grants, g => g.Unit == Unit.Credit).Remaining);
    }

    [Fact]
    public void A_second_currency_is_a_conflict()
    {
        var account = new PureAccount().Granted("usd", 1m);
        Assert.Equal(ErrorCode.Conflict, account.State.Grant(new(Unit.Of("nok"), Amount.Of(1m), GrantSource.Promotional))!.Code);
    }

    [Fact]
    public void A_refund_refills_its_grants_backwards_and_replaces_what_has_expired()
    {
        var account = new PureAccount().Granted("credit", 10m, expires: PureAccount.Opening.AddDays(5), reference: "soon").Granted("credit", 10m, GrantSource.Purchase, reference: "bought");
        account.Charged("free_use", 3m);
        var part = Assert.Single(account.Charged("credit", 15m));
        account.At(PureAccount.Opening.AddDays(6));
        account.State.PutBack(part, Amount.Zero, Amount.Of(6m), PureAccount.Opening, "chg");
        Assert.Equal(Amount.Of(10m), account.State.Grants.Single(g => g.Reference == "bought").Remaining);
        var returned = Assert.Single(account.State.Grants, g => g.Source == GrantSource.Refund);
        Assert.Equal((1m, PureAccount.Opening.AddDays(36)), (returned.Remaining.Value, returned.ExpiresAt));
        account.State.PutBack(part, Amount.Of(6m), Amount.Of(9m), PureAccount.Opening, "chg");
        Assert.Equal(20m, account.Balance("credit"));
    }

    [Fact]
    public void A_clawback_takes_the_purchases_own_grant_first_and_then_becomes_debt()
    {
        var account = new PureAccount().Granted("credit", 5m).Granted("credit", 20m, GrantSource.Purchase, reference: "pack");
        var part = account.State.Debit(Unit.Credit, Amount.Of(30m), Book.Stripe, TransferKind.Reversal, "pack");
        Assert.Equal([20m, 5m], part.Grants.Select(g => g.Amount.Value));
        Assert.Equal(5m, account.State.WalletOf(Unit.Credit).Debt.Value);
    }
}
