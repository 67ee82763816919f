using BillingPortal.Access;
using BillingPortal.Accounts;
using BillingPortal.Observability;
using BillingPortal.Primitives;
using Microsoft.AspNetCore.Http.HttpResults;

namespace BillingPortal.Identity.ApiKeys;

/// <summary>A key as lists show it; <see cref="Key"/> is the part that is not secret.</summary>
internal sealed record ApiKeyShown(string Id, string Name, string Key, IReadOnlyList<string> Scopes, IReadOnlyList<string>? Accounts, DateTimeOffset CreatedAt, string CreatedBy, DateTimeOffset? LastUsedAt, DateTimeOffset? ExpiresAt, DateTimeOffset? RevokedAt)
{
    public static ApiKeyShown Of(ApiKey key) => new(
        key.ShownId, key.Name, key.Hint, key.Scopes, key.BoundAccounts?.Select(id => new AccountId(id).ToString()).ToList(),
        key.CreatedAt, key.CreatedBy, key.LastUsedAt, key.ExpiresAt, key.RevokedAt);
}

/// <summary>A key just made. <see cref="Secret"/> is shown this once.</summary>
internal sealed record ApiKeyMade(string Id, string Name, string Secret, IReadOnlyList<string> Scopes, IReadOnlyList<string>? Accounts, DateTimeOffset CreatedAt)
{
    public static ApiKeyMade Of(NewApiKey made)
    {
        var shown = ApiKeyShown.Of(made.Key);
        return new(shown.Id, shown.Name, made.Secret, shown.Scopes, shown.Accounts, shown.CreatedAt);
    }
}

internal sealed record ApiKeyList(IReadOnlyList<ApiKeyShown> Data, string? NextCursor = null);

/// <param name="Name">For people, 1–100 characters.</param>
/// <param name="Scopes">At least one of gate, usage, accounts, read, admin, checkout.</param>
/// <param name="Accounts">The only accounts it may reach, by external or shown id; absent: all.</param>
/// <param name="Mode"><c>live</c> or <c>test</c>; absent: test while no live Stripe key is configured.</param>
internal sealed record ApiKeyRequest(string? Name, IReadOnlyList<string?>? Scopes, IReadOnlyList<string?>? Accounts, string? Mode);

/// <param name="OverlapSeconds">How long the old key lives on, 0 (default) to 604,800.</param>
internal sealed record RotationRequest(int? OverlapSeconds);

internal static class ApiKeyEndpoints
{
    private const int MostBoundAccounts = 100;

    public static RouteGroupBuilder MapApiKeys(this RouteGroupBuilder api)
    {
        var keys = api.MapGroup("/admin/api-keys").WithTags("Admin").RequireScope(Scope.Admin);
        keys.MapGet("", ListAsync).WithName("ListApiKeys").WithSummary("API keys, without their secrets");
        keys.MapPost("", MakeAsync).WithName("CreateApiKey").WithSummary("Makes a key; its secret is shown this once");
        keys.MapPost("/{id}/rotate", RotateAsync).WithName("RotateApiKey").WithSummary("A new secret with the old terms; the old key dies at once or after an overlap");
        keys.MapDelete("/{id}", RevokeAsync).WithName("RevokeApiKey").WithSummary("Revokes a key; dead on every instance within a second");
        return api;
    }

    private static async Task<Ok<ApiKeyList>> ListAsync(ApiKeys keys, CancellationToken ct, bool revoked = false) =>
        TypedResults.Ok(new ApiKeyList([.. (await keys.ListAsync(revoked, ct)).Select(ApiKeyShown.Of)]));

    private static async Task<Results<Created<ApiKeyMade>, ProblemHttpResult>> MakeAsync(ApiKeyRequest request, HttpContext context, ApiKeys keys, ApiKeyRing ring, AccountDirectory accounts, CancellationToken ct)
    {
        var caller = context.Caller();
        List<AccountId>? bound = null;
        if (request.Accounts is { } named)
        {
            if (named.Count is 0 or > MostBoundAccounts)
            {
                return Refusal.Invalid("accounts", $"Name 1 to {MostBoundAccounts} accounts, or leave the field out for all.").ToProblem();
            }

            bound = [];
            foreach (var account in named)
            {
                if (await accounts.FindAsync(caller, account, ct) is not { } id)
                {
                    return AccountDirectory.Unknown.ToProblem();
                }

                bound.Add(id);
            }
        }

        var (terms, refusal) = Read(request, bound, ring);
        if (refusal is not null)
        {
            return refusal.ToProblem();
        }

        var made = await keys.MakeAsync(caller.Actor, terms!, ct);
        return TypedResults.Created($"/api/v1/admin/api-keys/{made.Key.ShownId}", ApiKeyMade.Of(made));
    }

    /// <summary>What a request asks for, checked: the one rule behind API and page.</summary>
    internal static (ApiKeyTerms? Terms, Refusal? Refusal) Read(ApiKeyRequest request, IReadOnlyList<AccountId>? bound, ApiKeyRing ring)
    {
        if (request.Name?.Trim() is not { Length: >= 1 and <= ApiKeys.LongestName } name || !ExternalId.IsValid(name))
        {
            return (null, Refusal.Invalid("name", $"Give the key a name of 1 to {ApiKeys.LongestName} characters."));
        }

        List<Scope> scopes = [];
        foreach (var text in request.Scopes ?? [])
        {
            if (!ScopeSet.TryParse(text, out var scope))
            {
                return (null, Refusal.Invalid("scopes", "Scopes are gate, usage, accounts, read, admin and checkout."));
            }

            scopes.Add(scope);
        }

        if (scopes.Count == 0)
        {
            return (null, Refusal.Invalid("scopes", "Name at least one scope."));
        }

        if (bound is not null && scopes.Contains(Scope.Admin))
        {
            return (null, Refusal.Invalid("scopes", "A key with the scope admin reaches everything; it cannot be bound to accounts."));
        }

        return request.Mode switch
        {
            null => (new(name, ring.HasLiveStripe, [.. scopes.Distinct()], bound), null),
            "live" or "test" => (new(name, request.Mode == "live", [.. scopes.Distinct()], bound), null),
            _ => (null, Refusal.Invalid("mode", "The mode is live or test.")),
        };
    }

    private static async Task<Results<Created<ApiKeyMade>, ProblemHttpResult>> RotateAsync(string id, RotationRequest? request, HttpContext context, ApiKeys keys, CancellationToken ct)
    {
        var overlap = TimeSpan.FromSeconds(request?.OverlapSeconds ?? 0);
        if (overlap < TimeSpan.Zero || overlap > ApiKeys.LongestOverlap)
        {
            return Refusal.Invalid("overlap_seconds", "The overlap is 0 to 604,800 seconds.").ToProblem();
        }

        return ShownId.TryParse(ApiKey.IdPrefix, id, out var key) && await keys.RotateAsync(context.Caller().Actor, key, overlap, ct) is { } made
            ? TypedResults.Created($"/api/v1/admin/api-keys/{made.Key.ShownId}", ApiKeyMade.Of(made))
            : Unknown.ToProblem();
    }

    private static async Task<Results<NoContent, ProblemHttpResult>> RevokeAsync(string id, HttpContext context, ApiKeys keys, CancellationToken ct) =>
        ShownId.TryParse(ApiKey.IdPrefix, id, out var key) && await keys.RevokeAsync(context.Caller().Actor, key, ct)
            ? TypedResults.NoContent()
            : Unknown.ToProblem();

    private static readonly Refusal Unknown = new(ErrorCode.NotFound, "There is no such key, or it was revoked before. Nothing was done.");
}
