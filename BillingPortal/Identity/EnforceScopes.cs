using BillingPortal.Access;
using BillingPortal.Accounts;
using BillingPortal.Data;
using BillingPortal.Identity.ApiKeys;
using BillingPortal.Identity.Tokens;
using BillingPortal.Observability;
using BillingPortal.Primitives;

namespace BillingPortal.Identity;

/// <summary>
/// Says who calls the API and refuses who may not, before a byte of the body is read: 401 without a valid credential, 403 without the scope,
/// 404 for an account in the path (or inside an id) that the credential is not bound to.
/// </summary>
internal sealed class EnforceScopes(RequestDelegate next, ApiKeyRing keys, AccountTokens tokens, AccountDirectory accounts, SnapshotVersion snapshot, RateLimits limits)
{
    private const string Scheme = "Bearer ";

    public Task InvokeAsync(HttpContext context) =>
        context.Request.Path.StartsWithSegments("/api", StringComparison.OrdinalIgnoreCase) ? EnforceAsync(context) : next(context);

    private async Task EnforceAsync(HttpContext context)
    {
        var required = context.GetEndpoint()?.Metadata.GetMetadata<RequiredScopes>();
        if (required is not null && !snapshot.IsFresh)
        {
            // A revoked key must not live on because the database cannot be asked.
            await context.WriteProblemAsync(new Refusal(ErrorCode.DatabaseUnavailable, "The state of credentials is not known right now. Nothing was done; try again with the same key."));
            return;
        }

        var caller = await FindCallerAsync(context);
        context.SetCaller(caller);
        if (required is null)
        {
            await next(context);
        }
        else if (!caller.IsKnown)
        {
            if (!limits.AllowsAddress(context.Connection.RemoteIpAddress))
            {
                context.Response.Headers.RetryAfter = "60";
                await context.WriteProblemAsync(new Refusal(ErrorCode.RateLimited, "Too many requests without a valid key. Nothing was done; try again in 60 seconds."));
                return;
            }

            context.Response.Headers.WWWAuthenticate = "Bearer";
            await context.WriteProblemAsync(new Refusal(ErrorCode.Unauthenticated, "Send a valid key as 'Authorization: Bearer bp_live_…'. Nothing was done."));
        }
        else if (!caller.HasAny(required.AnyOf))
        {
            await context.WriteProblemAsync(new Refusal(ErrorCode.ForbiddenScope, $"This credential lacks the scope {string.Join(" or ", required.AnyOf.Select(ScopeSet.NameOf))}. Nothing was done."));
        }
        else if (caller.Accounts is not null && !await ReachesPathAsync(context, caller))
        {
            await context.WriteProblemAsync(AccountDirectory.Unknown);
        }
        else
        {
            await next(context);
        }
    }

    private async ValueTask<Caller> FindCallerAsync(HttpContext context)
    {
        var header = context.Request.Headers.Authorization;
        if (header.Count != 1 || header[0] is not { } text || !text.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase))
        {
            return Caller.Nobody;
        }

        var secret = text[Scheme.Length..];
        return (secret.StartsWith(AccountTokens.Prefix, StringComparison.Ordinal) ? tokens.Find(secret) : await keys.FindAsync(secret, context.RequestAborted)) ?? Caller.Nobody;
    }

    /// <summary>Ids in the path that name an account must name one of the caller's.</summary>
    private async ValueTask<bool> ReachesPathAsync(HttpContext context, Caller caller)
    {
        foreach (var (name, value) in context.Request.RouteValues)
        {
            var text = value as string;
            if (name == "account" && await accounts.FindAsync(caller, text, context.RequestAborted) is null)
            {
                return false;
            }

            if ((ChargeId.TryParse(text, out var charge) && !caller.MayReach(charge.Account)) || (HoldId.TryParse(text, out var hold) && !caller.MayReach(hold.Account)))
            {
                return false;
            }
        }

        return true;
    }
}
