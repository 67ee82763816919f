using BillingPortal.Access;
using BillingPortal.Accounts;
using BillingPortal.Catalog;
using BillingPortal.Observability;
using BillingPortal.Primitives;
using Microsoft.AspNetCore.Http.HttpResults;

namespace BillingPortal.Subscriptions;

/// <summary>Plan, prices, allowances and features of one customer alone.</summary>
internal static class OverrideEndpoints
{
    private const string Path = "/accounts/{account}/overrides";

    public static RouteGroupBuilder MapOverrides(this RouteGroupBuilder api)
    {
        api.MapGet(Path, GetAsync).WithName("GetOverrides").WithSummary("What this customer alone has otherwise than the plan").WithTags("Accounts")
            .RequireScope(Scope.Admin).Produces<PlanOverrides>().ProducesProblem(404);
        api.MapPut(Path, PutAsync).WithName("SetOverrides").WithSummary("Sets plan, prices, allowances and features of this customer alone; {} takes them away").WithTags("Accounts")
            .RequireScope(Scope.Admin).Accepts<PlanOverrides>("application/json").Produces<PlanOverrides>().ProducesProblem(400).ProducesProblem(404).ProducesProblem(409);
        return api;
    }

    private static async Task<Results<ContentHttpResult, ProblemHttpResult>> GetAsync(string account, HttpContext context, AccountDirectory directory, AccountOverrides overrides, CancellationToken ct) =>
        await directory.FindAsync(context.Caller(), account, ct) is { } id ? Show(await overrides.ReadAsync(id, ct)) : AccountDirectory.Unknown.ToProblem();

    private static async Task<Results<ContentHttpResult, ProblemHttpResult>> PutAsync(string account, HttpContext context, AccountDirectory directory, AccountOverrides overrides, CancellationToken ct)
    {
        if (!context.Request.HasJsonContentType())
        {
            return new Refusal(ErrorCode.UnsupportedMediaType, "Send the overrides as application/json. Nothing was changed.").ToProblem();
        }

        string? key = null;
        if (context.Request.Headers.TryGetValue(IdempotencyKey.Header, out var header))
        {
            if (!IdempotencyKey.TryParse(header, out var parsed))
            {
                return Refusal.Invalid(IdempotencyKey.Header, "Must be 1 to 255 visible ASCII characters without spaces. Nothing was changed.").ToProblem();
            }

            key = parsed.Value;
        }

        if (await directory.FindAsync(context.Caller(), account, ct) is not { } id)
        {
            return AccountDirectory.Unknown.ToProblem();
        }

        using var body = new MemoryStream();
        await context.Request.Body.CopyToAsync(body, ct);
        var (standing, refusal) = await overrides.ChangeAsync(context.Caller().Actor, id, body.ToArray(), key, ct);
        return standing is null ? refusal!.ToProblem() : Show(standing);
    }

    // As the file format writes it: without what is as the plan says.
    private static ContentHttpResult Show(PlanOverrides overrides) => TypedResults.Text(overrides.Write(), "application/json");
}
