using BillingPortal.Access;
using BillingPortal.Charging;
using BillingPortal.Ledger;
using BillingPortal.Observability;
using BillingPortal.Primitives;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Mvc;

namespace BillingPortal.Gating;

/// <summary>Gives a charge back (DESIGN §7.20).</summary>
internal static class RefundEndpoint
{
    public static void Map(RouteGroupBuilder api) => api.MapPost("/charges/{id}/refund", RefundAsync)
        .WithName("RefundCharge").WithSummary("Give a charge back, in part or whole: never more than was charged.")
        .RequireScope(Scope.Gate).Accepts<RefundBodySchema>("application/json").Produces<RefundAnswer>(StatusCodes.Status201Created)
        .ProducesProblem(400).ProducesProblem(404).ProducesProblem(409);

    private static async Task<IResult> RefundAsync(HttpContext context, string id, [FromServices] Charges charges, [FromServices] ChargeReads reads, [FromServices] GatingMetrics metrics)
    {
        var (body, malformed) = await RequestBody.ReadAsync<RefundBody>(context, StaffBodies.ReadRefund);
        if (malformed is not null)
        {
            return malformed.ToProblem();
        }

        if (KeyHeader.Read(context, out var key) is { } noKey)
        {
            return noKey.ToProblem();
        }

        if (!ChargeId.TryParse(id, out var charge) || !context.Caller().MayReach(charge.Account) || !await reads.ExistsAsync(charge, context.RequestAborted))
        {
            return ChargeReadings.Unknown.ToProblem();
        }

        return (await charges.RefundAsync(charge, body!.Funding, body.Reason, key)).Match<IResult>(posted => Answer(context, charge, posted, metrics), refusal => refusal.ToProblem());
    }

    private static JsonHttpResult<RefundAnswer> Answer(HttpContext context, ChargeId charge, PostResult.Posted posted, GatingMetrics metrics)
    {
        metrics.Refunded(charge, posted);
        if (posted.Replayed)
        {
            context.Response.Headers[KeyHeader.Replayed] = "true";
        }

        var refund = posted.Refund!;
        var balances = posted.Balances;
        var funding = new RefundPart[refund.Units.Length];
        for (var i = 0; i < funding.Length; i++)
        {
            var unit = Unit.Of(refund.Units[i]);
            funding[i] = new(unit, Amount.Of(refund.Amounts[i]), balances.TryGetValue(unit, out var after) ? after : null);
        }

        return TypedResults.Json(new RefundAnswer(ShownId.Show("ref_", refund.Id), charge.ToString(), "succeeded", funding, refund.CreatedAt), statusCode: StatusCodes.Status201Created);
    }
}

/// <param name="Funding">What went back to which wallet, in the order of returning.</param>
internal sealed record RefundAnswer(string Id, string Charge, string Status, IReadOnlyList<RefundPart> Funding, DateTimeOffset CreatedAt);

/// <param name="BalanceAfter">Null where nothing moved: a use of an unlimited allowance was uncounted.</param>
internal sealed record RefundPart(Unit Unit, Amount Amount, Amount? BalanceAfter);
