namespace BillingPortal.Components;

/// <summary>Light, dark or as the viewer's system says; kept in a cookie and written into the first byte of the page, so that nothing flashes.</summary>
public static class ThemeChoice
{
    public const string Cookie = "theme";
    public const string System = "system";

    public static string Of(HttpContext? context) => context?.Request.Cookies[Cookie] is { } chosen && IsKnown(chosen) ? chosen : System;

    public static bool IsKnown(string? choice) => choice is "light" or "dark" or System;
}
