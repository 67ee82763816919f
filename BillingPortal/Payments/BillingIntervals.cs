using BillingPortal.Catalog;

namespace BillingPortal.Payments;

/// <summary>How callers write an interval: <c>month</c> or <c>year</c>.</summary>
public static class BillingIntervals
{
    /// <summary>Absent means by the month.</summary>
    public static bool TryParse(string? text, out BillingInterval interval)
    {
        interval = text == "year" ? BillingInterval.Year : BillingInterval.Month;
        return text is null or "month" or "year";
    }
}
