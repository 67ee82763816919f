namespace BillingPortal.Components;

internal static class ComponentsSlice
{
    public static WebApplicationBuilder AddComponents(this WebApplicationBuilder builder) => builder;

    public static void MapComponents(this WebApplication app)
    {
    }
}
