using BillingPortal.Catalog;
using BillingPortal.Ledger;
using BillingPortal.Primitives;

namespace BillingPortal.Tests.Ledger;

/// <summary>Meters that stand at a value: rated when the period closes (DESIGN §7.10).</summary>
public class LevelTests
{
    private static readonly DateTimeOffset Start = PureAccount.Opening;
    private static readonly Unit Storage = Unit.Of("storage");

    [Theory]
    [InlineData(LevelRating.Max, 1, 30)]      // 130 stood for a while
    [InlineData(LevelRating.Last, 1, 5)]      // 104.5 at the end, up to a whole
    [InlineData(LevelRating.Average, 1, 18)]  // a third each at 130, 117 and 104.5 is 117.17, up to a whole
    [InlineData(LevelRating.Max, 50, 50)]     // 130 up to 150
    public void What_goes_beyond_the_plan_is_rated_by_the_meters_rule_up_to_its_step(LevelRating rating, int step, decimal beyond)
    {
        var account = new PureAccount(Sells(rating, step));
        var third = (account.State.Head.PeriodEnd - Start) / 3;
        Set(account, 130m);
        Set(account.At(Start + third), 117m);
        Set(account.At(Start + third + third), 104.5m);

        account.At(account.State.Head.PeriodEnd);

        var overage = account.All().Where(t => t.Unit == Storage && t.Book == Book.Overage).Sum(t => t.Amount.Value);
        Assert.Equal(beyond, overage);
        Assert.Equal(0m, account.Balance("storage"));
    }

    [Fact]
    public void It_goes_on_standing_and_every_month_is_rated_also_those_that_nobody_looked_at()
    {
        var account = new PureAccount(Sells(LevelRating.Max));
        Set(account, 110m);
        account.At(Start.AddMonths(4).AddDays(1));
        Assert.Equal([10m, 10m, 10m, 10m], account.All().Where(t => t.Book == Book.Overage).Select(t => t.Amount.Value));
        Assert.Equal(110m, account.State.Look(new(Storage, null, Amount.Of(0), null)).Before.Value);
    }

    [Fact]
    public void A_change_of_plan_rates_its_part_of_the_period_and_the_rest_by_the_new_plan()
    {
        var account = new PureAccount(Sells(LevelRating.Max));
        Set(account, 140m);
        var end = account.State.Head.PeriodEnd;
        account.At(Start + ((end - Start) / 4)).On("large");
        account.At(end);
        // A quarter at 40 beyond, three quarters at 20 beyond.
        Assert.Equal([10m, 15m], account.All().Where(t => t.Book == Book.Overage).Select(t => t.Amount.Value));
    }

    [Fact]
    public void What_is_older_than_what_is_known_changes_nothing()
    {
        var account = new PureAccount(Sells(LevelRating.Max)).At(Start.AddDays(5));
        Set(account, 50m, Start.AddDays(3));
        Set(account, 70m, Start.AddDays(2));
        Assert.Equal(50m, Value(account));
        account.State.Take(new(Storage, null, Amount.Of(5), Start.AddDays(4)));
        // Made before the value was set: it is in it already.
        account.State.Take(new(Storage, null, Amount.Of(9), Start.AddDays(1)));
        Assert.Equal(55m, Value(account));
        // Changes have no order among themselves.
        account.State.Take(new(Storage, null, Amount.Of(-2), Start.AddDays(3.5)));
        Assert.Equal(53m, Value(account));
    }

    [Fact]
    public void Only_going_up_meets_a_limit()
    {
        var account = new PureAccount(Sells(LevelRating.Max)).On("capped");
        Assert.False(Look(account, 10m).IsBeyond);
        Assert.True(Look(account, 11m).IsBeyond);
        Set(account, 30m);
        Assert.False(Look(account, -1m).IsBeyond);
        Assert.True(Look(account, 1m).IsBeyond);
        account.On("soft");
        Assert.False(Look(account, 6m).IsBeyond);
        Assert.True(Look(account, 7m).IsBeyond);
    }

    private static LevelChange Look(PureAccount account, decimal by) => account.State.Look(new(Storage, null, Amount.Of(by), null));

    private static void Set(PureAccount account, decimal value, DateTimeOffset? asOf = null) => account.State.Take(new(Storage, Amount.Of(value), null, asOf));

    private static decimal Value(PureAccount account) => account.State.Look(new(Storage, null, Amount.Zero, null)).Before.Value;

    private static CatalogDocument Sells(LevelRating rating, decimal step = 1m) => new()
    {
        Name = "Levels",
        Currency = Unit.Of("usd"),
        DefaultPlan = "small",
        Meters = [new("storage", "Storage", MeterKind.Level) { LevelRating = rating, Step = step }],
        Plans =
        [
            new("small", "Small") { Allowances = [new("storage", Amount.Of(100)) { Cap = Cap.Soft, Overage = new(0.5m, Unit.Of("usd")) }] },
            new("large", "Large") { Allowances = [new("storage", Amount.Of(120)) { Cap = Cap.Soft, Overage = new(0.25m, Unit.Of("usd")) }] },
            new("capped", "Capped") { Allowances = [new("storage", Amount.Of(10))] },
            new("soft", "Soft") { Allowances = [new("storage", Amount.Of(30)) { Cap = Cap.Soft, GracePercent = 120 }] },
        ],
    };
}
