namespace BillingPortal.Data;

internal static class DataSlice
{
    public static WebApplicationBuilder AddData(this WebApplicationBuilder builder) => builder;
}
