using BillingPortal.Access;
using BillingPortal.Accounts;
using BillingPortal.Ledger;
using BillingPortal.Observability;
using BillingPortal.Primitives;
using Microsoft.AspNetCore.Mvc;

namespace BillingPortal.Gating;

/// <summary>Grants and adjustments by staff (API.md, Admin).</summary>
internal static class StaffPostingEndpoints
{
    public static void Map(RouteGroupBuilder api)
    {
        api.MapPost("/admin/grants", GrantAsync).WithName("CreateGrant").WithSummary("Put value into an account's wallet.")
            .RequireScope(Scope.Admin).Accepts<GrantBodySchema>("application/json").Produces<PostedAnswer>(StatusCodes.Status201Created)
            .ProducesProblem(400).ProducesProblem(404).ProducesProblem(409);
        api.MapPost("/admin/adjustments", AdjustAsync).WithName("CreateAdjustment").WithSummary("Correct an account's wallet up or down, with a reason.")
            .RequireScope(Scope.Admin).Accepts<AdjustmentBodySchema>("application/json").Produces<PostedAnswer>(StatusCodes.Status201Created)
            .ProducesProblem(400).ProducesProblem(402).ProducesProblem(404).ProducesProblem(409);
    }

    private static async Task<IResult> GrantAsync(HttpContext context, [FromServices] StaffPostings postings, [FromServices] AccountDirectory accounts)
    {
        var (body, malformed) = await RequestBody.ReadAsync<GrantBody>(context, StaffBodies.ReadGrant);
        if (malformed is not null)
        {
            return malformed.ToProblem();
        }

        if (KeyHeader.Read(context, out var key) is { } noKey)
        {
            return noKey.ToProblem();
        }

        return await accounts.OpenAsync(context.Caller(), body!.Account, context.RequestAborted) is { } account
            ? Answer(context, await postings.GrantAsync(context.Caller().Actor, account, body.Terms, body.Reason, key), body.Terms.Unit)
            : AccountDirectory.Unknown.ToProblem();
    }

    private static async Task<IResult> AdjustAsync(HttpContext context, [FromServices] StaffPostings postings, [FromServices] AccountDirectory accounts)
    {
        var (body, malformed) = await RequestBody.ReadAsync<AdjustmentBody>(context, StaffBodies.ReadAdjustment);
        if (malformed is not null)
        {
            return malformed.ToProblem();
        }

        if (KeyHeader.Read(context, out var key) is { } noKey)
        {
            return noKey.ToProblem();
        }

        return await accounts.OpenAsync(context.Caller(), body!.Account, context.RequestAborted) is { } account
            ? Answer(context, await postings.AdjustAsync(context.Caller().Actor, account, body.Unit, body.Amount, body.Reason, key), body.Unit)
            : AccountDirectory.Unknown.ToProblem();
    }

    private static IResult Answer(HttpContext context, PostResult result, Unit unit) => result.Match<IResult>(
        posted =>
        {
            if (posted.Replayed)
            {
                context.Response.Headers[KeyHeader.Replayed] = "true";
            }

            var transfer = posted.Transfers.Last(t => t.Unit == unit);
            return TypedResults.Json(new PostedAnswer(true, transfer.BalanceAfter, transfer.Id.ToString()), statusCode: StatusCodes.Status201Created);
        },
        refusal => refusal.ToProblem());
}

/// <param name="NewBalance">Of the wallet, after this posting.</param>
internal sealed record PostedAnswer(bool Success, Amount NewBalance, string TransferId);
