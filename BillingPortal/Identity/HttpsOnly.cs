using BillingPortal.Observability;
using BillingPortal.Primitives;

namespace BillingPortal.Identity;

/// <summary>In Production people are led to HTTPS, and programs are refused: their key has crossed the wire in the clear, which must not go unnoticed. Health checks come from inside.</summary>
internal sealed class HttpsOnly(RequestDelegate next, IHostEnvironment environment, IConfiguration configuration)
{
    private readonly bool isWanted = configuration.GetValue("Portal:RequireHttps", environment.IsProduction());

    public Task InvokeAsync(HttpContext context)
    {
        var request = context.Request;
        if (!isWanted || request.IsHttps || request.Path.StartsWithSegments("/health"))
        {
            return next(context);
        }

        if (HttpMethods.IsGet(request.Method) && !request.Path.StartsWithSegments("/api"))
        {
            context.Response.StatusCode = StatusCodes.Status308PermanentRedirect;
            context.Response.Headers.Location = $"https://{request.Host.Host}{request.PathBase}{request.Path.ToUriComponent()}{request.QueryString}";
            return Task.CompletedTask;
        }

        return context.WriteProblemAsync(new Refusal(ErrorCode.InvalidRequest, "Only HTTPS is answered here. Nothing was done. A key that was sent over plain HTTP should be rotated."));
    }
}
