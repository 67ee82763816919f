using System.Globalization;
using BillingPortal.Access;
using BillingPortal.Accounts;
using BillingPortal.Ledger;
using BillingPortal.Observability;
using BillingPortal.Primitives;
using Microsoft.Net.Http.Headers;

namespace BillingPortal.Exports;

/// <summary>The ledger as CSV of any size: read in short pages by account, unit and number, written as it is read, never held (D10).</summary>
public static class LedgerCsv
{
    private const string Header = "id,account,external_id,unit,seq,kind,amount,balance_after,book,reason,reference,created_at,hash\r\n";

    internal static RouteGroupBuilder MapLedgerCsv(this RouteGroupBuilder api)
    {
        api.MapGet("/admin/ledger.csv", ExportAsync).WithName("ExportLedger").WithTags("Admin").WithSummary("Every ledger row as CSV; filters account, unit, kind, from, to")
            .RequireScope(Scope.Admin).Produces(200, contentType: "text/csv");
        return api;
    }

    private static async Task<IResult> ExportAsync(HttpContext context, AccountDirectory directory, LedgerReads reads, AccountRegister register, CancellationToken ct)
    {
        AccountId? only = null;
        if (context.Request.Query["account"] is [{ Length: > 0 } account, ..])
        {
            only = await directory.FindAsync(context.Caller(), account, ct);
            if (only is null)
            {
                return AccountDirectory.Unknown.ToProblem();
            }
        }

        if (LedgerQuery.Read(context.Request.Query, out var filter) is { } refusal)
        {
            return refusal.ToProblem();
        }

        await WriteAsync(context, reads, register, filter, only, ct);
        return Results.Empty;
    }

    /// <summary>Answers with the rows; the first bytes leave before the first page is read.</summary>
    /// <param name="account">Null: everybody's; the caller has been checked.</param>
    public static async Task WriteAsync(HttpContext context, LedgerReads reads, AccountRegister register, TransferFilter filter, AccountId? account, CancellationToken ct)
    {
        var response = context.Response;
        response.ContentType = "text/csv; charset=utf-8";
        response.Headers[HeaderNames.ContentDisposition] = "attachment; filename=\"ledger.csv\"";
        response.Headers.CacheControl = "no-store";
        await using var text = new StreamWriter(response.Body, leaveOpen: true);
        await text.WriteAsync(Header.AsMemory(), ct);
        await text.FlushAsync(ct);
        var (current, name) = (default(AccountId), "");
        await foreach (var row in reads.AllAsync(filter, account, ct))
        {
            if (row.Account != current)
            {
                (current, name) = (row.Account, CsvCell.Of((await register.ReadAsync(row.Account, ct))?.ExternalId));
            }

            await text.WriteAsync(Line(row, name));
        }
    }

    // Amounts are numbers, also below zero: only text can be a formula.
    private static string Line(TransferView row, string externalId) => string.Create(CultureInfo.InvariantCulture,
        $"{row.Id},{row.Account},{externalId},{row.Unit},{row.Seq},{NameOf(row.Kind)},{row.Amount},{row.BalanceAfter},{NameOf(row.Book)},{CsvCell.Of(row.Reason)},{row.Charge},{row.CreatedAt.UtcDateTime:yyyy-MM-dd'T'HH:mm:ss.ffffff'Z'},{row.Hash}\r\n");

    private static string NameOf<T>(T value) where T : struct, Enum => System.Text.Json.JsonNamingPolicy.SnakeCaseLower.ConvertName(value.ToString());
}
