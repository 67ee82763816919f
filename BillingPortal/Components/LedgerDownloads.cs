using BillingPortal.Access;
using BillingPortal.Accounts;
using BillingPortal.Components.AccountParts;
using BillingPortal.Exports;
using BillingPortal.Ledger;
using BillingPortal.Primitives;

namespace BillingPortal.Components;

/// <summary>The ledger as a file, for who is signed in in a browser: the same rows and filters as the page it is downloaded from.</summary>
internal static class LedgerDownloads
{
    public static void MapLedgerDownloads(this WebApplication app)
    {
        app.MapGet("/portal/ledger.csv", OwnAsync).RequireAuthorization(Policies.Customer).ExcludeFromDescription();
        app.MapGet("/admin/ledger.csv", AllAsync).RequireAuthorization(Policies.Staff).ExcludeFromDescription();
        app.MapGet("/admin/anchors.csv", AnchorsAsync).RequireAuthorization(Policies.Staff).ExcludeFromDescription();
    }

    private static Task OwnAsync(HttpContext context, LedgerReads ledger, AccountRegister register, string? unit, string? kind, string? from, string? to) =>
        LedgerCsv.WriteAsync(context, ledger, register, LedgerFilters.Parse(unit, kind, from, to, Zone(context)), context.Caller().Account!.Value, context.RequestAborted);

    private static async Task AllAsync(HttpContext context, LedgerReads ledger, AccountRegister register, AccountDirectory accounts, string? account, string? unit, string? kind, string? from, string? to)
    {
        var one = string.IsNullOrWhiteSpace(account) ? (AccountId?)null : await accounts.FindAsync(account.Trim(), context.RequestAborted);
        if (one is null && !string.IsNullOrWhiteSpace(account))
        {
            context.Response.StatusCode = StatusCodes.Status404NotFound;
            return;
        }

        await LedgerCsv.WriteAsync(context, ledger, register, LedgerFilters.Parse(unit, kind, from, to, Zone(context)), one, context.RequestAborted);
    }

    private static Task AnchorsAsync(HttpContext context, LedgerReads ledger) => AnchorsCsv.WriteAsync(context, ledger, null, context.RequestAborted);

    private static TimeZoneInfo Zone(HttpContext context) =>
        Viewer.Of(context.Request.Cookies[Viewer.ZoneCookie] is { } cookie ? Uri.UnescapeDataString(cookie) : null).Zone;
}
