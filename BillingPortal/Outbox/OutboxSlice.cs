namespace BillingPortal.Outbox;

internal static class OutboxSlice
{
    public static WebApplicationBuilder AddOutbox(this WebApplicationBuilder builder) => builder;
}
