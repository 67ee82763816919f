using BillingPortal.Payments;
using BillingPortal.Pdf;

namespace BillingPortal.Invoices;

internal static class InvoicesSlice
{
    public static WebApplicationBuilder AddInvoices(this WebApplicationBuilder builder)
    {
        builder.Services.AddTransient<InvoiceMirror>();
        builder.Services.AddTransient<InvoiceReads>();
        builder.Services.AddSingleton<PdfFonts>();
        builder.Services.AddTransient<Documents>();
        builder.Services.AddTransient<IStripeEventHandler, InvoiceEvents>();
        return builder;
    }

    public static RouteGroupBuilder MapInvoices(this RouteGroupBuilder api) => api.MapInvoiceEndpoints();
}
