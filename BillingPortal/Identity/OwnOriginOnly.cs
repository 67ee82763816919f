using BillingPortal.Observability;
using BillingPortal.Primitives;

namespace BillingPortal.Identity;

/// <summary>
/// Refuses form posts and web sockets that another site's page starts. Antiforgery covers forms that carry a token; this covers everything that a cookie could open.
/// The API and Stripe's webhook bring credentials of their own and are not concerned.
/// </summary>
internal sealed class OwnOriginOnly(RequestDelegate next)
{
    public Task InvokeAsync(HttpContext context)
    {
        var request = context.Request;
        var changes = !(HttpMethods.IsGet(request.Method) || HttpMethods.IsHead(request.Method) || HttpMethods.IsOptions(request.Method));
        var socket = context.WebSockets.IsWebSocketRequest || request.Headers.Upgrade.Count > 0 || request.Path.StartsWithSegments("/_blazor");
        if (!(changes || socket) || request.Path.StartsWithSegments("/api") || request.Path.StartsWithSegments("/webhooks") || IsOwn(request))
        {
            return next(context);
        }

        return context.WriteProblemAsync(new Refusal(ErrorCode.ForbiddenScope, "This request comes from a page of another site. Nothing was done."));
    }

    private static bool IsOwn(HttpRequest request)
    {
        if (request.Headers["Sec-Fetch-Site"].ToString() is "cross-site" or "same-site")
        {
            return false;
        }

        var origin = request.Headers.Origin.ToString();
        // Programs send no Origin; browsers send one with every form post and every socket.
        return origin.Length == 0 || string.Equals(origin, $"{request.Scheme}://{request.Host}", StringComparison.OrdinalIgnoreCase);
    }
}
