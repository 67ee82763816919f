using BillingPortal.Access;
using BillingPortal.Invoices;
using BillingPortal.Observability;

namespace BillingPortal.Components;

/// <summary>Receipts and statements for who is signed in as a customer.</summary>
internal static class DocumentDownloads
{
    public static void MapDocumentDownloads(this WebApplication app) =>
        app.MapGet("/portal/documents/{id}", OwnAsync).RequireAuthorization(Policies.Customer).ExcludeFromDescription();

    private static async Task<IResult> OwnAsync(HttpContext context, string id, Documents documents, CancellationToken ct) =>
        (await documents.MakeAsync(context.Caller().Account!.Value, id, ct)).Match<IResult>(
            document => TypedResults.File(document.Pdf, Document.ContentType, document.FileName), refusal => refusal.ToProblem());
}
