namespace BillingPortal.Audit;

internal static class AuditSlice
{
    public static WebApplicationBuilder AddAudit(this WebApplicationBuilder builder)
    {
        builder.Services.AddHttpContextAccessor();
        builder.Services.AddSingleton<AuditTrail>();
        return builder;
    }
}
