namespace BillingPortal.Gating;

internal static class GatingSlice
{
    public static WebApplicationBuilder AddGating(this WebApplicationBuilder builder) => builder;

    public static RouteGroupBuilder MapGating(this RouteGroupBuilder api) => api;
}
