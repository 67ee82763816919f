using BillingPortal.Access;
using BillingPortal.Observability;
using BillingPortal.Primitives;
using Microsoft.AspNetCore.Http.HttpResults;

namespace BillingPortal.Analytics;

internal sealed record UsageCostList(DateTimeOffset From, DateTimeOffset To, IReadOnlyList<UsageCost> Data);

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
        admin.MapGet("/usage-costs", CostsAsync).WithName("GetUsageCosts")
            .WithSummary("What use cost us, what was charged for it and the margin; group_by: model, provider, action, account, day, several with commas; from and to, by default the last 30 days");
        return api;
    }

    private static async Task<Results<Ok<UsageCostList>, ProblemHttpResult>> CostsAsync(UsageCosts costs, TimeProvider time, CancellationToken ct, string group_by = "model", string? from = null, string? to = null)
    {
        var groups = new HashSet<CostGrouping>();
        foreach (var name in group_by.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
        {
            if (!Enum.TryParse<CostGrouping>(name, ignoreCase: true, out var grouping) || !Enum.IsDefined(grouping) || char.IsAsciiDigit(name[0]))
            {
                return Refusal.Invalid("group_by", "Must name some of model, provider, action, account and day, with commas between.").ToProblem();
            }

            groups.Add(grouping);
        }

        if (Timestamps.ReadEnds(from, to, out var start, out var end) is { } unreadable)
        {
            return unreadable.ToProblem();
        }

        var last = end ?? time.Now().AddHours(1);
        var first = start ?? last.AddDays(-UsualDays);
        return last <= first || last - first > TimeSpan.FromDays(MostDays)
            ? Refusal.Invalid("to", $"Must be after from, by at most {MostDays} days.").ToProblem()
            : TypedResults.Ok(new UsageCostList(first, last, await costs.ReadAsync(groups, first, last, ct)));
    }

    private static async Task<Ok<ReserveLines>> ReserveAsync(ReserveSummary reserve, CancellationToken ct) => TypedResults.Ok(new ReserveLines(await reserve.ReadAsync(ct)));

    private static async Task<Results<Ok<Overview>, ProblemHttpResult>> OverviewAsync(BusinessOverview overview, CancellationToken ct, int days = UsualDays) =>
        days is < 1 or > MostDays ? Refusal.Invalid("days", $"Must be 1 to {MostDays}.").ToProblem() : TypedResults.Ok(await overview.ReadAsync(days, ct));
}
