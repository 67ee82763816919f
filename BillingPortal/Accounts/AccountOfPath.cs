using BillingPortal.Access;
using BillingPortal.Observability;
using BillingPortal.Primitives;

namespace BillingPortal.Accounts;

/// <summary>The account that a path names, found before the handler runs.</summary>
internal static class AccountOfPath
{
    /// <summary>404 where <c>{account}</c> is nobody, or nobody that the caller may reach; else the handler asks <see cref="KnownAccount(HttpContext)"/>.</summary>
    public static RouteHandlerBuilder ForKnownAccount(this RouteHandlerBuilder endpoint) => endpoint.AddEndpointFilter(async (invocation, next) =>
    {
        var context = invocation.HttpContext;
        var accounts = context.RequestServices.GetRequiredService<AccountDirectory>();
        if (await accounts.FindAsync(context.Caller(), context.GetRouteValue("account") as string, context.RequestAborted) is not { } id)
        {
            return AccountDirectory.Unknown.ToProblem();
        }

        context.Items[typeof(AccountOfPath)] = id;
        return await next(invocation);
    });

    public static AccountId KnownAccount(this HttpContext context) => (AccountId)context.Items[typeof(AccountOfPath)]!;
}
