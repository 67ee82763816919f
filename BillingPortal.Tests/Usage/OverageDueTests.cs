using BillingPortal.Catalog;
using BillingPortal.Ledger;
using BillingPortal.Primitives;
using BillingPortal.Subscriptions;
using BillingPortal.Tests.Testing;
using BillingPortal.Usage.Submission;

namespace BillingPortal.Tests.Usage;

/// <summary>What is to be reported of overage, and which way it goes: pure.</summary>
public sealed class OverageDueTests
{
    private static readonly DateTimeOffset Noon = new(2026, 3, 15, 12, 0, 0, TimeSpan.Zero);
    private static readonly OveragePrice Terms = new(0.01m, Unit.Of("usd"), 1000);

    private static Overage Closed(decimal amount, OverageEnd end = OverageEnd.PeriodEnd, long seq = 1) =>
        new() { Meter = Unit.Of("llm_tokens"), Seq = seq, Amount = Amount.Of(amount), Price = Terms.Price, Per = Terms.Per, Currency = Terms.Currency, ClosedAt = Noon, End = end };

    private static OpenOverage Open(decimal amount, DateTimeOffset? periodEnd = null) => new(Amount.Of(amount), Terms, "standard", periodEnd ?? Noon.AddDays(3));

    [Fact]
    public void A_remainder_is_carried_from_one_report_to_the_next_and_from_one_period_to_the_next()
    {
        Assert.Equal([2L], OverageDue.Of(0, 0, [], null, Open(2.7m), Noon).Select(d => d.Value));
        Assert.Equal([1L], OverageDue.Of(0, 2, [], null, Open(3.3m), Noon).Select(d => d.Value));
        Assert.Equal([1L, 1L], OverageDue.Of(0, 3, [Closed(4.6m)], null, Open(0.5m), Noon).Select(d => d.Value)); // 4, then 4.6 + 0.5 = 5.1
    }

    [Fact]
    public void What_shrinks_within_a_period_is_waited_for_and_given_back_at_its_end()
    {
        Assert.Empty(OverageDue.Of(0, 10, [], null, Open(4m), Noon));
        var due = Assert.Single(OverageDue.Of(0, 10, [Closed(4m)], null, null, Noon));
        Assert.Equal((-6L, StretchEnd.PeriodEnd), (due.Value, due.End));
        Assert.Equal(-10, Assert.Single(OverageDue.Of(0, 10, [], Open(0m, Noon), null, Noon)).Value); // nothing was left to close
    }

    [Fact]
    public void Use_is_dated_within_the_period_that_is_billed_for_it()
    {
        Assert.Equal(Noon.AddSeconds(-1), Assert.Single(OverageDue.Of(0, 0, [Closed(4m)], null, null, Noon.AddHours(5))).At);
        Assert.Equal(Noon, Assert.Single(OverageDue.Of(0, 0, [], null, Open(4m), Noon.AddMilliseconds(700))).At);
        Assert.Equal(Noon.AddSeconds(-1), Assert.Single(OverageDue.Of(0, 0, [], null, Open(4m, Noon), Noon.AddMinutes(3))).At); // an idle account whose period has not turned yet
    }

    [Fact]
    public void Whatever_happens_the_reports_add_up_to_the_whole_part_of_what_was_used()
    {
        var random = new Random(20261121);
        for (var history = 0; history < LongForm.Histories; history++)
        {
            var (settled, reported, all, open, seq) = (0m, 0L, 0m, 0m, 0L);
            for (var step = 0; step < 30; step++)
            {
                var closed = new List<Overage>();
                open += random.Next(4) == 0 ? -Math.Min(open, random.Next(3_000) / 1000m) : random.Next(5_000) / 1000m;
                while (random.Next(3) == 0 && open > 0)
                {
                    closed.Add(Closed(open, (OverageEnd)random.Next(3), ++seq));
                    (all, open) = (all + open, random.Next(2_000) / 1000m);
                }

                var due = OverageDue.Of(settled, reported, closed, null, random.Next(3) == 0 ? null : Open(open), Noon);
                Assert.DoesNotContain(due, d => d.Value == 0 || (d.Value < 0 && d.End == StretchEnd.Open && !closed.Any(c => c.End == OverageEnd.Grant)));
                settled += closed.Sum(c => c.Amount.Value);
                reported += due.Sum(d => d.Value);
                Assert.Equal(all, settled);
            }

            reported += OverageDue.Of(settled, reported, [Closed(1m + open, seq: ++seq)], null, null, Noon).Sum(d => d.Value);
            Assert.Equal((long)decimal.Floor(all + 1m + open), reported);
        }
    }

    // The period ends at noon. A subscription that bills llm_tokens at 0.001 cents each.
    [Theory]
    [InlineData(5, StretchEnd.Open, "0.001", -60, ReportWay.MeterEvent)]
    [InlineData(5, StretchEnd.PeriodEnd, "0.001", 30, ReportWay.MeterEvent)] // the invoice is open for an hour
    [InlineData(5, StretchEnd.PeriodEnd, "0.001", 50, ReportWay.InvoiceItem)]
    [InlineData(-5, StretchEnd.PeriodEnd, "0.001", 10, ReportWay.InvoiceItem)]
    [InlineData(5, StretchEnd.PlanChange, "0.001", -60, ReportWay.InvoiceItem)]
    [InlineData(5, StretchEnd.Open, "0.0005", -60, ReportWay.InvoiceItem)] // sold on other terms
    [InlineData(5, StretchEnd.Open, null, -60, ReportWay.InvoiceItem)]
    public void A_report_goes_to_the_meter_only_where_the_meter_will_bill_it(long value, StretchEnd end, string? each, int minutesAfterEnd, ReportWay expected)
    {
        var current = new Subscription
        {
            Status = "active",
            Currency = Terms.Currency,
            StartedAt = Noon.AddMonths(-3),
            CurrentPeriodStart = Noon.AddMonths(-1),
            CurrentPeriodEnd = Noon,
            Metered = each is null ? [] : [$"llm_tokens={each}"],
        };
        var now = Noon.AddMinutes(minutesAfterEnd);
        var at = now < Noon ? now : Noon.AddSeconds(-1);
        Assert.Equal(expected, Route.Of(value, "llm_tokens", Terms, at, end, current, now));
        // The same once Stripe has told that the next period runs.
        (current.CurrentPeriodStart, current.CurrentPeriodEnd) = minutesAfterEnd > 0 ? (Noon, Noon.AddMonths(1)) : (current.CurrentPeriodStart, current.CurrentPeriodEnd);
        Assert.Equal(expected, Route.Of(value, "llm_tokens", Terms, at, end, current, now));
    }

    [Fact]
    public void Without_a_subscription_or_before_it_began_an_item_bills_it()
    {
        Assert.Equal(ReportWay.InvoiceItem, Route.Of(5, "llm_tokens", Terms, Noon, StretchEnd.Open, null, Noon));
        var young = new Subscription { Status = "active", Currency = Terms.Currency, StartedAt = Noon, CurrentPeriodStart = Noon, CurrentPeriodEnd = Noon.AddMonths(1), Metered = ["llm_tokens=0.001"] };
        Assert.Equal(ReportWay.InvoiceItem, Route.Of(5, "llm_tokens", Terms, Noon.AddDays(-1), StretchEnd.PeriodEnd, young, Noon));
    }
}
