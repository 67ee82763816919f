using BillingPortal.Catalog;
using BillingPortal.Jobs;

namespace BillingPortal.Ledger;

internal static class LedgerSlice
{
    public static WebApplicationBuilder AddLedger(this WebApplicationBuilder builder)
    {
        builder.Services.AddSingleton<LedgerChanges>();
        builder.Services.AddSingleton<LedgerWriter>();
        builder.Services.AddSingleton<SilentSessions>();
        builder.Services.AddHostedService(services => services.GetRequiredService<LedgerWriter>());
        builder.Services.AddSingleton(services => new Ledger(services.GetRequiredService<LedgerWriter>(), services.GetRequiredService<CatalogSnapshot>()));
        builder.Services.AddSingleton<LedgerReads>();
        builder.Services.AddSingleton<HoldReads>();
        builder.Services.AddSingleton<LedgerVerification>();
        builder.Services.AddSingleton<ICatalogUse, CatalogInUse>();
        builder.Services.AddRecurringJob<AdvanceIdleAccounts>();
        builder.Services.AddRecurringJob<AnchorLedgers>();
        builder.Services.AddRecurringJob<ForgetBudgetUses>();
        return builder;
    }

    public static RouteGroupBuilder MapLedger(this RouteGroupBuilder api)
    {
        api.MapVerify();
        return api;
    }
}
