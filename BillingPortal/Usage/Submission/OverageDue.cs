using BillingPortal.Catalog;
using BillingPortal.Ledger;
using BillingPortal.Primitives;
using BillingPortal.Subscriptions;

namespace BillingPortal.Usage.Submission;

/// <summary>Overage of the present period, which may still grow or, by refunds, shrink.</summary>
internal sealed record OpenOverage(Amount Amount, OveragePrice Terms, string Plan, DateTimeOffset PeriodEnd);

internal sealed record DueReport(long Value, OveragePrice Terms, string Plan, DateTimeOffset At, StretchEnd End);

/// <summary>What is to be reported of one account's meter. Pure.</summary>
/// <remarks>
/// Counted from the beginning: the whole part of all overage ever, less the sum of all reports ever. So a remainder is carried from one report, and one period, to the next, and a report
/// that was written twice or not at all cannot come about. A period that ends with less than was reported of it, after refunds, gives a report below zero.
/// </remarks>
internal static class OverageDue
{
    private static readonly TimeSpan Second = TimeSpan.FromSeconds(1);

    /// <param name="settled">Sum of the closed stretches taken in before.</param>
    /// <param name="reported">Sum of the reports written before.</param>
    /// <param name="closed">Closed stretches since, in order.</param>
    /// <param name="over">The terms and the end of a period that is over and of which something was reported before; null: there is none.</param>
    /// <param name="open">Null: what is open is not reported before it is closed.</param>
    public static IReadOnlyList<DueReport> Of(decimal settled, long reported, IEnumerable<Overage> closed, OpenOverage? over, OpenOverage? open, DateTimeOffset now)
    {
        var due = new List<DueReport>();
        foreach (var stretch in closed)
        {
            settled += stretch.Amount.Value;
            if ((long)decimal.Floor(settled) - reported is not 0 and var value)
            {
                due.Add(new(value, stretch.Terms, stretch.Plan, Whole(stretch.ClosedAt - Second), stretch.End switch { OverageEnd.PeriodEnd => StretchEnd.PeriodEnd, OverageEnd.PlanChange => StretchEnd.PlanChange, OverageEnd.Grant => StretchEnd.Open }));
                reported += value;
            }
        }

        // Refunds may have left nothing to close.
        if (over is not null && (long)decimal.Floor(settled) - reported is < 0 and var back)
        {
            due.Add(new(back, over.Terms, over.Plan, Whole(over.PeriodEnd - Second), StretchEnd.PeriodEnd));
            reported += back;
        }

        if (open is not null && (long)decimal.Floor(settled + open.Amount.Value) - reported is > 0 and var more)
        {
            due.Add(new(more, open.Terms, open.Plan, Whole(now < open.PeriodEnd - Second ? now : open.PeriodEnd - Second), StretchEnd.Open));
        }

        return due;
    }

    private static DateTimeOffset Whole(DateTimeOffset at) => DateTimeOffset.FromUnixTimeSeconds(at.ToUnixTimeSeconds());
}

/// <summary>Which way a report takes. Pure.</summary>
internal static class Route
{
    /// <summary>Stripe leaves an invoice open for an hour after the period's end; what is sent later than this is counted and not billed.</summary>
    private static readonly TimeSpan Grace = TimeSpan.FromMinutes(45);

    /// <param name="current">The account's subscription as Stripe last showed it; null: none gives access.</param>
    public static ReportWay Of(long value, string meter, OveragePrice terms, DateTimeOffset at, StretchEnd end, Subscription? current, DateTimeOffset now)
    {
        // A change of plan has billed what the old price had counted until then, and the new one counts from then on.
        if (value < 0 || end == StretchEnd.PlanChange || current is null || !current.Bills(meter, terms) || at < current.StartedAt)
        {
            return ReportWay.InvoiceItem;
        }

        var billedAt = at >= current.CurrentPeriodStart ? current.CurrentPeriodEnd : current.CurrentPeriodStart;
        return now < billedAt + Grace ? ReportWay.MeterEvent : ReportWay.InvoiceItem;
    }
}
