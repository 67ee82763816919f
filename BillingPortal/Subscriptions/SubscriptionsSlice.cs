namespace BillingPortal.Subscriptions;

internal static class SubscriptionsSlice
{
    public static WebApplicationBuilder AddSubscriptions(this WebApplicationBuilder builder) => builder;

    public static RouteGroupBuilder MapSubscriptions(this RouteGroupBuilder api) => api;
}
