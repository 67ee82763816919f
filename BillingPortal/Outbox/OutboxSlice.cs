using BillingPortal.Audit;
using BillingPortal.Data;
using BillingPortal.Jobs;

namespace BillingPortal.Outbox;

internal static class OutboxSlice
{
    public static WebApplicationBuilder AddOutbox(this WebApplicationBuilder builder)
    {
        builder.Services.AddSingleton<Outbox>();
        builder.Services.AddSingleton<MailDelivery>();
        builder.Services.AddSingleton<IDelivery>(sp => sp.GetRequiredService<MailDelivery>());
        builder.Services.AddSingleton<PublicAddress>();
        builder.Services.AddSingleton<IDelivery, WebhookDelivery>();
        builder.Services.AddSingleton(s => new OutgoingWebhooks(s.GetRequiredService<Tenants>(), s.GetRequiredService<SecretBox>(), s.GetRequiredService<AuditTrail>(),
            s.GetRequiredService<PublicAddress>(), s.GetRequiredService<TimeProvider>()));
        builder.Services.AddSingleton<ISealedSecrets>(s => s.GetRequiredService<OutgoingWebhooks>());
        builder.Services.AddRecurringJob<SendOutbox>();
        return builder;
    }

    public static RouteGroupBuilder MapOutbox(this RouteGroupBuilder api) => api.MapOutgoingWebhooks();

    public static void MapKeptMail(this WebApplication app)
    {
        if (app.Services.GetRequiredService<MailDelivery>().IsKept)
        {
            app.MapGet("/dev/mail", KeptMail.ShowAsync).ExcludeFromDescription().AllowAnonymous();
        }
    }
}
