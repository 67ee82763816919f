namespace BillingPortal.Purchases;

internal static class PurchasesSlice
{
    public static WebApplicationBuilder AddPurchases(this WebApplicationBuilder builder) => builder;

    public static RouteGroupBuilder MapPurchases(this RouteGroupBuilder api) => api;
}
