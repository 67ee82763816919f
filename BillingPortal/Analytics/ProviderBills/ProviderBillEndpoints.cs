using System.Text;
using BillingPortal.Access;
using BillingPortal.Observability;
using BillingPortal.Primitives;
using Microsoft.AspNetCore.Http.HttpResults;

namespace BillingPortal.Analytics.ProviderBills;

/// <param name="Data">Greatest difference first; null in a list.</param>
internal sealed record ProviderBillView(string Id, string Name, DateOnly FirstDay, DateOnly LastDay, int Lines, decimal Cost, DateTimeOffset ImportedAt, string ImportedBy)
{
    public IReadOnlyList<ComparedBill>? Data { get; init; }

    public static ProviderBillView Of(ProviderBill b) => new(b.ShownId, b.Name, b.FirstDay, b.LastDay, b.Lines, b.Cost / 1.000000000000000000000000000000m, b.ImportedAt, b.ImportedBy);
}

internal sealed record ProviderBillList(IReadOnlyList<ProviderBillView> Data);

internal static class ProviderBillEndpoints
{
    public static RouteGroupBuilder MapProviderBills(this RouteGroupBuilder api)
    {
        var admin = api.MapGroup("/admin/provider-bills").WithTags("Admin").RequireScope(Scope.Admin);
        admin.MapPost("", ImportAsync).WithName("ImportProviderBill").WithSummary("Import a provider's bill as CSV, all of it or nothing")
            .WithDescription($"The header is `{ProviderBillCsv.Header}`; token_kind is one of {string.Join(", ", ProviderBillCsv.TokenKinds)}; costs are in the catalog's currency. A line that cannot be read is named, and nothing is imported.")
            .Accepts<string>("text/csv");
        admin.MapGet("", ListAsync).WithName("ListProviderBills").WithSummary("Imported bills, newest first, at most 200");
        admin.MapGet("/{id}", CompareAsync).WithName("GetProviderBill").WithSummary("A bill beside what our records say of the same days and providers; by: model (default), day or model_and_day");
        admin.MapDelete("/{id}", RemoveAsync).WithName("RemoveProviderBill").WithSummary("Remove an imported bill");
        return api;
    }

    private static async Task<Results<Created<ProviderBillView>, ProblemHttpResult>> ImportAsync(HttpContext context, ProviderBills bills, CancellationToken ct, string? name = null)
    {
        if (context.Request.ContentType?.Split(';')[0].Trim() is not "text/csv")
        {
            return new Refusal(ErrorCode.UnsupportedMediaType, "Send the bill as text/csv. Nothing was imported.").ToProblem();
        }

        using var body = new MemoryStream();
        await context.Request.Body.CopyToAsync(body, ct);
        string csv;
        try
        {
            csv = new UTF8Encoding(false, throwOnInvalidBytes: true).GetString(body.GetBuffer(), 0, (int)body.Length);
        }
        catch (DecoderFallbackException)
        {
            return Refusal.Invalid("body", "The file is not UTF-8. Nothing was imported.").ToProblem();
        }

        return (await bills.ImportAsync(context.Caller().Actor, name ?? "", csv, ct)).TryGet(out var bill, out var refusal)
            ? TypedResults.Created($"/api/v1/admin/provider-bills/{bill.ShownId}", ProviderBillView.Of(bill))
            : refusal.ToProblem();
    }

    private static async Task<Ok<ProviderBillList>> ListAsync(ProviderBills bills, CancellationToken ct) => TypedResults.Ok(new ProviderBillList([.. (await bills.ListAsync(ct)).Select(ProviderBillView.Of)]));

    private static async Task<Results<Ok<ProviderBillView>, ProblemHttpResult>> CompareAsync(string id, ProviderBills bills, CancellationToken ct, string by = "model")
    {
        BillGrouping? grouping = by switch { "model" => BillGrouping.Model, "day" => BillGrouping.Day, "model_and_day" => BillGrouping.ModelAndDay, _ => null };
        if (grouping is not { } wanted)
        {
            return Refusal.Invalid("by", "Must be model, day or model_and_day.").ToProblem();
        }

        return ShownId.TryParse(ProviderBill.Prefix, id, out Guid known) && await bills.CompareAsync(known, wanted, ct) is { } found
            ? TypedResults.Ok(ProviderBillView.Of(found.Bill) with { Data = found.Rows })
            : ProviderBills.Unknown.ToProblem();
    }

    private static async Task<Results<NoContent, ProblemHttpResult>> RemoveAsync(string id, HttpContext context, ProviderBills bills, CancellationToken ct) =>
        (ShownId.TryParse(ProviderBill.Prefix, id, out Guid known) ? await bills.RemoveAsync(context.Caller().Actor, known, ct) : ProviderBills.Unknown) is { } refusal ? refusal.ToProblem() : TypedResults.NoContent();
}
