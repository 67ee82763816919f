using System.Globalization;
using BillingPortal.Access;
using BillingPortal.Accounts;
using BillingPortal.Ledger;
using BillingPortal.Observability;
using BillingPortal.Primitives;
using Microsoft.Net.Http.Headers;

namespace BillingPortal.Exports;

/// <summary>The daily anchors as CSV: kept elsewhere, they show later whether the ledger is still the one of that day, also to who trusts nobody with the database.</summary>
public static class AnchorsCsv
{
    private const string Header = "account,unit,seq,balance,hash,anchored_at\r\n";

    internal static RouteGroupBuilder MapAnchorsCsv(this RouteGroupBuilder api)
    {
        api.MapGet("/admin/ledger/anchors.csv", ExportAsync).WithName("ExportAnchors").WithTags("Admin").WithSummary("Where each wallet's chain of hashes ended, day by day, as CSV; filter account")
            .RequireScope(Scope.Admin).Produces(200, contentType: "text/csv");
        return api;
    }

    private static async Task<IResult> ExportAsync(HttpContext context, AccountDirectory directory, LedgerReads reads, CancellationToken ct, string? account = null)
    {
        AccountId? only = null;
        if (!string.IsNullOrEmpty(account))
        {
            only = await directory.FindAsync(context.Caller(), account, ct);
            if (only is null)
            {
                return AccountDirectory.Unknown.ToProblem();
            }
        }

        await WriteAsync(context, reads, only, ct);
        return Results.Empty;
    }

    /// <summary>Answers with the anchors by account, unit and number, written as they are read.</summary>
    /// <param name="account">Null: everybody's; the caller has been checked.</param>
    public static async Task WriteAsync(HttpContext context, LedgerReads reads, AccountId? account, CancellationToken ct)
    {
        var response = context.Response;
        response.ContentType = "text/csv; charset=utf-8";
        response.Headers[HeaderNames.ContentDisposition] = "attachment; filename=\"anchors.csv\"";
        response.Headers.CacheControl = "no-store";
        await using var text = new StreamWriter(response.Body, leaveOpen: true);
        await text.WriteAsync(Header.AsMemory(), ct);
        await text.FlushAsync(ct);
        await foreach (var anchor in reads.AnchorsAsync(account, ct))
        {
            await text.WriteAsync(string.Create(CultureInfo.InvariantCulture,
                $"{anchor.Account},{anchor.Unit},{anchor.Seq},{anchor.Balance},{anchor.Hash},{anchor.AnchoredAt.UtcDateTime:yyyy-MM-dd'T'HH:mm:ss.ffffff'Z'}\r\n"));
        }
    }
}
