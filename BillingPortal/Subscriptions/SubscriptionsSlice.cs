using BillingPortal.Payments;

namespace BillingPortal.Subscriptions;

internal static class SubscriptionsSlice
{
    public static WebApplicationBuilder AddSubscriptions(this WebApplicationBuilder builder)
    {
        builder.Services.AddTransient<SubscriptionMirror>();
        builder.Services.AddTransient<SubscriptionItems>();
        builder.Services.AddTransient<SubscriptionLifecycle>();
        builder.Services.AddTransient<StripePortal>();
        builder.Services.AddSingleton<AccountOverrides>();
        builder.Services.AddTransient<IStripeEventHandler, SubscriptionEvents>();
        return builder;
    }

    public static RouteGroupBuilder MapSubscriptions(this RouteGroupBuilder api) => api.MapSubscriptionEndpoints().MapOverrides();
}
