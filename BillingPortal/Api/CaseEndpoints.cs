using BillingPortal.Access;
using BillingPortal.Charging;
using BillingPortal.Gating;
using BillingPortal.Observability;
using BillingPortal.Primitives;
using BillingPortal.Purchases;
using Microsoft.AspNetCore.Http.HttpResults;

namespace BillingPortal.Api;

/// <param name="Reason">The customer's own words, 1 to 1,000 characters.</param>
internal sealed record CaseBody(string? Reason = null);

/// <param name="Accept">True: the charge is given back.</param>
/// <param name="Answer">For the customer, 1 to 1,000 characters.</param>
internal sealed record DecisionBody(bool? Accept = null, string? Answer = null);

internal sealed record CaseView(string Id, string Charge, string Account, ChargeCaseStatus Status, string Reason, DateTimeOffset OpenedAt, string? Answer, DateTimeOffset? DecidedAt)
{
    public static CaseView Of(ChargeCase c) => new(c.ShownId, c.ChargeId.ToString(), c.AccountId.ToString(), c.Status, c.Reason, c.OpenedAt, c.Answer, c.DecidedAt);
}

internal sealed record DisputeView(
    string Id, string Account, string Payment, Amount Amount, Unit Currency, string Reason, string Status, DateTimeOffset? EvidenceDueBy, DateTimeOffset OpenedAt, DateTimeOffset? ClosedAt, Amount DrawnBack)
{
    public static DisputeView Of(Dispute d) =>
        new(d.Id, d.AccountId.ToString(), d.PaymentId, d.Amount, d.Currency, d.Reason, d.Status, d.EvidenceDueBy, d.OpenedAt, d.ClosedAt, d.DrawnBack + d.BonusDrawnBack);
}

/// <summary>What customers object to: a charge (a case for staff), or a payment at their bank (a dispute).</summary>
internal static class CaseEndpoints
{
    private const int Most = 200;

    public static RouteGroupBuilder MapCases(this RouteGroupBuilder api)
    {
        api.MapPost("/charges/{id}/dispute", OpenAsync).WithName("DisputeCharge").WithSummary("Object to a charge: opens a case for staff, one for each charge").WithTags("Charges").RequireScope(Scope.Gate, Scope.Accounts);
        api.MapGet("/admin/cases", ListAsync).WithName("ListCases").WithSummary("Charges that customers object to; open ones unless status=all").WithTags("Admin").RequireScope(Scope.Admin);
        api.MapPost("/admin/cases/{id}/decision", DecideAsync).WithName("DecideCase").WithSummary("Accept a case, which gives the charge back, or reject it").WithTags("Admin").RequireScope(Scope.Admin);
        api.MapGet("/admin/disputes", DisputesAsync).WithName("ListDisputes").WithSummary("Payments disputed at the customer's bank; open ones unless status=all").WithTags("Admin").RequireScope(Scope.Admin);
        return api;
    }

    private static async Task<Results<Created<CaseView>, ProblemHttpResult>> OpenAsync(string id, CaseBody? body, HttpContext context, ChargeCases cases, ChargeReads charges, CancellationToken ct)
    {
        if (!ChargeId.TryParse(id, out var charge) || !context.Caller().MayReach(charge.Account) || !await charges.ExistsAsync(charge, ct))
        {
            return ChargeReadings.Unknown.ToProblem();
        }

        var (opened, refusal) = await cases.OpenAsync(charge, body?.Reason ?? "", context.Caller().Actor, ct);
        return opened is null ? refusal!.ToProblem() : TypedResults.Created($"/api/v1/charges/{id}", CaseView.Of(opened));
    }

    private static async Task<Results<Ok<ListAnswer<CaseView>>, ProblemHttpResult>> ListAsync(string? status, ChargeCases cases, CancellationToken ct) =>
        status is not (null or "open" or "all")
            ? Refusal.Invalid("status", "status is open or all.").ToProblem()
            : TypedResults.Ok(new ListAnswer<CaseView>([.. (await cases.ListAsync(status != "all", Most, ct)).Select(CaseView.Of)], null));

    private static async Task<Results<Ok<CaseView>, ProblemHttpResult>> DecideAsync(string id, DecisionBody body, HttpContext context, ChargeCases cases, CancellationToken ct)
    {
        if (body.Accept is not { } accept)
        {
            return Refusal.Invalid("accept", "Say whether the case is accepted. Nothing was decided.").ToProblem();
        }

        if (!ShownId.TryParse(ChargeCase.Prefix, id, out Guid which))
        {
            return new Refusal(ErrorCode.NotFound, "There is no such case. Nothing was decided.").ToProblem();
        }

        var (decided, refusal) = await cases.DecideAsync(which, accept, body.Answer ?? "", context.Caller().Actor, ct);
        return decided is null ? refusal!.ToProblem() : TypedResults.Ok(CaseView.Of(decided));
    }

    private static async Task<Results<Ok<ListAnswer<DisputeView>>, ProblemHttpResult>> DisputesAsync(string? status, Disputes disputes, CancellationToken ct) =>
        status is not (null or "open" or "all")
            ? Refusal.Invalid("status", "status is open or all.").ToProblem()
            : TypedResults.Ok(new ListAnswer<DisputeView>([.. (await disputes.ListAsync(status != "all", Most, ct)).Select(DisputeView.Of)], null));
}
