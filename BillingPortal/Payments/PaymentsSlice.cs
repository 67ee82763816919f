using BillingPortal.Audit;
using BillingPortal.Catalog;
using BillingPortal.Data;
using BillingPortal.Payments.Settings;
using BillingPortal.Payments.Simulator;
using BillingPortal.Payments.Stripe;
using BillingPortal.Payments.Sync;
using Npgsql;

namespace BillingPortal.Payments;

internal static class PaymentsSlice
{
    public static WebApplicationBuilder AddPayments(this WebApplicationBuilder builder)
    {
        builder.AddSimulator();
        builder.Services.AddSingleton(s => new StripeSettings(
            s.GetRequiredService<Tenants>(), s.GetRequiredService<SecretBox>(), s.GetRequiredService<AuditTrail>(), s.GetRequiredService<IConfiguration>(), s.GetRequiredService<TimeProvider>(), s));
        builder.Services.AddSingleton<ISnapshotPart>(s => s.GetRequiredService<StripeSettings>());
        builder.Services.AddSingleton<ISealedSecrets>(s => s.GetRequiredService<StripeSettings>());
        builder.Services.AddTransient<ConnectionTest>();
        builder.Services.AddSingleton<ConfiguredStripe>();
        builder.Services.AddSingleton<IStripeConnection>(s => s.GetRequiredService<ConfiguredStripe>());
        builder.Services.AddSingleton(s => new StripeRetries(s.GetRequiredService<TimeProvider>()));
        // Stripe's own libraries wait 80 s; a person who waits for a checkout page does not.
        builder.Services.AddHttpClient<StripeClient>(c => c.Timeout = TimeSpan.FromSeconds(30));
        builder.Services.AddTransient<CustomerLinks>();
        builder.Services.AddTransient<SoldPrices>();
        builder.Services.AddTransient<MeteredPrices>();
        builder.Services.AddTransient<Discounts>();
        builder.Services.AddTransient<SyncPrices>();
        builder.Services.AddTransient<SyncMeters>();
        builder.Services.AddTransient<SyncPortal>();
        builder.Services.AddTransient<SyncWebhook>();
        builder.Services.AddTransient<SyncEventDestination>();
        builder.Services.AddTransient(s => new StripeSync(
            s.GetRequiredService<StripeClient>(), s.GetRequiredService<IStripeConnection>(), s.GetRequiredService<CatalogSnapshot>(), s.GetRequiredService<NpgsqlDataSource>(), s.GetRequiredService<Tenants>(), s.GetRequiredService<AuditTrail>(),
            s.GetRequiredService<SyncPrices>(), s.GetRequiredService<SyncMeters>(), s.GetRequiredService<SyncPortal>(), s.GetRequiredService<SyncWebhook>(), s.GetRequiredService<SyncEventDestination>()));
        builder.Services.AddTransient<Doctor>();
        builder.Services.AddTransient(s => new WebhookEvents(s.GetRequiredService<Tenants>(), s.GetRequiredService<AuditTrail>(), s.GetRequiredService<TimeProvider>(), s.GetRequiredService<WebhookSignal>()));
        builder.Services.AddSingleton<SignatureFaults>();
        builder.Services.AddHostedService<RecordSignatureFaults>();
        builder.Services.AddSingleton<WebhookSignal>();
        builder.Services.AddSingleton<StripeEventHandlers>();
        builder.Services.AddSingleton<WebhookInbox>();
        builder.Services.AddHostedService<WebhookWorker>();
        return builder;
    }

    /// <summary>Stripe posts its events here, outside <c>/api/v1</c>.</summary>
    public static void MapStripeWebhook(this WebApplication app)
    {
        app.MapWebhook();
        app.MapSimulator();
    }

    public static RouteGroupBuilder MapPayments(this RouteGroupBuilder api) => api.MapWebhookEvents().MapDoctor().MapStripeSettings().MapSync();
}
