using System.Globalization;

namespace BillingPortal.Components;

/// <summary>Who looks at a page, as far as showing it needs to know: their time zone. Cascades from <c>Routes</c>.</summary>
public sealed record Viewer(TimeZoneInfo Zone)
{
    public const string ZoneCookie = "tz";

    public static readonly Viewer Utc = new(TimeZoneInfo.Utc);

    /// <param name="zone">An IANA name, as browsers say it; anything unknown means UTC.</param>
    public static Viewer Of(string? zone) => zone is not null && TimeZoneInfo.TryFindSystemTimeZoneById(zone, out var found) ? new(found) : Utc;

    public DateTimeOffset Local(DateTimeOffset instant) => TimeZoneInfo.ConvertTime(instant, Zone);

    /// <summary>Day, month, year: <c>21 Nov 2026</c>.</summary>
    public string Date(DateTimeOffset instant) => Local(instant).ToString("d MMM yyyy", CultureInfo.InvariantCulture);

    /// <summary>To the second, with the zone: <c>21 Nov 2026, 14:03:09 (Europe/Berlin)</c>.</summary>
    public string Exact(DateTimeOffset instant) =>
        string.Create(CultureInfo.InvariantCulture, $"{Local(instant):d MMM yyyy, HH:mm:ss} ({Zone.Id})");
}
