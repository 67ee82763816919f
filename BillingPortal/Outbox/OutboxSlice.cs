using BillingPortal.Jobs;

namespace BillingPortal.Outbox;

internal static class OutboxSlice
{
    public static WebApplicationBuilder AddOutbox(this WebApplicationBuilder builder)
    {
        builder.Services.AddSingleton<Outbox>();
        builder.Services.AddSingleton<MailDelivery>();
        builder.Services.AddSingleton<IDelivery>(sp => sp.GetRequiredService<MailDelivery>());
        builder.Services.AddRecurringJob<SendOutbox>();
        return builder;
    }

    public static void MapKeptMail(this WebApplication app)
    {
        if (app.Services.GetRequiredService<MailDelivery>().IsKept)
        {
            app.MapGet("/dev/mail", KeptMail.ShowAsync).ExcludeFromDescription().AllowAnonymous();
        }
    }
}
