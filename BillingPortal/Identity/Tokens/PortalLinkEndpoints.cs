using BillingPortal.Access;
using BillingPortal.Accounts;
using BillingPortal.Observability;
using BillingPortal.Primitives;
using Microsoft.AspNetCore.Http.HttpResults;

namespace BillingPortal.Identity.Tokens;

/// <param name="ReturnUrl">Where "back" leads, on an origin of <c>Portal:ReturnOrigins</c>.</param>
/// <param name="Page">Path under <c>/portal</c> to land on.</param>
internal sealed record PortalSessionRequest(string? ReturnUrl, string? Page);

internal sealed record PortalSessionMade(string Url, DateTimeOffset ExpiresAt);

internal static class PortalLinkEndpoints
{
    public static RouteGroupBuilder MapPortalLinks(this RouteGroupBuilder api)
    {
        api.MapPost("/accounts/{account}/portal-sessions", MakeAsync).WithName("CreatePortalSession").WithTags("Accounts")
            .WithSummary("A one-time link: whoever opens it within five minutes is signed in as this account").RequireScope(Scope.Accounts).ForKnownAccount();
        return api;
    }

    private static async Task<Results<Created<PortalSessionMade>, ProblemHttpResult>> MakeAsync(
        string account, PortalSessionRequest? request, HttpContext context, PortalLinks links, ReturnUrls returnUrls, CancellationToken ct)
    {
        var (caller, id) = (context.Caller(), context.KnownAccount());
        if (request?.Page is { } page && !PortalLinks.MayLandOn(page))
        {
            return Refusal.Invalid("page", "The page is a path under /portal.").ToProblem();
        }

        if (request?.ReturnUrl is { } url && !returnUrls.MayGoTo(url, context.Request))
        {
            return Refusal.Invalid("return_url", "The return URL is not on an allowed origin (Portal:ReturnOrigins).").ToProblem();
        }

        var (path, expiresAt) = await links.MakeAsync(id, caller.Actor, request?.Page, request?.ReturnUrl, ct);
        return TypedResults.Created((string?)null, new PortalSessionMade(returnUrls.Own(context.Request) + path, expiresAt));
    }
}
