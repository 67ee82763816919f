namespace BillingPortal.Ledger;

internal static class LedgerSlice
{
    public static WebApplicationBuilder AddLedger(this WebApplicationBuilder builder) => builder;

    public static RouteGroupBuilder MapLedger(this RouteGroupBuilder api) => api;
}
