namespace BillingPortal.Admin;

internal static class AdminSlice
{
    public static WebApplicationBuilder AddAdmin(this WebApplicationBuilder builder)
    {
        return builder;
    }
}
