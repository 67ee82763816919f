namespace BillingPortal.Access;

internal static class AccessSlice
{
    public static WebApplicationBuilder AddAccess(this WebApplicationBuilder builder)
    {
        builder.Services.AddAuthorization(Policies.Add);
        builder.Services.AddCascadingAuthenticationState();
        builder.Services.AddSingleton<ReturnUrls>();
        builder.Services.AddSingleton<RateLimits>();
        return builder;
    }
}
