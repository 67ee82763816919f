using BillingPortal.Access;
using BillingPortal.Observability;
using BillingPortal.Primitives;
using Microsoft.AspNetCore.Http.HttpResults;

namespace BillingPortal.Analytics;

internal sealed record ReserveLines(IReadOnlyList<ReserveLine> Data);

internal static class AnalyticsEndpoints
{
    private const int UsualDays = 30;
    private const int MostDays = 366;

    public static RouteGroupBuilder MapAnalyticsEndpoints(this RouteGroupBuilder api)
    {
        var admin = api.MapGroup("/admin").WithTags("Admin").RequireScope(Scope.Admin);
        admin.MapGet("/reserve-summary", ReserveAsync).WithName("GetReserveSummary").WithSummary("What all accounts hold and owe, by credit and currency");
        admin.MapGet("/analytics/overview", OverviewAsync).WithName("GetAnalyticsOverview").WithSummary("Accounts, subscriptions, revenue, use and refusals of the last days");
        return api;
    }

    private static async Task<Ok<ReserveLines>> ReserveAsync(ReserveSummary reserve, CancellationToken ct) => TypedResults.Ok(new ReserveLines(await reserve.ReadAsync(ct)));

    private static async Task<Results<Ok<Overview>, ProblemHttpResult>> OverviewAsync(BusinessOverview overview, CancellationToken ct, int days = UsualDays) =>
        days is < 1 or > MostDays ? Refusal.Invalid("days", $"Must be 1 to {MostDays}.").ToProblem() : TypedResults.Ok(await overview.ReadAsync(days, ct));
}
