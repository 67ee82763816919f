using BillingPortal.Access;
using BillingPortal.Accounts;
using BillingPortal.Observability;
using BillingPortal.Primitives;
using Microsoft.AspNetCore.Http.HttpResults;

namespace BillingPortal.Invoices;

internal sealed record InvoiceView(
    string Id, string? Number, string Status, string? SubscriptionId, string? BillingReason, Unit Currency, Amount Subtotal, Amount Tax, Amount Total, Amount AmountPaid, Amount AmountRemaining,
    DateTimeOffset? PeriodStart, DateTimeOffset? PeriodEnd, DateTimeOffset CreatedAt, DateTimeOffset? PaidAt, DateTimeOffset? NextPaymentAttempt,
    IReadOnlyList<InvoiceLine>? Lines = null, string? HostedUrl = null)
{
    public static InvoiceView Of(Invoice i, IReadOnlyList<InvoiceLine>? lines = null, string? hostedUrl = null) => new(
        i.Id, i.Number, i.Status, i.SubscriptionId, i.BillingReason, i.Currency, i.Subtotal, i.Tax, i.Total, i.AmountPaid, i.AmountRemaining,
        i.PeriodStart, i.PeriodEnd, i.CreatedAt, i.PaidAt, i.NextPaymentAttempt, lines, hostedUrl);
}

internal sealed record InvoicePage(IReadOnlyList<InvoiceView> Data, string? NextCursor);

internal static class InvoiceEndpoints
{
    private const string Path = "/accounts/{account}/invoices";

    public static RouteGroupBuilder MapInvoiceEndpoints(this RouteGroupBuilder api)
    {
        api.MapGet(Path, ListAsync).WithName("ListInvoices").WithSummary("Invoices, newest first").WithTags("Invoices").RequireScope(Scope.Read, Scope.Accounts);
        api.MapGet($"{Path}/upcoming", UpcomingAsync).WithName("GetUpcomingInvoice").WithSummary("What will be billed next").WithTags("Invoices").RequireScope(Scope.Read, Scope.Accounts);
        api.MapGet($"{Path}/{{id}}", GetAsync).WithName("GetInvoice").WithSummary("One invoice with its lines").WithTags("Invoices").RequireScope(Scope.Read, Scope.Accounts);
        api.MapGet($"{Path}/{{id}}/pdf", PdfAsync).WithName("GetInvoicePdf").WithSummary("The document as PDF: leads to Stripe's own, or is a receipt or a monthly statement of ours")
            .WithDescription("`id` is an invoice (`in_…`: 302 to Stripe's document), a paid pack or top-up (`ord_…`: its receipt) or a month (`statement-2026-11`: credits and prepaid money).").WithTags("Invoices").Produces(200, contentType: Document.ContentType).RequireScope(Scope.Read, Scope.Accounts);
        return api;
    }

    private static Refusal Unknown => new(ErrorCode.NotFound, "The account has no such invoice.");

    private static async Task<Results<Ok<InvoicePage>, ProblemHttpResult>> ListAsync(
        string account, HttpContext http, AccountDirectory directory, InvoiceReads invoices, string? cursor, int? limit, CancellationToken ct)
    {
        if (limit is < 1 or > 200)
        {
            return Refusal.Invalid("limit", "limit is 1 to 200.").ToProblem();
        }

        if (cursor is { Length: > 255 })
        {
            return Refusal.Invalid("cursor", "This is no cursor of an earlier answer.").ToProblem();
        }

        if (await directory.FindAsync(http.Caller(), account, ct) is not { } id)
        {
            return AccountDirectory.Unknown.ToProblem();
        }

        var size = limit ?? 50;
        var found = await invoices.ListAsync(id, size + 1, cursor, ct);
        return TypedResults.Ok(new InvoicePage([.. found.Take(size).Select(i => InvoiceView.Of(i))], found.Count > size ? found[size - 1].Id : null));
    }

    private static async Task<Results<Ok<UpcomingInvoice>, ProblemHttpResult>> UpcomingAsync(string account, HttpContext http, AccountDirectory directory, InvoiceReads invoices, CancellationToken ct)
    {
        if (await directory.FindAsync(http.Caller(), account, ct) is not { } id)
        {
            return AccountDirectory.Unknown.ToProblem();
        }

        var (upcoming, refusal) = await invoices.UpcomingAsync(id, ct);
        return upcoming is not null ? TypedResults.Ok(upcoming) : (refusal ?? new(ErrorCode.NotFound, "Nothing will be billed: there is no subscription that goes on.")).ToProblem();
    }

    private static async Task<Results<Ok<InvoiceView>, ProblemHttpResult>> GetAsync(
        string account, string id, HttpContext http, AccountDirectory directory, InvoiceReads invoices, CancellationToken ct)
    {
        if (await directory.FindAsync(http.Caller(), account, ct) is not { } accountId)
        {
            return AccountDirectory.Unknown.ToProblem();
        }

        var (found, refusal) = await invoices.FindAsync(accountId, id, ct);
        return found is not null ? TypedResults.Ok(InvoiceView.Of(found.Invoice, found.Lines, found.HostedUrl)) : (refusal ?? Unknown).ToProblem();
    }

    private static async Task<Results<RedirectHttpResult, FileContentHttpResult, ProblemHttpResult>> PdfAsync(
        string account, string id, HttpContext http, AccountDirectory directory, InvoiceReads invoices, Documents documents, CancellationToken ct)
    {
        if (await directory.FindAsync(http.Caller(), account, ct) is not { } accountId)
        {
            return AccountDirectory.Unknown.ToProblem();
        }

        if (Documents.IsOwn(id))
        {
            return (await documents.MakeAsync(accountId, id, ct)).Match<Results<RedirectHttpResult, FileContentHttpResult, ProblemHttpResult>>(
                document => TypedResults.File(document.Pdf, Document.ContentType, document.FileName), refused => refused.ToProblem());
        }

        var (found, refusal) = await invoices.FindAsync(accountId, id, ct);
        return found is null ? (refusal ?? Unknown).ToProblem()
            : found.PdfUrl is { } url ? TypedResults.Redirect(url)
            : new Refusal(ErrorCode.Conflict, "The invoice is not final yet, so there is no document.").ToProblem();
    }
}
