using BillingPortal.Access;
using BillingPortal.Accounts;
using BillingPortal.Observability;
using BillingPortal.Primitives;
using Microsoft.AspNetCore.Http.HttpResults;

namespace BillingPortal.Identity.Tokens;

/// <param name="Scopes">Of read and checkout; absent: read.</param>
/// <param name="ExpiresIn">Seconds, 1–86,400; absent: 900.</param>
internal sealed record AccountTokenRequest(IReadOnlyList<string?>? Scopes, int? ExpiresIn);

internal sealed record AccountTokenMade(string Token, DateTimeOffset ExpiresAt, IReadOnlyList<string> Scopes);

internal static class AccountTokenEndpoints
{
    public static RouteGroupBuilder MapAccountTokens(this RouteGroupBuilder api)
    {
        api.MapPost("/accounts/{account}/tokens", Issue).WithName("CreateAccountToken").WithTags("Accounts")
            .WithSummary("A short-lived bearer token for this one account, for the product's front end").RequireScope(Scope.Accounts).ForKnownAccount();
        return api;
    }

    private static Results<Created<AccountTokenMade>, ProblemHttpResult> Issue(
        string account, AccountTokenRequest? request, HttpContext context, AccountTokens tokens, TimeProvider time)
    {
        var (caller, id) = (context.Caller(), context.KnownAccount());
        List<Scope> scopes = [];
        foreach (var name in request?.Scopes ?? [ScopeSet.NameOf(Scope.Read)])
        {
            if (!ScopeSet.TryParse(name, out var scope) || !AccountTokens.Allowed.Contains(scope))
            {
                return Refusal.Invalid("scopes", "An account token may hold read and checkout.").ToProblem();
            }

            scopes.Add(scope);
        }

        var lives = TimeSpan.FromSeconds(request?.ExpiresIn ?? AccountTokens.Usual.TotalSeconds);
        if (scopes.Count == 0 || lives <= TimeSpan.Zero || lives > AccountTokens.Longest)
        {
            return Refusal.Invalid(scopes.Count == 0 ? "scopes" : "expires_in", "Name at least one scope, and 1 to 86,400 seconds.").ToProblem();
        }

        var expiresAt = time.Now() + lives;
        var held = ScopeSet.Of(scopes);
        return TypedResults.Created((string?)null, new AccountTokenMade(tokens.Issue(id, caller.CredentialId!.Value, held, expiresAt), expiresAt, [.. held.Named().Select(ScopeSet.NameOf)]));
    }
}
