using BillingPortal.Access;
using BillingPortal.Accounts;
using BillingPortal.Observability;
using BillingPortal.Primitives;
using Microsoft.AspNetCore.Http.HttpResults;

namespace BillingPortal.Usage.ReRatings;

/// <param name="From">A day or a time: when the use happened.</param>
/// <param name="To">Exclusive.</param>
/// <param name="RateCard">The card whose charges are replayed.</param>
/// <param name="Version">Left out: for each charge the version that is in force at its instant.</param>
/// <param name="Accounts">Customers; left out: all.</param>
internal sealed record ReRatingBody(string? From, string? To, string? RateCard, int? Version, IReadOnlyList<string>? Accounts);

internal sealed record ReRatingReason(string? Reason);

/// <param name="Charges">Charges that come to something else.</param>
/// <param name="Data">Customers, greatest differences first, at most 1,000; null in a list.</param>
internal sealed record ReRatingView(string Id, ReRatingStatus Status, DateTimeOffset From, DateTimeOffset To, string RateCard, int? Version, int Charges, DateTimeOffset CreatedAt, string CreatedBy,
    DateTimeOffset? ApprovedAt, string? ApprovedBy, string? Reason, DateTimeOffset? PostedAt)
{
    public IReadOnlyList<ReRatingDifference>? Differences { get; init; }
    /// <summary>Charges of the card that could not be rated so: they stand as they are.</summary>
    public IReadOnlyList<ReRatingLeftOut>? LeftOut { get; init; }
    public IReadOnlyList<ReRatingOfCustomer>? Data { get; init; }

    public static ReRatingView Of(ReRating r) => new(r.ShownId, r.Status, r.StartsAt, r.EndsAt, r.RateCard, r.Version, r.Charges, r.CreatedAt, r.CreatedBy, r.ApprovedAt, r.ApprovedBy, r.Reason, r.PostedAt);

    public static ReRatingView Of(ReRatingSums sums) => Of(sums.ReRating) with { Differences = sums.Differences, LeftOut = sums.LeftOut, Data = sums.Customers };
}

internal sealed record ReRatingList(IReadOnlyList<ReRatingView> Data);

/// <summary>A period replayed under another version of a rate card: preview, approve, cancel (F7).</summary>
internal static class ReRatingEndpoints
{
    private const int Shown = 200;
    private const int MostAccounts = 1_000;

    public static RouteGroupBuilder MapReRatings(this RouteGroupBuilder api)
    {
        var admin = api.MapGroup("/admin/re-ratings").WithTags("Admin").RequireScope(Scope.Admin);
        admin.MapPost("", PreviewAsync).WithName("CreateReRating").WithSummary("Preview: what the charges of a period come to by another version of their rate card; nothing is posted")
            .WithDescription("`{\"from\":\"2026-11-01\",\"to\":\"2026-12-01\",\"rate_card\":\"list\",\"version\":2,\"accounts\":[\"acme\"]}`. Without `version` each charge is rated by the version in force at its instant; without `accounts` all customers are.");
        admin.MapGet("", ListAsync).WithName("ListReRatings").WithSummary("Re-ratings, newest first, at most 200");
        admin.MapGet("/{id}", FindAsync).WithName("GetReRating").WithSummary("One with its differences by unit and by customer");
        admin.MapPost("/{id}/approve", ApproveAsync).WithName("ApproveReRating").WithSummary("Post a preview, with a reason: reversing and new entries, each charge once; done twice it acts once");
        admin.MapDelete("/{id}", CancelAsync).WithName("CancelReRating").WithSummary("Forget a preview: nothing of it remains");
        return api;
    }

    private static async Task<Results<Created<ReRatingView>, ProblemHttpResult>> PreviewAsync(ReRatingBody body, HttpContext context, ReRatingPreview preview, ReRatings ratings, AccountDirectory directory, CancellationToken ct)
    {
        if (Timestamps.ReadEnds(body.From, body.To, out var from, out var to) is { } unreadable)
        {
            return unreadable.ToProblem();
        }

        if (from is null || to is null || body.RateCard is null)
        {
            return Refusal.Invalid(from is null ? "from" : to is null ? "to" : "rate_card", "Is required.").ToProblem();
        }

        if (body.Accounts is { Count: > MostAccounts or 0 })
        {
            return Refusal.Invalid("accounts", $"Names 1 to {MostAccounts} customers; left out: all.").ToProblem();
        }

        var accounts = new List<AccountId>();
        foreach (var name in body.Accounts ?? [])
        {
            if (await directory.FindAsync(context.Caller(), name, ct) is not { } account)
            {
                return Refusal.Invalid("accounts", $"There is no account '{(name?.Length > 200 ? name[..200] : name)}'.").ToProblem();
            }

            accounts.Add(account);
        }

        return (await preview.MakeAsync(context.Caller().Actor, new(from.Value, to.Value, body.RateCard, body.Version, accounts), ct)).TryGet(out var made, out var refusal)
            ? TypedResults.Created($"/api/v1/admin/re-ratings/{made.ShownId}", ReRatingView.Of((await ratings.FindAsync(made.Id, ct))!))
            : refusal.ToProblem();
    }

    private static async Task<Ok<ReRatingList>> ListAsync(ReRatings ratings, CancellationToken ct) => TypedResults.Ok(new ReRatingList([.. (await ratings.ListAsync(Shown, ct)).Select(ReRatingView.Of)]));

    private static async Task<Results<Ok<ReRatingView>, ProblemHttpResult>> FindAsync(string id, ReRatings ratings, CancellationToken ct) =>
        ShownId.TryParse(ReRating.Prefix, id, out Guid known) && await ratings.FindAsync(known, ct) is { } found ? TypedResults.Ok(ReRatingView.Of(found)) : ReRatings.Unknown.ToProblem();

    private static async Task<Results<Ok<ReRatingView>, ProblemHttpResult>> ApproveAsync(string id, ReRatingReason body, HttpContext context, ReRatings ratings, CancellationToken ct)
    {
        if (!ShownId.TryParse(ReRating.Prefix, id, out Guid known))
        {
            return ReRatings.Unknown.ToProblem();
        }

        return await ratings.ApproveAsync(context.Caller().Actor, known, body.Reason, ct) is { } refusal ? refusal.ToProblem() : TypedResults.Ok(ReRatingView.Of((await ratings.FindAsync(known, ct))!));
    }

    private static async Task<Results<NoContent, ProblemHttpResult>> CancelAsync(string id, ReRatings ratings, CancellationToken ct) =>
        (ShownId.TryParse(ReRating.Prefix, id, out Guid known) ? await ratings.CancelAsync(known, ct) : ReRatings.Unknown) is { } refusal ? refusal.ToProblem() : TypedResults.NoContent();
}
