namespace BillingPortal.Jobs;

internal static class JobsSlice
{
    public static WebApplicationBuilder AddJobs(this WebApplicationBuilder builder)
    {
        builder.Services.AddSingleton<JobLoop>();
        builder.Services.AddHostedService(sp => sp.GetRequiredService<JobLoop>());
        return builder;
    }

    public static IServiceCollection AddRecurringJob<T>(this IServiceCollection services) where T : RecurringJob => services.AddSingleton<RecurringJob, T>();
}
