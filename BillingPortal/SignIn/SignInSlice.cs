using BillingPortal.Identity.Tokens;
using BillingPortal.Identity.Users;
using Microsoft.AspNetCore.Antiforgery;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Identity;

namespace BillingPortal.SignIn;

/// <summary>The ways in and out that are no pages: signing out, and portal links. The pages beside it find their routes by themselves.</summary>
internal static class SignInSlice
{
    public static void MapSignIn(this WebApplication app)
    {
        var ways = app.MapGroup("").ExcludeFromDescription();
        ways.MapPost("/signout", SignOutAsync);
        // Signing out by a link would let any page sign people out.
        ways.MapGet("/signout", (HttpContext context) => TypedResults.LocalRedirect($"{context.Request.PathBase}/"));
        ways.MapGet(PortalLinks.Path + "{token}", OpenLinkAsync);
    }

    private static async Task<Results<RedirectHttpResult, BadRequest>> SignOutAsync(HttpContext context, IAntiforgery antiforgery, SignInManager<User> signIns)
    {
        if (!await antiforgery.IsRequestValidAsync(context))
        {
            return TypedResults.BadRequest();
        }

        await signIns.SignOutAsync();
        return TypedResults.LocalRedirect($"{context.Request.PathBase}/signin");
    }

    private static async Task<RedirectHttpResult> OpenLinkAsync(string token, HttpContext context, PortalLinks links, CancellationToken ct)
    {
        context.Response.Headers.CacheControl = "no-store";
        context.Response.Headers["Referrer-Policy"] = "no-referrer";
        var page = await links.OpenAsync(context, token, ct);
        return TypedResults.LocalRedirect(context.Request.PathBase + (page ?? "/signin?problem=link"));
    }
}
