namespace BillingPortal.Primitives;

/// <summary>Days and months by the clock of a time zone. Pure.</summary>
public static class Zones
{
    private const int LongestName = 60;
    // Offsets and changes of the clock are whole quarters of an hour, everywhere and for decades.
    private static readonly TimeSpan Quarter = TimeSpan.FromMinutes(15);

    /// <param name="name">An IANA name such as <c>Asia/Kolkata</c>, or <c>UTC</c>; names of other systems are not taken, since the database would not know them.</param>
    public static bool TryFind(string? name, out TimeZoneInfo zone)
    {
        zone = TimeZoneInfo.Utc;
        if (name is not { Length: > 0 and <= LongestName } || !(name == "UTC" || name.Contains('/', StringComparison.Ordinal)) || !TimeZoneInfo.TryFindSystemTimeZoneById(name, out var found))
        {
            return false;
        }

        zone = found;
        return true;
    }

    /// <returns>UTC where the machine has no such zone.</returns>
    public static TimeZoneInfo Find(string? name) => TryFind(name, out var zone) ? zone : TimeZoneInfo.Utc;

    /// <summary>The hour around an instant, from the zone's full hour on; shorter where the clock is changed by a part of one, as on Lord Howe Island.</summary>
    public static Period Hour(DateTimeOffset instant, TimeZoneInfo zone)
    {
        var offset = zone.GetUtcOffset(instant);
        var start = instant.ToUniversalTime().AddTicks(-((instant.UtcTicks + offset.Ticks) % TimeSpan.TicksPerHour));
        var end = start.AddHours(1);
        while (zone.GetUtcOffset(start) != offset)
        {
            start += Quarter;
        }

        while (zone.GetUtcOffset(end.AddTicks(-1)) != offset)
        {
            end -= Quarter;
        }

        return new(start, end);
    }

    /// <summary>The day around an instant: 23 to 25 hours long where the clock is changed.</summary>
    public static Period Day(DateTimeOffset instant, TimeZoneInfo zone)
    {
        var day = TimeZoneInfo.ConvertTime(instant, zone).Date;
        return new(Instant(day, zone), Instant(day.AddDays(1), zone));
    }

    /// <summary>The calendar month around an instant.</summary>
    public static Period Month(DateTimeOffset instant, TimeZoneInfo zone)
    {
        var local = TimeZoneInfo.ConvertTime(instant, zone).DateTime;
        var first = new DateTime(local.Year, local.Month, 1);
        return new(Instant(first, zone), Instant(first.AddMonths(1), zone));
    }

    /// <summary>When a clock of the zone first shows a time. A midnight that the clock skips begins with the first instant after it.</summary>
    public static DateTimeOffset Instant(DateTime local, TimeZoneInfo zone)
    {
        while (zone.IsInvalidTime(local))
        {
            local += Quarter;
        }

        return new DateTimeOffset(local, zone.IsAmbiguousTime(local) ? zone.GetAmbiguousTimeOffsets(local).Max() : zone.GetUtcOffset(local)).ToUniversalTime();
    }
}
