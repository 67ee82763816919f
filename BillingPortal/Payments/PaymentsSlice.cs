namespace BillingPortal.Payments;

internal static class PaymentsSlice
{
    public static WebApplicationBuilder AddPayments(this WebApplicationBuilder builder) => builder;

    /// <summary>Stripe posts its events here, outside <c>/api/v1</c>.</summary>
    public static void MapStripeWebhook(this WebApplication app)
    {
    }

    public static RouteGroupBuilder MapPayments(this RouteGroupBuilder api) => api;
}
