using System.Globalization;
using System.Text.Json.Nodes;
using BillingPortal.Access;
using BillingPortal.Observability;
using BillingPortal.Primitives;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Mvc;

namespace BillingPortal.Catalog;

/// <summary>One value that changed.</summary>
internal sealed record CatalogChangeView(string Path, JsonNode? Before, JsonNode? After);

/// <param name="Version">The version in force after it.</param>
/// <param name="DryRun">True: nothing was changed.</param>
internal sealed record CatalogPublished(int Version, bool DryRun, IReadOnlyList<CatalogChangeView> Changes)
{
    public static CatalogPublished Of(PublicationResult.Published published, bool dryRun) =>
        new(published.Version, dryRun, [.. published.Changes.Select(c => new CatalogChangeView(c.Path, c.Before, c.After))]);
}

/// <summary>The catalog for those who set it: whole, or one action's cost.</summary>
internal static class CatalogAdminEndpoints
{
    public static RouteGroupBuilder MapCatalogChanges(this RouteGroupBuilder api)
    {
        var admin = api.MapGroup("/admin").WithTags("Admin").RequireScope(Scope.Admin);
        admin.MapGet("/catalog", Get).WithName("GetCatalog").WithSummary("The catalog in force, as a file; its version is the ETag");
        admin.MapPut("/catalog", PutAsync).WithName("PutCatalog").WithSummary("Puts a catalog into force, or with dry_run says what would change").Accepts<JsonObject>("application/json");
        admin.MapPut("/action-costs/{action}", PutActionCostAsync).WithName("PutActionCost").WithSummary("Sets what an action costs, at once and for everybody");
        admin.MapPost("/action-costs/seed", SeedAsync).WithName("SeedActionCosts").WithSummary("Adds the actions of the catalog file that are missing; edits are kept");
        return api;
    }

    private static ContentHttpResult Get(CatalogSnapshot snapshot, HttpResponse response)
    {
        response.Headers.ETag = ETag(snapshot.Version);
        return TypedResults.Text(CatalogJson.Write(snapshot.Current), "application/json");
    }

    private static async Task<Results<Ok<CatalogPublished>, ProblemHttpResult>> PutAsync(HttpContext context, CatalogPublication publication, CancellationToken ct,
        [FromQuery(Name = "dry_run")] bool dryRun = false, string? note = null)
    {
        if (!context.Request.HasJsonContentType())
        {
            return new Refusal(ErrorCode.UnsupportedMediaType, "Send the catalog as application/json.").ToProblem();
        }

        if (note is not null && (note.Length > CatalogPublication.MaxNote || note.Any(char.IsControl)))
        {
            return Refusal.Invalid("note", $"A note is one line of at most {CatalogPublication.MaxNote} characters.").ToProblem();
        }

        var proposal = CatalogFile.Proposal(CatalogJson.Read(await BodyAsync(context.Request, ct)));
        var expected = context.Request.Headers.IfMatch.ToString();
        var result = await publication.PublishAsync(
            before => expected.Length > 0 && expected != ETag(before?.Version ?? 0)
                ? new Refusal(ErrorCode.Conflict, $"The catalog was changed meanwhile: it is at version {before?.Version ?? 0} now. Nothing was changed.")
                : proposal,
            context.Caller().Actor, note, dryRun, ct);
        return result.Match<Results<Ok<CatalogPublished>, ProblemHttpResult>>(
            published => TypedResults.Ok(CatalogPublished.Of(published, dryRun)),
            refusal => refusal.ToProblem());
    }

    private static async Task<Results<Ok<ActionCostView>, ProblemHttpResult>> PutActionCostAsync(string action, ActionCostEdit edit, HttpContext context, CatalogPublication publication, CancellationToken ct)
    {
        var (cost, refusal) = await ActionCosts.PublishEditAsync(publication, action, edit, context.Caller().Actor, ct);
        return cost is not null ? TypedResults.Ok(ActionCostView.Of(cost)) : refusal!.ToProblem();
    }

    private static async Task<Results<Ok<ActionCostsSeeded>, ProblemHttpResult>> SeedAsync(HttpContext context, CatalogPublication publication, IConfiguration configuration, IHostEnvironment environment, CancellationToken ct)
    {
        if (CatalogFile.Configured(configuration, environment) is not { } path)
        {
            return new Refusal(ErrorCode.Conflict, "No catalog file is configured to seed from: set Catalog__File.").ToProblem();
        }

        var (seeded, refusal) = await ActionCosts.PublishSeedAsync(publication, path, context.Caller().Actor, ct);
        return seeded is not null ? TypedResults.Ok(seeded) : refusal!.ToProblem();
    }

    private static string ETag(int version) => string.Create(CultureInfo.InvariantCulture, $"\"{version}\"");

    private static async Task<byte[]> BodyAsync(HttpRequest request, CancellationToken ct)
    {
        using var body = new MemoryStream();
        await request.Body.CopyToAsync(body, ct);
        return body.ToArray();
    }
}
