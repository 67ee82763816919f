using BillingPortal.Access;
using BillingPortal.Observability;
using BillingPortal.Primitives;
using Microsoft.AspNetCore.Http.HttpResults;

namespace BillingPortal.Reconciliation;

/// <summary>A difference as programs read it.</summary>
/// <param name="CanMend">Whether <c>POST …/{id}/mend</c> does something about it.</param>
internal sealed record DifferenceView(
    string Id, DifferenceKind Kind, string ObjectId, string? Account, string AtStripe, string Here, string Explanation, Mend Mend, bool CanMend, DifferenceStatus Status,
    DateTimeOffset FoundAt, DateTimeOffset SeenAt, DateTimeOffset? MendedAt, string? MendedBy, string? Outcome)
{
    public static DifferenceView Of(Difference d) => new(
        d.ShownId, d.Kind, d.ObjectId, d.AccountId?.ToString(), d.AtStripe, d.Here, d.Explanation, d.Mend, d.Mend != Mend.ByHand && d.Status == DifferenceStatus.Open, d.Status, d.FoundAt, d.SeenAt, d.MendedAt, d.MendedBy, d.Outcome);
}

/// <param name="Error">Why the last comparison did not end; null when it did.</param>
/// <param name="Compared">Objects at Stripe that were looked at.</param>
/// <param name="EventsUntil">Every event of Stripe's made before this has been seen.</param>
/// <param name="Data">At most 200.</param>
internal sealed record ReconciliationView(DateTimeOffset? ComparedAt, string? Error, int Compared, DateTimeOffset? EventsUntil, IReadOnlyList<DifferenceView> Data);

internal static class ReconciliationEndpoints
{
    private const string Path = "/admin/reconciliation";

    public static RouteGroupBuilder MapComparison(this RouteGroupBuilder api)
    {
        api.MapGet(Path, ReadAsync).WithName("GetReconciliation").WithSummary("What ledger and Stripe say differently, and when they were last compared").WithDescription("`status` is `open` (default), `mended` or `gone`.").WithTags("Admin").RequireScope(Scope.Admin);
        api.MapPost($"{Path}/run", RunAsync).WithName("RunReconciliation").WithSummary("Compare ledger and Stripe now").WithTags("Admin").RequireScope(Scope.Admin);
        api.MapPost($"{Path}/{{id}}/mend", MendAsync).WithName("MendDifference").WithSummary("Mend one difference; done twice it acts once").WithTags("Admin").RequireScope(Scope.Admin);
        return api;
    }

    private static async Task<Results<Ok<ReconciliationView>, ProblemHttpResult>> ReadAsync(ReconciliationDesk desk, string? status, CancellationToken ct)
    {
        DifferenceStatus? wanted = null;
        if (status is not null)
        {
            if (!Enum.GetNames<DifferenceStatus>().Contains(status, StringComparer.OrdinalIgnoreCase))
            {
                return Refusal.Invalid("status", "status is open, mended or gone.").ToProblem();
            }

            wanted = Enum.Parse<DifferenceStatus>(status, ignoreCase: true);
        }

        return TypedResults.Ok(await ShowAsync(desk, wanted, ct));
    }

    private static async Task<Results<Ok<ReconciliationView>, ProblemHttpResult>> RunAsync(ReconciliationDesk desk, CancellationToken ct) =>
        await desk.CompareAsync(ct) is { } refusal ? refusal.ToProblem() : TypedResults.Ok(await ShowAsync(desk, null, ct));

    private static async Task<Results<Ok<DifferenceView>, ProblemHttpResult>> MendAsync(string id, HttpContext http, ReconciliationDesk desk, CancellationToken ct) =>
        !ShownId.TryParse(Difference.Prefix, id, out Guid known)
            ? new Refusal(ErrorCode.NotFound, "There is no such difference.").ToProblem()
            : (await desk.MendAsync(known, http.Caller().Actor, ct)).Match<Results<Ok<DifferenceView>, ProblemHttpResult>>(difference => TypedResults.Ok(DifferenceView.Of(difference)), refusal => refusal.ToProblem());

    private static async Task<ReconciliationView> ShowAsync(ReconciliationDesk desk, DifferenceStatus? status, CancellationToken ct)
    {
        var (state, differences) = await desk.ReadAsync(status, ct);
        return new(state.FinishedAt, state.Error, state.Compared, state.EventsUntil, [.. differences.Select(DifferenceView.Of)]);
    }
}
