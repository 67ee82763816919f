namespace BillingPortal.Usage;

/// <summary>Where use ends by the period's end, if the days to come are like those of the last four weeks, weekday by weekday. Pure.</summary>
public static class Projection
{
    /// <summary>Days looked back on.</summary>
    public const int Lookback = 28;

    /// <param name="used">Used in the period so far.</param>
    /// <param name="daily">Use by day of UTC, of the last <see cref="Lookback"/> days; a day without use may be missing.</param>
    /// <param name="since">The account's first day with data: days before it say nothing.</param>
    /// <returns>Null while it is too early to say: less than a day of data.</returns>
    public static decimal? Of(decimal used, IReadOnlyDictionary<DateOnly, decimal> daily, DateOnly since, DateTimeOffset now, DateTimeOffset end)
    {
        var today = DateOnly.FromDateTime(now.UtcDateTime);
        var first = today.AddDays(-Lookback) > since ? today.AddDays(-Lookback) : since;
        if (first >= today || now >= end)
        {
            return now >= end ? used : null;
        }

        var (sums, counts) = (new decimal[7], new int[7]);
        for (var day = first; day < today; day = day.AddDays(1))
        {
            sums[(int)day.DayOfWeek] += daily.GetValueOrDefault(day);
            counts[(int)day.DayOfWeek]++;
        }

        var average = sums.Sum() / counts.Sum();
        var projected = used;
        for (var at = now; at < end;)
        {
            var midnight = new DateTimeOffset(at.UtcDateTime.Date.AddDays(1), TimeSpan.Zero);
            var until = midnight < end ? midnight : end;
            var weekday = (int)at.UtcDateTime.DayOfWeek;
            // A weekday that was not seen yet is taken as any day.
            projected += (counts[weekday] > 0 ? sums[weekday] / counts[weekday] : average) * (decimal)(until - at).Ticks / TimeSpan.TicksPerDay;
            at = until;
        }

        return decimal.Round(projected, 6);
    }
}
