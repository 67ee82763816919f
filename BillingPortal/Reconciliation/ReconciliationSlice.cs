using BillingPortal.Accounts;
using BillingPortal.Data;
using BillingPortal.Jobs;
using BillingPortal.Payments.Stripe;

namespace BillingPortal.Reconciliation;

/// <summary>Ledger against Stripe: what was missed is fetched, what differs is found, explained and mended.</summary>
internal static class ReconciliationSlice
{
    public static WebApplicationBuilder AddReconciliation(this WebApplicationBuilder builder)
    {
        builder.Services.AddTransient<MissedEvents>();
        builder.Services.AddTransient<IComparison, ComparePayments>();
        builder.Services.AddTransient<IComparison, CompareReversals>();
        builder.Services.AddTransient<IComparison, CompareSubscriptions>();
        builder.Services.AddTransient<IComparison, CompareInvoices>();
        builder.Services.AddTransient<IComparison, CompareMeters>();
        builder.Services.AddTransient<Books>();
        builder.Services.AddTransient<Mending>();
        builder.Services.AddTransient(s => new ReconciliationDesk(s.GetRequiredService<Tenants>(), s.GetRequiredService<Books>(), s.GetRequiredService<Mending>()));
        builder.Services.AddTransient<TopUpTrace>();
        builder.Services.AddTransient(s => new PaymentTrace(
            s.GetRequiredService<StripeClient>(), s.GetRequiredService<Tenants>(), s.GetRequiredService<AccountDirectory>(), s.GetRequiredService<TopUpTrace>(), s.GetRequiredService<TimeProvider>()));
        builder.Services.AddSingleton<PaymentWatch>();
        builder.Services.AddRecurringJob<FetchMissedEvents>();
        builder.Services.AddRecurringJob<WarnAboutPayments>();
        builder.Services.AddRecurringJob<CompareBooks>();
        return builder;
    }

    public static RouteGroupBuilder MapReconciliation(this RouteGroupBuilder api) => api.MapComparison().MapPaymentTrace();
}
