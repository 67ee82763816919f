using BillingPortal.Access;
using BillingPortal.Accounts;
using BillingPortal.Charging;
using BillingPortal.Ledger;
using BillingPortal.Observability;
using BillingPortal.Primitives;
using Microsoft.AspNetCore.Mvc;

namespace BillingPortal.Gating;

/// <summary>Hold before a job, capture the true price after, release the rest (D7, F4).</summary>
internal static class HoldEndpoints
{
    public static void Map(RouteGroupBuilder api)
    {
        api.MapPost("/holds", OpenAsync).WithName("CreateHold").WithSummary("Reserve what a charge of the same body would take; refused like it, and then nothing is reserved.")
            .RequireScope(Scope.Gate).Accepts<HoldBodySchema>("application/json").Produces<HoldAnswer>(StatusCodes.Status201Created)
            .ProducesProblem(400).ProducesProblem(402).ProducesProblem(403).ProducesProblem(404).ProducesProblem(409).ProducesProblem(422).ProducesProblem(429).ProducesProblem(503);
        api.MapPost("/holds/{id}/capture", CaptureAsync).WithName("CaptureHold").WithSummary("Charge a hold with its true price, whole or (final: false) in parts; what is left goes back.")
            .RequireScope(Scope.Gate).Accepts<CaptureBodySchema>("application/json").Produces<ChargeAnswer>()
            .ProducesProblem(400).ProducesProblem(402).ProducesProblem(403).ProducesProblem(404).ProducesProblem(409).ProducesProblem(422).ProducesProblem(429).ProducesProblem(503);
        api.MapPost("/holds/{id}/extend", ExtendAsync).WithName("ExtendHold").WithSummary("Give an open hold more time from now on, and with an amount more value.")
            .RequireScope(Scope.Gate).Accepts<ExtendBodySchema>("application/json").Produces<HoldAnswer>()
            .ProducesProblem(400).ProducesProblem(402).ProducesProblem(404).ProducesProblem(409).ProducesProblem(429).ProducesProblem(503);
        api.MapPost("/holds/{id}/release", ReleaseAsync).WithName("ReleaseHold").WithSummary("Give up a hold: what it has reserved is free again.")
            .RequireScope(Scope.Gate).Produces<HoldAnswer>().ProducesProblem(404).ProducesProblem(409).ProducesProblem(503);
    }

    private static async Task<IResult> OpenAsync(HttpContext context, [FromServices] Holds holds, [FromServices] Refusals refusals, [FromServices] GatingMetrics metrics)
    {
        var (request, malformed) = await RequestBody.ReadAsync<HoldRequest>(context, ChargeBody.ReadHold);
        if ((malformed ?? KeyHeader.Read(context, out _)) is { } refused)
        {
            return refused.ToProblem();
        }

        KeyHeader.Read(context, out var key);
        var outcome = await holds.OpenAsync(context.Caller(), request!, key);
        if (outcome.Refusal is { } refusal)
        {
            refusals.Note(outcome.Account, request!.Charge, refusal);
            return refusal.WithTopUp(context).ToProblem();
        }

        metrics.Held("opened", outcome);
        MarkReplay(context, outcome.Replayed);
        return TypedResults.Created($"/api/v1/holds/{outcome.Hold!.ShownId}", HoldAnswer.Of(outcome.Hold, outcome.State!, request!.Charge.Account));
    }

    private static async Task<IResult> CaptureAsync(HttpContext context, string id, [FromServices] Holds holds, [FromServices] HoldReads reads, [FromServices] AccountDirectory accounts,
        [FromServices] AccountNames names, [FromServices] Refusals refusals, [FromServices] GatingMetrics metrics)
    {
        var (request, malformed) = await RequestBody.ReadAsync<CaptureRequest>(context, ChargeBody.ReadCapture);
        if ((malformed ?? KeyHeader.Read(context, out _)) is { } refused)
        {
            return refused.ToProblem();
        }

        KeyHeader.Read(context, out var key);
        if (await FindAsync(context, id, reads) is not { } hold)
        {
            return HoldRefusals.Unknown.ToProblem();
        }

        if (request!.Sent.Account.Length > 0 && await accounts.FindAsync(context.Caller(), request.Sent.Account, context.RequestAborted) != hold.AccountId)
        {
            return Refusal.Invalid("account", "The hold is another account's. Nothing was captured.").ToProblem();
        }

        var outcome = await holds.CaptureAsync(hold, request, key);
        if (outcome.Refusal is { } refusal)
        {
            refusals.Note(hold.AccountId, request.For(hold), refusal);
            return refusal.WithTopUp(context).ToProblem();
        }

        var taken = outcome.Taken!;
        metrics.Charged(taken);
        MarkReplay(context, taken.Replayed);
        return TypedResults.Ok(ChargeAnswer.Of(taken.Charge, taken.Receipt, await names.OfAsync(hold.AccountId, context.RequestAborted)));
    }

    private static async Task<IResult> ExtendAsync(HttpContext context, string id, [FromServices] Holds holds, [FromServices] HoldReads reads, [FromServices] AccountNames names, [FromServices] GatingMetrics metrics)
    {
        var (body, malformed) = await RequestBody.ReadAsync<ExtendBody>(context, HoldBodies.ReadExtend);
        if ((malformed ?? KeyHeader.Read(context, out _)) is { } refused)
        {
            return refused.ToProblem();
        }

        KeyHeader.Read(context, out var key);
        return await FindAsync(context, id, reads) is { } hold
            ? await AnswerAsync(context, "extended", await holds.ExtendAsync(hold, body!.ExpiresIn, body.Amount, key), names, metrics)
            : HoldRefusals.Unknown.ToProblem();
    }

    private static async Task<IResult> ReleaseAsync(HttpContext context, string id, [FromServices] Holds holds, [FromServices] HoldReads reads, [FromServices] AccountNames names, [FromServices] GatingMetrics metrics)
    {
        if (KeyHeader.Read(context, out var key) is { } noKey)
        {
            return noKey.ToProblem();
        }

        return await FindAsync(context, id, reads) is { } hold
            ? await AnswerAsync(context, "released", await holds.ReleaseAsync(hold, key), names, metrics)
            : HoldRefusals.Unknown.ToProblem();
    }

    /// <summary>The same for a hold that is not there and for one of another's account.</summary>
    private static async Task<Hold?> FindAsync(HttpContext context, string id, HoldReads reads) =>
        HoldId.TryParse(id, out var hold) && context.Caller().MayReach(hold.Account) ? await reads.ReadAsync(hold, context.RequestAborted) : null;

    private static async Task<IResult> AnswerAsync(HttpContext context, string what, HoldOutcome outcome, AccountNames names, GatingMetrics metrics)
    {
        if (outcome.Refusal is { } refusal)
        {
            return refusal.WithTopUp(context).ToProblem();
        }

        metrics.Held(what, outcome);
        MarkReplay(context, outcome.Replayed);
        return TypedResults.Ok(HoldAnswer.Of(outcome.Hold!, outcome.State!, await names.OfAsync(outcome.Hold!.AccountId, context.RequestAborted)));
    }

    private static void MarkReplay(HttpContext context, bool isReplay)
    {
        if (isReplay)
        {
            context.Response.Headers[KeyHeader.Replayed] = "true";
        }
    }
}
