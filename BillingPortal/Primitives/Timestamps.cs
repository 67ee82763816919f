using System.Globalization;

namespace BillingPortal.Primitives;

/// <summary>Instants are UTC with the microseconds that PostgreSQL keeps, so that what is hashed is what is read back.</summary>
public static class Timestamps
{
    public static DateTimeOffset ToMicroseconds(this DateTimeOffset instant)
    {
        var utc = instant.ToUniversalTime();
        return utc.AddTicks(-(utc.Ticks % TimeSpan.TicksPerMicrosecond));
    }

    /// <summary>Now, UTC, in whole microseconds.</summary>
    public static DateTimeOffset Now(this TimeProvider time) => time.GetUtcNow().ToMicroseconds();

    /// <summary>Reads a day (its start in UTC) or a time as in RFC 3339 with its offset, of the years 2000 to 2199; nothing reads as null.</summary>
    public static bool TryRead(string? text, out DateTimeOffset? at)
    {
        at = null;
        if (text is null)
        {
            return true;
        }

        string[] forms = ["yyyy-MM-dd", "yyyy-MM-ddTHH:mm:ssK", "yyyy-MM-ddTHH:mm:ss.FFFFFFFK", "yyyy-MM-ddTHH:mmK"];
        if (!DateTimeOffset.TryParseExact(text, forms, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var read) || read.UtcDateTime.Year is < 2000 or > 2199)
        {
            return false;
        }

        at = read.ToMicroseconds();
        return true;
    }

    /// <summary>Reads both ends of a stretch of time; each may be left out.</summary>
    /// <returns>Null, or the refusal that names the end which cannot be read.</returns>
    public static Refusal? ReadEnds(string? from, string? to, out DateTimeOffset? start, out DateTimeOffset? end)
    {
        var isFrom = TryRead(from, out start);
        return TryRead(to, out end) && isFrom ? null : Refusal.Invalid(isFrom ? "to" : "from", "Must be a date or a time as in RFC 3339 with its offset, e.g. 2026-11-20 or 2026-11-20T12:00:00Z.");
    }
}
