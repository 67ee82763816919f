using BillingPortal.Analytics.ProviderBills;

namespace BillingPortal.Analytics;

/// <summary>What the business asks: how much is outstanding, earned, used and refused.</summary>
internal static class AnalyticsSlice
{
    public static WebApplicationBuilder AddAnalytics(this WebApplicationBuilder builder)
    {
        builder.Services.AddSingleton<ReserveSummary>();
        builder.Services.AddSingleton<BusinessOverview>();
        builder.Services.AddSingleton<UsageCosts>();
        builder.Services.AddSingleton<ProviderBills.ProviderBills>();
        return builder;
    }

    public static RouteGroupBuilder MapAnalytics(this RouteGroupBuilder api) => api.MapAnalyticsEndpoints().MapProviderBills();
}
