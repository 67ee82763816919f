namespace BillingPortal.Audit;

internal static class AuditSlice
{
    public static WebApplicationBuilder AddAudit(this WebApplicationBuilder builder) => builder;
}
