using BillingPortal.Access;
using BillingPortal.Observability;
using Microsoft.AspNetCore.Http.HttpResults;

namespace BillingPortal.Payments.Sync;

internal static class SyncEndpoint
{
    public static RouteGroupBuilder MapSync(this RouteGroupBuilder api)
    {
        api.MapPost("/admin/payment-providers/stripe/sync", RunAsync).WithName("SyncStripe")
            .WithSummary("Bring Stripe to what the catalog sells: products, prices, meters, portal, webhook endpoint; dry_run=true only says what would be done")
            .WithTags("Admin").RequireScope(Scope.Admin);
        return api;
    }

    private static async Task<Results<Ok<SyncReport>, ProblemHttpResult>> RunAsync(HttpContext http, StripeSync sync, CancellationToken ct, [Microsoft.AspNetCore.Mvc.FromQuery(Name = "dry_run")] bool dryRun = false) =>
        (await sync.RunAsync(http.Caller().Actor, dryRun, ct)).Match<Results<Ok<SyncReport>, ProblemHttpResult>>(report => TypedResults.Ok(report), refusal => refusal.ToProblem());
}
