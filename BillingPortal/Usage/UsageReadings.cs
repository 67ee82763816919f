using BillingPortal.Access;
using BillingPortal.Accounts;
using BillingPortal.Catalog;
using BillingPortal.Observability;
using BillingPortal.Primitives;
using Microsoft.AspNetCore.Http.HttpResults;

namespace BillingPortal.Usage;

/// <summary>What an account used.</summary>
internal static class UsageReadings
{
    private static readonly TimeSpan LongestByDay = TimeSpan.FromDays(800);
    private static readonly TimeSpan LongestByHour = TimeSpan.FromDays(62);

    public static RouteGroupBuilder MapUsageReadings(this RouteGroupBuilder api)
    {
        api.MapGet("/accounts/{account}/usage", UsageAsync).WithTags("Usage").WithName("GetUsage")
            .WithSummary("Use by meter, model and action, with the quota of the present period; from and to (default: this period), granularity hour or day, meter")
            .RequireScope(Scope.Read);
        return api;
    }

    private static async Task<Results<Ok<UsageSummary>, ProblemHttpResult>> UsageAsync(string account, HttpContext context, AccountDirectory directory, UsageReads reads, CatalogSnapshot catalog, CancellationToken ct,
        string? from = null, string? to = null, string? granularity = null, string? meter = null)
    {
        if (await directory.FindAsync(context.Caller(), account, ct) is not { } id)
        {
            return AccountDirectory.Unknown.ToProblem();
        }

        if (granularity is not (null or "hour" or "day"))
        {
            return Refusal.Invalid("granularity", "Must be hour or day.").ToProblem();
        }

        if (meter is not null && catalog.Current.FindMeter(meter) is null)
        {
            return new Refusal(ErrorCode.UnknownMeter, "The catalog has no such meter.").ToProblem();
        }

        if (Timestamps.ReadEnds(from, to, out var start, out var end) is { } unreadable)
        {
            return unreadable.ToProblem();
        }

        var longest = granularity == "hour" ? LongestByHour : LongestByDay;
        if (start is { } first && (end ?? first + longest) is var last && (last <= first || last - first > longest))
        {
            return Refusal.Invalid("to", $"Must be after from, by at most {longest.Days} days.").ToProblem();
        }

        return TypedResults.Ok(await reads.SummaryAsync(id, start, end, granularity == "hour", meter, ct));
    }
}
