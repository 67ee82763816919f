using BillingPortal.Ledger;
using BillingPortal.Primitives;

namespace BillingPortal.Tests.Ledger;

public class PeriodTests
{
    [Fact]
    public void A_month_that_begins_on_the_31st_ends_on_the_last_of_february()
    {
        var account = new PureAccount();
        Assert.Equal(new DateTimeOffset(2026, 2, 28, 10, 0, 0, TimeSpan.Zero), account.State.Head.PeriodEnd);
        Assert.Equal(new DateTimeOffset(2026, 3, 31, 10, 0, 0, TimeSpan.Zero), account.At(account.State.Head.PeriodEnd).State.Head.PeriodEnd);
    }

    [Fact]
    public void What_is_left_expires_with_the_period_and_the_new_one_is_whole()
    {
        var account = new PureAccount();
        account.Charged("messages", 4m);
        account.At(account.State.Head.PeriodEnd);
        Assert.Equal(10m, account.Balance("messages"));
        Assert.Equal(0m, account.State.WalletOf(Unit.Of("messages")).UsedInPeriod.Value);
        Assert.Contains(account.All(), t => t is { Kind: TransferKind.Expiry, Book: Book.Expired } && t.Unit.Code == "messages" && t.Amount == Amount.Of(6m));
    }

    [Fact]
    public void After_a_trial_that_ends_on_the_31st_the_borders_are_those_of_the_bills()
    {
        var end = new DateTimeOffset(2026, 3, 31, 10, 0, 0, TimeSpan.Zero);
        var account = new PureAccount().At(end.AddDays(-14)).On("standard", end);
        Assert.Equal(end, account.State.Head.PeriodEnd);
        Assert.Equal(end.AddMonths(1), account.At(end).State.Head.PeriodEnd);
        Assert.Equal(end.AddMonths(2), account.At(end.AddMonths(1)).State.Head.PeriodEnd);
    }

    [Fact]
    public void Before_the_border_nothing_turns()
    {
        var account = new PureAccount();
        account.Charged("messages", 4m);
        account.At(account.State.Head.PeriodEnd.AddTicks(-TimeSpan.TicksPerMicrosecond));
        Assert.Equal(6m, account.Balance("messages"));
    }

    [Fact]
    public void Half_of_what_is_left_rolls_over_once_and_burns_first()
    {
        var account = new PureAccount().On("standard", PureAccount.Opening);
        account.Charged("messages", 20m);
        account.At(account.State.Head.PeriodEnd);
        Assert.Equal(140m, account.Balance("messages"));
        account.Charged("messages", 30m);
        Assert.DoesNotContain(account.State.Grants, g => g.Source == GrantSource.Rollover && g.Remaining > Amount.Of(10m));
        account.At(account.State.Head.PeriodEnd);
        Assert.Equal(150m, account.Balance("messages"));
    }

    [Fact]
    public void Months_that_passed_unused_leave_no_rows()
    {
        var account = new PureAccount();
        var before = account.All().Count;
        account.At(PureAccount.Opening.AddMonths(30));
        Assert.Equal(before + 4, account.All().Count);
        Assert.Equal(PureAccount.Opening.AddMonths(31), account.State.Head.PeriodEnd);
    }

    [Fact]
    public void Overage_is_settled_before_the_new_allowance()
    {
        var account = new PureAccount().On("standard", PureAccount.Opening);
        account.Charged("llm_tokens", 12_500m);
        Assert.Equal(-2_500m, account.Balance("llm_tokens"));
        account.At(account.State.Head.PeriodEnd);
        Assert.Equal(10_000m, account.Balance("llm_tokens"));
        Assert.Contains(account.All(), t => t is { Kind: TransferKind.Overage, Book: Book.Overage } && t.Amount == Amount.Of(2_500m));
    }

    [Fact]
    public void Going_back_and_forth_between_plans_gains_nothing()
    {
        var account = new PureAccount();
        account.Charged("messages", 8m);
        account.On("standard");
        Assert.Equal(92m, account.Balance("messages"));
        account.Charged("messages", 50m);
        account.On("free");
        Assert.Equal(0m, account.Balance("messages"));
        account.On("standard");
        Assert.Equal(42m, account.Balance("messages"));
    }

    [Fact]
    public void Overage_that_was_billed_is_not_taken_from_the_next_plan_as_well()
    {
        var account = new PureAccount().On("standard");
        account.Charged("llm_tokens", 10_400m);
        account.On("free").On("standard");
        Assert.Equal(0m, account.Balance("llm_tokens"));
        Assert.Contains(account.All(), t => t.Kind == TransferKind.Overage && t.Amount == Amount.Of(400m));
    }

    [Fact]
    public void The_same_plan_again_changes_nothing()
    {
        var account = new PureAccount().On("standard", PureAccount.Opening);
        var rows = account.All().Count;
        account.On("standard", PureAccount.Opening);
        Assert.Equal(rows, account.All().Count);
    }

    [Fact]
    public void A_clock_set_back_does_not_move_the_account_back()
    {
        var account = new PureAccount().At(PureAccount.Opening.AddDays(3));
        account.At(PureAccount.Opening.AddDays(1));
        Assert.Equal(PureAccount.Opening.AddDays(3), account.State.Now);
    }

    [Fact]
    public void Expired_credits_are_gone_and_say_so()
    {
        var account = new PureAccount().Granted("credit", 30m, expires: PureAccount.Opening.AddDays(2)).Granted("credit", 5m);
        account.At(PureAccount.Opening.AddDays(2));
        Assert.Equal(5m, account.Balance("credit"));
        Assert.Equal(Amount.Of(30m), Assert.Single(account.All(), t => t.Kind == TransferKind.Expiry).Amount);
    }
}
