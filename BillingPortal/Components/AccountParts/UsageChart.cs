using System.Globalization;
using BillingPortal.Components.Shared;

namespace BillingPortal.Components.AccountParts;

/// <summary>From points to a chart: every day or hour gets a bar, also the empty ones; the smallest labels are gathered. Pure.</summary>
public static class UsageChart
{
    private const int Most = 4;

    /// <param name="points">Use in whole hours of UTC.</param>
    /// <param name="zone">Whose days are shown. Where its offset is no whole hour, days and hours are shown from where UTC's hour begins (<see cref="Shift"/>).</param>
    public static (IReadOnlyList<string> Labels, IReadOnlyList<ChartSeries> Series) Of(IReadOnlyList<UsagePoint> points, DateTimeOffset from, DateTimeOffset to, bool hourly, TimeZoneInfo zone)
    {
        from = new(from.UtcDateTime.Date.AddHours(from.UtcDateTime.Hour), TimeSpan.Zero); // the hour that holds it counts whole
        var steps = hourly ? Hours(from, to, zone) : Days(from, to, zone);
        var index = new Dictionary<DateTime, int>();
        for (var i = 0; i < steps.Count; i++)
        {
            index.Add(steps[i].Key, i);
        }

        var byLabel = points.GroupBy(p => p.Label).OrderByDescending(g => g.Sum(p => p.Amount)).ToList();
        var series = new List<ChartSeries>();
        foreach (var group in byLabel.Take(Most))
        {
            series.Add(new(group.Key, Values(group)));
        }

        if (byLabel.Count > Most)
        {
            series.Add(new("others", Values(byLabel.Skip(Most).SelectMany(g => g))));
        }

        return (steps.ConvertAll(s => s.Label), series);

        decimal[] Values(IEnumerable<UsagePoint> of)
        {
            var values = new decimal[steps.Count];
            foreach (var point in of)
            {
                if (index.TryGetValue(hourly ? point.At.UtcDateTime : DayOf(point.At, zone), out var at))
                {
                    values[at] += point.Amount;
                }
            }

            return values;
        }
    }

    /// <summary>How long after a zone's full hour an hour of UTC begins: 30 minutes in India, 0 in most zones.</summary>
    public static TimeSpan Shift(TimeZoneInfo zone, DateTimeOffset at) => TimeSpan.FromTicks(((zone.GetUtcOffset(at).Ticks % TimeSpan.TicksPerHour) + TimeSpan.TicksPerHour) % TimeSpan.TicksPerHour);

    /// <summary>The day of a zone that an hour of UTC is counted in: that in which it begins.</summary>
    internal static DateTime DayOf(DateTimeOffset hour, TimeZoneInfo zone) => TimeZoneInfo.ConvertTime(hour, zone).Date;

    /// <summary>A cell of a CSV file: quoted where needed, and never a formula.</summary>
    public static string Cell(string text)
    {
        var safe = text.Length > 0 && text[0] is '=' or '+' or '-' or '@' or '\t' or '\r' ? "'" + text : text;
        return safe.AsSpan().IndexOfAny("\",\r\n") >= 0 ? $"\"{safe.Replace("\"", "\"\"", StringComparison.Ordinal)}\"" : safe;
    }

    // By the zone's calendar, so that no day is left out or named twice when the clock changes.
    private static List<(DateTime Key, string Label)> Days(DateTimeOffset from, DateTimeOffset to, TimeZoneInfo zone)
    {
        var steps = new List<(DateTime, string)>();
        for (var (day, last) = (DayOf(from, zone), DayOf(to, zone)); day <= last; day = day.AddDays(1))
        {
            steps.Add((day, day.ToString("d MMM", CultureInfo.InvariantCulture)));
        }

        return steps;
    }

    // By instants: when the clock is set back, two hours of one name are two bars.
    private static List<(DateTime Key, string Label)> Hours(DateTimeOffset from, DateTimeOffset to, TimeZoneInfo zone)
    {
        var steps = new List<(DateTime, string)>();
        for (var at = from.UtcDateTime; at <= to.UtcDateTime; at = at.AddHours(1))
        {
            steps.Add((at, TimeZoneInfo.ConvertTimeFromUtc(at, zone).ToString("d MMM HH:mm", CultureInfo.InvariantCulture)));
        }

        return steps;
    }
}
