using BillingPortal.Data;

namespace BillingPortal.Charging;

internal static class ChargingSlice
{
    public static WebApplicationBuilder AddCharging(this WebApplicationBuilder builder)
    {
        builder.Services.AddSingleton<Enforcement>();
        builder.Services.AddSingleton<ISnapshotPart>(services => services.GetRequiredService<Enforcement>());
        builder.Services.AddSingleton<Charges>();
        builder.Services.AddSingleton<Holds>();
        builder.Services.AddSingleton<ChargeReads>();
        builder.Services.AddSingleton<Suspense>();
        builder.Services.AddTransient<ChargeCases>();
        builder.Services.AddSingleton<StandingAccounts>();
        builder.Services.AddHostedService(services => services.GetRequiredService<StandingAccounts>());
        return builder;
    }

    public static RouteGroupBuilder MapCharging(this RouteGroupBuilder api) => api;
}
