using BillingPortal.Access;
using BillingPortal.Accounts;
using BillingPortal.Ledger;
using BillingPortal.Observability;
using BillingPortal.Primitives;
using Microsoft.AspNetCore.Mvc;

namespace BillingPortal.Gating;

/// <summary>One hold as it stands, and the list of an account's.</summary>
internal static class HoldReadings
{
    public static void Map(RouteGroupBuilder api)
    {
        api.MapGet("/holds/{id}", FindAsync).WithName("GetHold").WithSummary("A hold as it stands: what it reserved, what was captured, what remains.")
            .RequireScope(Scope.Read, Scope.Gate).Produces<HoldAnswer>().ProducesProblem(404);
        api.MapGet("/accounts/{account}/holds", ListAsync).WithName("ListHolds").WithSummary("An account's holds, newest first; filters run and status (open, captured, released, expired).")
            .RequireScope(Scope.Read).Produces<ListAnswer<HoldAnswer>>().ProducesProblem(400).ProducesProblem(404);
    }

    private static async Task<IResult> FindAsync(HttpContext context, string id, [FromServices] HoldReads holds, [FromServices] AccountNames names)
    {
        if (!HoldId.TryParse(id, out var shown) || !context.Caller().MayReach(shown.Account) || await holds.FindAsync(shown, context.RequestAborted) is not { } hold)
        {
            return HoldRefusals.Unknown.ToProblem();
        }

        return TypedResults.Ok(HoldAnswer.Of(hold, hold.State, await names.OfAsync(hold.AccountId, context.RequestAborted)));
    }

    private static async Task<IResult> ListAsync(HttpContext context, string account, string? limit, string? cursor, string? run, string? status,
        [FromServices] HoldReads holds, [FromServices] AccountDirectory accounts, [FromServices] AccountNames names)
    {
        if (await accounts.FindAsync(context.Caller(), account, context.RequestAborted) is not { } id)
        {
            return AccountDirectory.Unknown.ToProblem();
        }

        if (ListQuery.Read(limit, cursor, out var query) is { } refusal)
        {
            return refusal.ToProblem();
        }

        var wanted = HoldBodies.StatusOf(status);
        if (status is not null && wanted is null)
        {
            return Refusal.Invalid("status", "Must be open, captured, released or expired.").ToProblem();
        }

        var rows = await holds.ListAsync(id, new(run, wanted), query.Before, query.Limit, context.RequestAborted);
        var name = await names.OfAsync(id, context.RequestAborted);
        return TypedResults.Ok(new ListAnswer<HoldAnswer>([.. rows.Select(row => HoldAnswer.Of(row, row.State, name))], query.Next(rows, row => row.Id)));
    }
}
