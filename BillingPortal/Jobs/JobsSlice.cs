namespace BillingPortal.Jobs;

internal static class JobsSlice
{
    public static WebApplicationBuilder AddJobs(this WebApplicationBuilder builder) => builder;
}
