using Microsoft.AspNetCore.Http.HttpResults;

namespace BillingPortal.Components;

/// <summary>The pages' frame: Blazor, static files, the theme switch, and the page for addresses that lead nowhere.</summary>
internal static class ComponentsSlice
{
    public static WebApplicationBuilder AddComponents(this WebApplicationBuilder builder)
    {
        builder.Services.AddRazorComponents().AddInteractiveServerComponents()
            // A circuit starts with the data of the first rendering, sent back by the browser: more than the default 32 KB for a page of fifty rows.
            .AddHubOptions(hub => hub.MaximumReceiveMessageSize = 512 * 1024);
        builder.Services.AddScoped<AccountParts.AccountReader>();
        builder.Services.AddScoped<AccountParts.AccountSearch>();
        builder.Services.AddScoped<AccountParts.AccountTitles>();
        builder.Services.AddScoped<Shared.ActorNames>();
        builder.Services.AddScoped<AccountParts.ChargeLabels>();
        builder.Services.AddScoped<Shared.Toasts>();
        builder.Services.AddHttpContextAccessor();
        return builder;
    }

    public static void MapComponents(this WebApplication app)
    {
        app.MapStaticAssets().ShortCircuit();
        app.MapGet("/theme/{choice}", ChooseTheme).ExcludeFromDescription().AllowAnonymous();
        app.MapLedgerDownloads();
        app.MapDocumentDownloads();
        app.MapRazorComponents<App>().AddInteractiveServerRenderMode(o => o.ContentSecurityFrameAncestorsPolicy = null); // the whole policy stands in SecurityHeaders
    }

    /// <summary>The theme switch for browsers without scripts: a link that sets the cookie and comes back.</summary>
    private static Results<RedirectHttpResult, Microsoft.AspNetCore.Http.HttpResults.NotFound> ChooseTheme(HttpContext context, string choice, string? back)
    {
        if (!ThemeChoice.IsKnown(choice))
        {
            return TypedResults.NotFound();
        }

        var home = $"{context.Request.PathBase}/";
        context.Response.Cookies.Append(ThemeChoice.Cookie, choice, new() { Path = home, MaxAge = TimeSpan.FromDays(365), SameSite = SameSiteMode.Lax, IsEssential = true });
        // Only a path of this portal: an address elsewhere is not followed.
        var target = back is ['/', not ('/' or '\\'), ..] && Uri.IsWellFormedUriString(back, UriKind.Relative) ? back : "/";
        return TypedResults.LocalRedirect(home[..^1] + target);
    }
}
