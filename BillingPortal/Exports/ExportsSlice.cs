namespace BillingPortal.Exports;

internal static class ExportsSlice
{
    public static WebApplicationBuilder AddExports(this WebApplicationBuilder builder) => builder;

    public static RouteGroupBuilder MapExports(this RouteGroupBuilder api) => api.MapLedgerCsv().MapAnchorsCsv();
}
