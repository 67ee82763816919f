using BillingPortal.Access;
using BillingPortal.Accounts;
using BillingPortal.Observability;
using BillingPortal.Primitives;
using Microsoft.AspNetCore.Http.HttpResults;

namespace BillingPortal.Usage;

internal static class UseTraceEndpoint
{
    private const int LongestName = 1_000;

    public static RouteGroupBuilder MapUseTrace(this RouteGroupBuilder api)
    {
        api.MapGet("/accounts/{account}/usage/trace", TraceAsync).WithTags("Usage").WithName("TraceUsage")
            .WithSummary("From an event (source and id) or a charge to its price, transfers, rollup, overage and invoice")
            .RequireScope(Scope.Read);
        return api;
    }

    private static async Task<Results<Ok<TracedUse>, ProblemHttpResult>> TraceAsync(string account, HttpContext context, AccountDirectory directory, UseTrace trace, CancellationToken ct,
        string? source = null, string? id = null, string? charge = null)
    {
        if (await directory.FindAsync(context.Caller(), account, ct) is not { } known)
        {
            return AccountDirectory.Unknown.ToProblem();
        }

        if (charge is null ? !PlainText.IsValid(source, LongestName) || !PlainText.IsValid(id, LongestName) : source is not null || id is not null)
        {
            return Refusal.Invalid("id", "Name source and id of an event, or a charge.").ToProblem();
        }

        var found = charge is null ? await trace.OfEventAsync(known, source!, id!, ct)
            : ChargeId.TryParse(charge, out var of) && of.Account == known ? await trace.OfChargeAsync(of, ct) : null;
        return found is null ? new Refusal(ErrorCode.NotFound, "The account has no such event or charge. Was it sent under another source, or longer ago than events are kept?").ToProblem() : TypedResults.Ok(found);
    }
}
