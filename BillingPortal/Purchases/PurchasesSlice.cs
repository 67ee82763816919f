using BillingPortal.Audit;
using BillingPortal.Data;
using BillingPortal.Jobs;
using BillingPortal.Payments;
using BillingPortal.Payments.Stripe;
using Npgsql;

namespace BillingPortal.Purchases;

internal static class PurchasesSlice
{
    public static WebApplicationBuilder AddPurchases(this WebApplicationBuilder builder)
    {
        builder.Services.AddTransient<Checkout>();
        builder.Services.AddTransient<IStripeEventHandler, CheckoutSessionEvents>();
        builder.Services.AddTransient<Clawbacks>();
        builder.Services.AddTransient<RefundReadings>();
        builder.Services.AddTransient<RefundSettlement>();
        builder.Services.AddTransient(s => new Refunds(
            s.GetRequiredService<Tenants>(), s.GetRequiredService<NpgsqlDataSource>(), s.GetRequiredService<StripeClient>(), s.GetRequiredService<RefundReadings>(),
            s.GetRequiredService<RefundSettlement>(), s.GetRequiredService<AuditTrail>(), s.GetRequiredService<TimeProvider>()));
        builder.Services.AddTransient<IStripeEventHandler, RefundEvents>();
        builder.Services.AddTransient<DisputeSettlement>();
        builder.Services.AddTransient<Disputes>();
        builder.Services.AddTransient<IStripeEventHandler, DisputeEvents>();
        builder.Services.AddTransient<BalanceWatches>();
        builder.Services.AddTransient<SavedCards>();
        builder.Services.AddTransient<IStripeEventHandler, SavedCardEvents>();
        builder.Services.AddTransient<TopUpSettlement>();
        builder.Services.AddTransient(s => new AutoTopUps(
            s.GetRequiredService<Tenants>(), s.GetRequiredService<SavedCards>(), s.GetRequiredService<BalanceWatches>(), s.GetRequiredService<StripeClient>(),
            s.GetRequiredService<TopUpSettlement>(), s.GetRequiredService<Outbox.Outbox>(), s.GetRequiredService<TimeProvider>()));
        builder.Services.AddTransient<IStripeEventHandler, TopUpEvents>();
        builder.Services.AddRecurringJob<WatchBalances>();
        builder.Services.AddRecurringJob<SettleTopUps>();
        builder.Services.AddTransient<PaymentList>();
        builder.Services.AddRecurringJob<SettleRefunds>();
        return builder;
    }

    public static RouteGroupBuilder MapPurchases(this RouteGroupBuilder api) => api.MapCheckout();
}
