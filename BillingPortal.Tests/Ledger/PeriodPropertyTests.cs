using BillingPortal.Primitives;
using BillingPortal.Tests.Testing;
using FsCheck;
using FsCheck.Fluent;

namespace BillingPortal.Tests.Ledger;

public class PeriodPropertyTests
{
    private static readonly Gen<(DateTimeOffset Anchor, int Months, long Within)> Any =
        from days in Gen.Choose(0, 20_000)
        from seconds in Gen.Choose(0, 86_399)
        from micros in Gen.Choose(0, 999_999)
        from months in Gen.Choose(-300, 300)
        from within in Gen.Choose(0, int.MaxValue)
        select (new DateTimeOffset(2000, 1, 1, 0, 0, 0, TimeSpan.Zero).AddDays(days).AddSeconds(seconds).AddTicks(micros * TimeSpan.TicksPerMicrosecond), months, (long)within);

    [Fact]
    public void Months_follow_each_other_without_gap_or_overlap_on_the_anchor_s_day_or_the_month_s_last() =>
        Check.One(LongForm.Properties, Prop.ForAll(Arb.From(Any), any =>
        {
            var (anchor, months, within) = any;
            var first = Period.Monthly(anchor, anchor);
            var period = first;
            for (var i = 0; i < Math.Min(months, 40); i++)
            {
                var next = Period.Monthly(anchor, period.End);
                if (next.Start != period.End || period.Contains(next.Start) || !period.Contains(next.Start.AddTicks(-1)) || !IsOnTheDay(anchor, next.Start))
                {
                    return false.Label($"{period} is followed by {next}");
                }

                period = next;
            }

            // Whichever instant is asked about, before the anchor too: the period that holds it, and the same for every instant in it.
            var instant = anchor.AddMonths(months).AddSeconds(within % (27 * 86_400));
            var found = Period.Monthly(anchor, instant);
            return (first.Start == anchor && found.Contains(instant) && IsOnTheDay(anchor, found.Start) && IsOnTheDay(anchor, found.End) && found == Period.Monthly(anchor, found.Start) && found == Period.Monthly(anchor, found.End.AddTicks(-1))).Label($"{instant:O} is said to be in {found}");
        }));

    private static bool IsOnTheDay(DateTimeOffset anchor, DateTimeOffset border) =>
        border.TimeOfDay == anchor.TimeOfDay && border.Day == Math.Min(anchor.Day, DateTime.DaysInMonth(border.Year, border.Month));
}
