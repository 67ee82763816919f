using System.Globalization;
using BillingPortal.Access;
using BillingPortal.Accounts;
using BillingPortal.Components.AccountParts;
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
    }

    private static Task OwnAsync(HttpContext context, LedgerReads ledger, string? unit, string? kind, string? from, string? to) =>
        WriteAsync(context, ledger, LedgerFilters.Parse(unit, kind, from, to, Zone(context)), context.Caller().Account);

    private static async Task AllAsync(HttpContext context, LedgerReads ledger, AccountDirectory accounts, string? account, string? unit, string? kind, string? from, string? to)
    {
        var one = string.IsNullOrWhiteSpace(account) ? (AccountId?)null : await accounts.FindAsync(account.Trim(), context.RequestAborted);
        if (one is null && !string.IsNullOrWhiteSpace(account))
        {
            context.Response.StatusCode = StatusCodes.Status404NotFound;
            return;
        }

        await WriteAsync(context, ledger, LedgerFilters.Parse(unit, kind, from, to, Zone(context)), one);
    }

    private static async Task WriteAsync(HttpContext context, LedgerReads ledger, TransferFilter filter, AccountId? account)
    {
        context.Response.ContentType = "text/csv; charset=utf-8";
        context.Response.Headers.ContentDisposition = "attachment; filename=\"ledger.csv\"";
        context.Response.Headers.CacheControl = "no-store";
        await using var text = new StreamWriter(context.Response.Body);
        await text.WriteAsync("id,account,unit,seq,kind,amount,balance_after,book,reason,charge,created_at,hash\r\n");
        await foreach (var row in ledger.AllAsync(filter, account, context.RequestAborted))
        {
            await text.WriteAsync(string.Create(CultureInfo.InvariantCulture,
                $"{row.Id},{row.Account},{row.Unit},{row.Seq},{row.Kind},{row.Amount},{row.BalanceAfter},{row.Book},{UsageChart.Cell(row.Reason ?? "")},{row.Charge},{row.CreatedAt.UtcDateTime:yyyy-MM-dd'T'HH:mm:ss.ffffff'Z'},{row.Hash}\r\n"));
        }
    }

    private static TimeZoneInfo Zone(HttpContext context) =>
        Viewer.Of(context.Request.Cookies[Viewer.ZoneCookie] is { } cookie ? Uri.UnescapeDataString(cookie) : null).Zone;
}
