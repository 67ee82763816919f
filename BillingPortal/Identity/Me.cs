using BillingPortal.Access;
using BillingPortal.Primitives;
using Microsoft.AspNetCore.Http.HttpResults;

namespace BillingPortal.Identity;

/// <summary>Who a credential is.</summary>
internal sealed record MeShown(CallerKind Kind, string Actor, IReadOnlyList<string> Scopes, IReadOnlyList<string>? Accounts);

internal static class Me
{
    public static RouteGroupBuilder MapMe(this RouteGroupBuilder api)
    {
        api.MapGet("/me", (HttpContext context) => Show(context.Caller())).WithName("GetMe").WithTags("Credentials")
            .WithSummary("Any credential: who am I, and which scopes do I have?").RequireScope(Enum.GetValues<Scope>());
        return api;
    }

    private static Ok<MeShown> Show(Caller caller) => TypedResults.Ok(new MeShown(
        caller.Kind, caller.Actor, [.. caller.Scopes.Named().Select(ScopeSet.NameOf)], caller.Accounts?.Select(a => a.ToString()).ToList()));
}
