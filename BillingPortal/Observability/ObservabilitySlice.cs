namespace BillingPortal.Observability;

internal static class ObservabilitySlice
{
    public static WebApplicationBuilder AddObservability(this WebApplicationBuilder builder) => builder;

    /// <summary>The order matters: errors, headers, authentication, antiforgery, limits.</summary>
    public static void UsePortalPipeline(this WebApplication app)
    {
    }
}
