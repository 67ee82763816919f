using System.Globalization;
using BillingPortal.Components.Shared;

namespace BillingPortal.Components.AccountParts;

/// <summary>From points to a chart: every day or hour gets a bar, also the empty ones; the smallest labels are gathered. Pure.</summary>
public static class UsageChart
{
    private const int Most = 4;

    public static (IReadOnlyList<string> Labels, IReadOnlyList<ChartSeries> Series) Of(IReadOnlyList<UsagePoint> points, DateTimeOffset from, DateTimeOffset to, bool hourly, TimeZoneInfo zone)
    {
        var steps = Steps(TimeZoneInfo.ConvertTime(from, zone), TimeZoneInfo.ConvertTime(to, zone), hourly);
        var labels = steps.ConvertAll(s => s.ToString(hourly ? "d MMM HH:00" : "d MMM", CultureInfo.InvariantCulture));
        var index = new Dictionary<string, int>();
        for (var i = 0; i < labels.Count; i++)
        {
            index.TryAdd(labels[i], i);
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

        return (labels, series);

        decimal[] Values(IEnumerable<UsagePoint> of)
        {
            var values = new decimal[labels.Count];
            foreach (var point in of)
            {
                var label = TimeZoneInfo.ConvertTime(point.At, zone).ToString(hourly ? "d MMM HH:00" : "d MMM", CultureInfo.InvariantCulture);
                if (index.TryGetValue(label, out var at))
                {
                    values[at] += point.Amount;
                }
            }

            return values;
        }
    }

    /// <summary>A cell of a CSV file: quoted where needed, and never a formula.</summary>
    public static string Cell(string text)
    {
        var safe = text.Length > 0 && text[0] is '=' or '+' or '-' or '@' or '\t' or '\r' ? "'" + text : text;
        return safe.AsSpan().IndexOfAny("\",\r\n") >= 0 ? $"\"{safe.Replace("\"", "\"\"", StringComparison.Ordinal)}\"" : safe;
    }

    private static List<DateTimeOffset> Steps(DateTimeOffset from, DateTimeOffset to, bool hourly)
    {
        var step = hourly ? TimeSpan.FromHours(1) : TimeSpan.FromDays(1);
        var at = hourly ? new DateTimeOffset(from.Year, from.Month, from.Day, from.Hour, 0, 0, from.Offset) : new DateTimeOffset(from.Date, from.Offset);
        var steps = new List<DateTimeOffset>();
        for (; at <= to; at += step)
        {
            steps.Add(at);
        }

        return steps;
    }
}
