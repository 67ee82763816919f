using BillingPortal.Data;

namespace BillingPortal.Catalog;

internal static class CatalogSlice
{
    public static WebApplicationBuilder AddCatalog(this WebApplicationBuilder builder)
    {
        builder.Services.AddSingleton<CatalogSnapshot>();
        builder.Services.AddSingleton<ISnapshotPart>(services => services.GetRequiredService<CatalogSnapshot>());
        builder.Services.AddSingleton<CatalogPublication>();
        builder.Services.AddSingleton<CatalogStart>();
        builder.Services.AddHostedService(services => services.GetRequiredService<CatalogStart>());
        return builder;
    }

    public static RouteGroupBuilder MapCatalog(this RouteGroupBuilder api) => api.MapCatalogReading().MapCatalogChanges();
}
