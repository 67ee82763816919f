using System.Text.Json;
using BillingPortal.Access;
using BillingPortal.Charging;
using BillingPortal.Observability;
using BillingPortal.Primitives;
using Microsoft.AspNetCore.Mvc;

namespace BillingPortal.Gating;

/// <summary>One charge: called on every request of somebody's product (DESIGN §2).</summary>
internal static class ChargeEndpoint
{
    public static void Map(RouteGroupBuilder api) => api.MapPost("/charges", TakeAsync)
        .WithName("CreateCharge").WithSummary("Charge an account for an action, a meter, tokens or an amount; refused without enough, and then nothing moves.")
        .RequireScope(Scope.Gate)
        .Accepts<ChargeBodySchema>("application/json")
        .Produces<ChargeAnswer>(StatusCodes.Status201Created)
        .ProducesProblem(400).ProducesProblem(402).ProducesProblem(403).ProducesProblem(404).ProducesProblem(409).ProducesProblem(422).ProducesProblem(429).ProducesProblem(503);

    private static async Task<IResult> TakeAsync(HttpContext context, [FromServices] Charges charges, [FromServices] Refusals refusals, [FromServices] GatingMetrics metrics)
    {
        var (request, malformed) = await RequestBody.ReadAsync(context, (ref Utf8JsonReader json, FieldErrors errors) => ChargeBody.Read(ref json, inBatch: false, errors, out _));
        if (request is null)
        {
            return malformed!.ToProblem();
        }

        if (KeyHeader.Read(context, out var key) is { } noKey)
        {
            return noKey.ToProblem();
        }

        var outcome = await charges.TakeAsync(context.Caller(), request, key);
        if (outcome.Refusal is { } refusal)
        {
            refusals.Note(outcome.Account, request, refusal);
            return refusal.WithTopUp(context).ToProblem();
        }

        var taken = outcome.Taken!;
        metrics.Charged(taken);
        refusals.NoteTaken(outcome.Account, request, taken);
        if (taken.Replayed)
        {
            context.Response.Headers[KeyHeader.Replayed] = "true";
        }

        var answer = ChargeAnswer.Of(taken.Charge, taken.Receipt, request.Account);
        return new JsonAnswer<ChargeAnswer>(StatusCodes.Status201Created, answer, $"/api/v1/charges/{answer.Id}");
    }
}
