using BillingPortal.Access;
using BillingPortal.Data;
using BillingPortal.Identity.ApiKeys;
using BillingPortal.Identity.Tokens;
using BillingPortal.Identity.Users;
using BillingPortal.Observability;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Authentication.Cookies;
using Microsoft.AspNetCore.Components.Authorization;
using Microsoft.AspNetCore.DataProtection;
using Microsoft.AspNetCore.DataProtection.KeyManagement;
using Microsoft.AspNetCore.Identity;
using Microsoft.AspNetCore.Identity.EntityFrameworkCore;
using Microsoft.Extensions.Options;

namespace BillingPortal.Identity;

/// <summary>Who gets in: API keys and account tokens for programs; users, sessions and portal links for people.</summary>
internal static class IdentitySlice
{
    public static WebApplicationBuilder AddIdentity(this WebApplicationBuilder builder)
    {
        AddKeysAndTokens(builder.Services);
        AddPeople(builder.Services);
        builder.Services.AddHostedService<FirstCredentials>();
        builder.Services.AddHostedService<KeyUses>();
        builder.Services.AddSingleton(new PipelineStep(PipelineStage.Edge, app => app.UseMiddleware<SecurityHeaders>().UseMiddleware<HttpsOnly>().UseMiddleware<OwnOriginOnly>()));
        builder.Services.AddSingleton(new PipelineStep(PipelineStage.Credentials, app => app.UseMiddleware<EnforceScopes>().UseMiddleware<LimitRates>()));
        return builder;
    }

    public static RouteGroupBuilder MapIdentity(this RouteGroupBuilder api) => api.MapMe().MapApiKeys().MapAccountTokens().MapPortalLinks().MapMembers();

    private static void AddKeysAndTokens(IServiceCollection services)
    {
        services.AddSingleton<ApiKeyRing>();
        services.AddSingleton<ISnapshotPart>(s => s.GetRequiredService<ApiKeyRing>());
        services.AddSingleton<ApiKeys.ApiKeys>();
        services.AddSingleton<AccountTokens>();
        services.AddSingleton<PortalLinks>();
        services.AddSingleton<ProtectionKeys>();
        services.AddSingleton<ISealedSecrets>(s => s.GetRequiredService<ProtectionKeys>());
        services.AddSingleton<IConfigureOptions<KeyManagementOptions>, ProtectionKeyOptions>();
        // Every instance reads the others' cookies and tokens: the name must not depend on where the program lies.
        services.AddDataProtection().SetApplicationName("BillingPortal");
    }

    private static void AddPeople(IServiceCollection services)
    {
        services.AddHttpContextAccessor();
        services.AddSingleton<Memberships>();
        services.AddSingleton<Sessions>();
        services.AddScoped<Registration>();
        services.AddScoped<PasswordReset>();
        services.AddSingleton<AccountMembers>();
        services.AddScoped<AuthenticationStateProvider, CircuitRights>();
        services.AddAuthentication(IdentityConstants.ApplicationScheme).AddIdentityCookies();
        services.AddIdentityCore<User>(Rules)
            .AddSignInManager<SignIns>()
            .AddUserStore<UserOnlyStore<User, BillingDbContext, Guid>>()
            .AddClaimsPrincipalFactory<UserClaims>()
            .AddDefaultTokenProviders();
        // OWASP's number for PBKDF2 with HMAC-SHA512.
        services.Configure<PasswordHasherOptions>(o => o.IterationCount = 210_000);
        services.Configure<DataProtectionTokenProviderOptions>(o => o.TokenLifespan = TimeSpan.FromHours(1));
        services.ConfigureApplicationCookie(Cookie);
    }

    private static void Rules(IdentityOptions options)
    {
        options.User.RequireUniqueEmail = true;
        options.Password.RequiredLength = 10;
        options.Password.RequiredUniqueChars = 4;
        // Length is what counts (NIST SP 800-63B); rules of composition make people write passwords down.
        options.Password.RequireDigit = options.Password.RequireLowercase = options.Password.RequireUppercase = options.Password.RequireNonAlphanumeric = false;
        options.Lockout.MaxFailedAccessAttempts = 10;
        options.Lockout.DefaultLockoutTimeSpan = TimeSpan.FromMinutes(5);
    }

    private static void Cookie(CookieAuthenticationOptions options)
    {
        options.Cookie.Name = "bp_session";
        options.Cookie.HttpOnly = true;
        options.Cookie.SameSite = SameSiteMode.Lax;
        options.Cookie.SecurePolicy = CookieSecurePolicy.SameAsRequest;
        options.ExpireTimeSpan = TimeSpan.FromDays(14);
        options.SlidingExpiration = true;
        options.LoginPath = "/signin";
        options.LogoutPath = "/signout";
        options.AccessDeniedPath = "/not-allowed";
        options.ReturnUrlParameter = "returnUrl";
        options.Events.OnValidatePrincipal = Sessions.ValidateCookieAsync;
    }
}
