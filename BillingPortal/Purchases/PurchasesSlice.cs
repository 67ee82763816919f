using BillingPortal.Payments;

namespace BillingPortal.Purchases;

internal static class PurchasesSlice
{
    public static WebApplicationBuilder AddPurchases(this WebApplicationBuilder builder)
    {
        builder.Services.AddTransient<Checkout>();
        builder.Services.AddTransient<IStripeEventHandler, CheckoutSessionEvents>();
        return builder;
    }

    public static RouteGroupBuilder MapPurchases(this RouteGroupBuilder api) => api.MapCheckout();
}
