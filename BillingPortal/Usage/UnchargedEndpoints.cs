using BillingPortal.Access;
using BillingPortal.Observability;
using BillingPortal.Primitives;
using Microsoft.AspNetCore.Http.HttpResults;

namespace BillingPortal.Usage;

/// <param name="Refusal">Why it cannot be charged; null: it waits its turn.</param>
internal sealed record UnchargedView(string Id, string Account, DateTimeOffset Time, int Events, string? Meter, decimal? Quantity, string? Provider, string? Model, string? Refusal)
{
    public static UnchargedView Of(UnchargedUsage u) => new(ShownId.Show(UnchargedEvents.Prefix, u.AccountId.Value, u.Id), u.AccountId.ToString(), u.Time, u.Events, u.Meter, u.Quantity ?? u.Value, u.Provider, u.Model, u.Refusal);
}

internal sealed record UnchargedList(long Waiting, long Parked, DateTimeOffset? Oldest, IReadOnlyList<UnchargedView> Data);

internal static class UnchargedEndpoints
{
    private const int Shown = 200;

    public static RouteGroupBuilder MapUncharged(this RouteGroupBuilder api)
    {
        var admin = api.MapGroup("/admin/uncharged-usage").WithTags("Admin").RequireScope(Scope.Admin);
        admin.MapGet("", ListAsync).WithName("ListUnchargedUsage").WithSummary("Events that are not charged: parked ones first, then those that wait their turn, oldest first, at most 200 of each; state parked or waiting");
        admin.MapPost("/{id}/retry", RetryAsync).WithName("RetryUnchargedUsage").WithSummary("Put parked usage back into the line, after what stood in its way was mended");
        return api;
    }

    private static async Task<Results<Ok<UnchargedList>, ProblemHttpResult>> ListAsync(UnchargedEvents queue, CancellationToken ct, string? state = null)
    {
        if (state is not (null or "parked" or "waiting"))
        {
            return Refusal.Invalid("state", "Must be parked or waiting.").ToProblem();
        }

        var counts = await queue.CountAsync(ct);
        return TypedResults.Ok(new UnchargedList(counts.Waiting, counts.Parked, counts.Oldest, [.. (await queue.ListAsync(state is null ? null : state == "parked", Shown, ct)).Select(UnchargedView.Of)]));
    }

    private static async Task<Results<NoContent, ProblemHttpResult>> RetryAsync(string id, HttpContext context, UnchargedEvents queue, CancellationToken ct) =>
        (ShownId.TryParse(UnchargedEvents.Prefix, id, out var account, out var usage) ? await queue.RetryAsync(context.Caller().Actor, account, usage, ct) : UnchargedEvents.Unknown) is { } refusal
            ? refusal.ToProblem() : TypedResults.NoContent();
}
