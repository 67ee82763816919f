namespace BillingPortal.Identity;

internal static class IdentitySlice
{
    public static WebApplicationBuilder AddIdentity(this WebApplicationBuilder builder) => builder;

    public static RouteGroupBuilder MapIdentity(this RouteGroupBuilder api) => api;
}
