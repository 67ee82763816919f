using BillingPortal.Primitives;

namespace BillingPortal.Gating;

/// <summary>
/// Envoy's <c>ext_authz</c> asks with the method and path of the request that it holds back, behind the path it was given, and takes any 200 for a yes. So whoever says
/// <c>X-Billing-Gateway: envoy</c> asks <c>/gateway/authorize</c> and nothing else: no path that a client makes up is answered as something it may read.
/// </summary>
internal static class EnvoyQuestions
{
    /// <summary>Where Envoy puts the idempotency key: the client's own header of that name is the product's.</summary>
    private const string Key = "X-Billing-Key";

    public static void Use(IApplicationBuilder app) => app.Use((context, next) =>
    {
        if (context.Request.Headers["X-Billing-Gateway"] == "envoy")
        {
            context.Request.Method = HttpMethods.Get;
            context.Request.Path = "/api/v1/gateway/authorize";
            context.Request.Headers[IdempotencyKey.Header] = context.Request.Headers[Key];
        }

        return next(context);
    });
}
