using BillingPortal.Data;

namespace BillingPortal.Catalog;

/// <summary>Before anything is served: imports the configured file where there is no catalog yet, and loads the one in force.</summary>
internal sealed partial class CatalogStart(CatalogSnapshot snapshot, CatalogPublication publication, IConfiguration configuration, IHostEnvironment environment, ILogger<CatalogStart> log) : IHostedService
{
    public async Task StartAsync(CancellationToken cancellationToken)
    {
        await snapshot.LoadAsync(cancellationToken);
        if (!snapshot.IsLoaded)
        {
            await ImportAsync(cancellationToken);
            await snapshot.LoadAsync(cancellationToken);
        }

        LogInForce(snapshot.Current.Name, snapshot.Version);
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    private async Task ImportAsync(CancellationToken ct)
    {
        var path = CatalogFile.Configured(configuration, environment)
            ?? throw new ConfigurationException("There is no catalog yet. Set Catalog__File to a catalog file, or run `catalog import FILE`, then start again.");
        var file = await CatalogFile.ReadAsync(path, ct);
        // Another instance may have been first: then its catalog stays.
        var result = await publication.PublishAsync(before => before is null ? file : before.Document, "system:start", $"first start, from {path}", dryRun: false, ct);
        result.Match(_ => 0, refusal => throw new ConfigurationException($"{path}: {refusal.Detail}"));
    }

    [LoggerMessage(1101, LogLevel.Information, "The catalog {Name} is in force, version {Version}")]
    private partial void LogInForce(string name, int version);
}
