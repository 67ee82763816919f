using BillingPortal.Audit;
using BillingPortal.Data;
using BillingPortal.Jobs;
using BillingPortal.Payments;
using BillingPortal.Usage.ReRatings;
using BillingPortal.Usage.Submission;

namespace BillingPortal.Usage;

internal static class UsageSlice
{
    public static WebApplicationBuilder AddUsage(this WebApplicationBuilder builder)
    {
        var services = builder.Services;
        services.AddSingleton<IngestLoad>();
        services.AddSingleton<UsageIngest>();
        services.AddSingleton<ChargeUsage>();
        services.AddSingleton<RecurringJob>(s => s.GetRequiredService<ChargeUsage>());
        services.AddSingleton<ChargeAtOnce>();
        services.AddHostedService(s => s.GetRequiredService<ChargeAtOnce>());
        services.AddSingleton<RollUpUsage>();
        services.AddSingleton<RecurringJob>(s => s.GetRequiredService<RollUpUsage>());
        services.AddSingleton<UsageReads>();
        services.AddSingleton<AlertScenes>();
        services.AddSingleton(s => new Alerts(s.GetRequiredService<Data.Tenants>(), s.GetRequiredService<AlertScenes>(), s.GetRequiredService<Catalog.CatalogSnapshot>(), s.GetRequiredService<TimeProvider>()));
        services.AddSingleton<RaiseAlerts>();
        services.AddSingleton<KeepUsage>();
        services.AddSingleton<RecurringJob>(s => s.GetRequiredService<KeepUsage>());
        services.AddSingleton<FreezeOverage>();
        services.AddTransient<SendReports>();
        services.AddTransient<ReportTrace>();
        services.AddTransient<MissingReports>();
        services.AddTransient<MeterReports>();
        services.AddTransient<IStripeEventHandler, MeterErrors>();
        services.AddRecurringJob<SubmitUsage>();
        services.AddSingleton<UnchargedEvents>();
        services.AddSingleton<UseTrace>();
        services.AddSingleton<ReRatingPreview>();
        services.AddSingleton(s => new ReRatings.ReRatings(s.GetRequiredService<Tenants>(), s.GetRequiredService<AuditTrail>(), s.GetRequiredService<PostReRatings>(), s.GetRequiredService<TimeProvider>()));
        services.AddSingleton<PostReRatings>();
        services.AddSingleton<RecurringJob>(s => s.GetRequiredService<PostReRatings>());
        return builder;
    }

    public static RouteGroupBuilder MapUsage(this RouteGroupBuilder api) => api.MapUsageEvents().MapUsageReadings().MapMeterReports().MapUseTrace().MapUncharged().MapReRatings();
}
