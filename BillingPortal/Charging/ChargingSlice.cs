namespace BillingPortal.Charging;

internal static class ChargingSlice
{
    public static WebApplicationBuilder AddCharging(this WebApplicationBuilder builder) => builder;

    public static RouteGroupBuilder MapCharging(this RouteGroupBuilder api) => api;
}
