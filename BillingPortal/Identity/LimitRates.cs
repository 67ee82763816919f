using BillingPortal.Access;
using BillingPortal.Accounts;
using BillingPortal.Observability;
using BillingPortal.Primitives;

namespace BillingPortal.Identity;

/// <summary>429 <c>RATE_LIMITED</c> with <c>Retry-After</c> for who asks too often. An account in a body is counted where the body is read.</summary>
internal sealed class LimitRates(RequestDelegate next, RateLimits limits, AccountDirectory accounts)
{
    public async Task InvokeAsync(HttpContext context)
    {
        if (await RefusedForSecondsAsync(context) is { } seconds)
        {
            context.Response.Headers.RetryAfter = seconds;
            await context.WriteProblemAsync(new Refusal(ErrorCode.RateLimited, $"Too many requests. Nothing was done; try again in {seconds} seconds."));
            return;
        }

        await next(context);
    }

    private async ValueTask<string?> RefusedForSecondsAsync(HttpContext context)
    {
        var address = context.Connection.RemoteIpAddress;
        if (!context.Request.Path.StartsWithSegments("/api"))
        {
            return HttpMethods.IsPost(context.Request.Method) && IsGuessable(context.Request.Path) && !limits.AllowsSignIn(address) ? "60" : null;
        }

        var caller = context.Caller();
        if (caller.CredentialId is not { } credential)
        {
            return limits.AllowsAddress(address) ? null : "60";
        }

        if (!limits.AllowsKey(credential))
        {
            return "1";
        }

        var account = caller.Kind == CallerKind.AccountToken ? caller.Account
            : context.Request.RouteValues["account"] is string named ? await accounts.FindAsync(caller, named, context.RequestAborted) : null;
        return account is { } id && !limits.AllowsAccount(id) ? "1" : null;
    }

    private static bool IsGuessable(PathString path) =>
        path.StartsWithSegments("/signin") || path.StartsWithSegments("/register") || path.StartsWithSegments("/forgot") || path.StartsWithSegments("/reset");
}
