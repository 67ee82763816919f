using BillingPortal.Ledger;
using BillingPortal.Primitives;

namespace BillingPortal.Tests.Ledger;

/// <summary>How a price divides among who paid it, and what refunds take off it.</summary>
public sealed class PaidPriceTests
{
    private static readonly Unit usd = Unit.Of("usd"), messages = Unit.Of("messages");

    [Fact]
    public void What_another_unit_paid_covers_what_the_own_one_left()
    {
        // 10 messages: 4 out of the allowance, the rest by 12 credits.
        var receipt = Paid(messages, 10m, (messages, 4m, false), (Unit.Credit, 12m, false));
        Assert.Equal([4m, 6m], PaidPrice.Covers(receipt).Select(c => c.Value));
        Assert.Equal(3m, PaidPrice.TakenOff(receipt, [], [new(Unit.Credit, Amount.Of(6m))]).Value);
    }

    [Fact]
    public void What_is_counted_beside_the_price_covers_nothing_and_what_nobody_paid_is_left()
    {
        var receipt = Paid(usd, 5m, (usd, 3m, false), (messages, 100m, true)) with { Uncovered = [new(usd, Amount.Of(2m))] };
        Assert.Equal([3m, 0m], PaidPrice.Covers(receipt).Select(c => c.Value));
        var all = new ChargeRefund { Units = ["messages", "usd"], Amounts = [100m, 3m] };
        Assert.Equal(2m, PaidPrice.Left(receipt, [all]).Value);
    }

    [Fact]
    public void Many_small_refunds_take_off_what_one_large_one_does()
    {
        var receipt = Paid(usd, 10m, (Unit.Credit, 7m, false), (Unit.FreeUse, 2m, false));
        var refunds = new List<ChargeRefund>();
        for (var i = 0; i < 7; i++)
        {
            refunds.Add(new() { Units = ["credit"], Amounts = [1m], Price = PaidPrice.TakenOff(receipt, refunds, [new(Unit.Credit, Amount.Of(1m))]) });
        }

        refunds.Add(new() { Units = ["free_use"], Amounts = [2m] });
        Assert.Equal(7.777778m, refunds.Sum(r => r.Price?.Value ?? 0m));
        Assert.Equal(0m, PaidPrice.Left(receipt, refunds).Value);
    }

    private static Receipt Paid(Unit unit, decimal price, params (Unit Unit, decimal Amount, bool Unlimited)[] funding) => new()
    {
        Price = [new(unit, Amount.Of(price))],
        Funding = [.. funding.Select(f => new FundingPart(f.Unit, Amount.Of(f.Amount), Amount.Zero, 1, [], f.Unlimited))],
    };
}
