using Npgsql;

namespace BillingPortal.Data;

/// <summary>Where the database is: the configured connection strings, or in Development without one a private cluster, started when first asked for and stopped with the application.</summary>
public sealed class DatabaseAddress(IConfiguration configuration, IHostEnvironment environment) : IAsyncDisposable, IDisposable
{
    private readonly SemaphoreSlim starting = new(1, 1);
    private EmbeddedPostgres? embedded;

    /// <summary>No connection string is set and the environment allows a private cluster.</summary>
    public bool IsEmbedded => string.IsNullOrWhiteSpace(configuration.GetConnectionString("Billing")) && environment.IsDevelopment();

    /// <summary>Whether an owner's connection string is known; a Production <c>serve</c> does not need one.</summary>
    public bool KnowsOwner => IsEmbedded || !string.IsNullOrWhiteSpace(configuration.GetConnectionString("BillingOwner"));

    /// <summary>The login that the application works as.</summary>
    /// <exception cref="ConfigurationException">Nothing is configured outside Development.</exception>
    public async ValueTask<string> AppAsync(CancellationToken ct = default) =>
        IsEmbedded ? (await EmbeddedAsync(ct)).AppConnection : Configured("Billing") ?? throw new ConfigurationException(
            "ConnectionStrings__Billing is not set. Give a PostgreSQL connection string (or postgres:// URL); only Development makes a database of its own.");

    /// <summary>The role that migrates. Outside Production it may be the application's own.</summary>
    public async ValueTask<string> OwnerAsync(CancellationToken ct = default)
    {
        if (IsEmbedded)
        {
            return (await EmbeddedAsync(ct)).OwnerConnection;
        }

        var app = await AppAsync(ct);
        var owner = Configured("BillingOwner") ?? (environment.IsProduction()
            ? throw new ConfigurationException("ConnectionStrings__BillingOwner is not set. Migrations run as the owner, a role apart from the one that ConnectionStrings__Billing names.")
            : app);
        if (environment.IsProduction() && new NpgsqlConnectionStringBuilder(owner).Username == new NpgsqlConnectionStringBuilder(app).Username)
        {
            throw new ConfigurationException("ConnectionStrings__BillingOwner and ConnectionStrings__Billing name the same role. The application must not own its tables.");
        }

        return owner;
    }

    private string? Configured(string name) =>
        configuration.GetConnectionString(name) is { } text && !string.IsNullOrWhiteSpace(text) ? ConnectionText.Normalize(text, $"ConnectionStrings__{name}") : null;

    private async ValueTask<EmbeddedPostgres> EmbeddedAsync(CancellationToken ct)
    {
        await starting.WaitAsync(ct);
        try
        {
            return embedded ??= await EmbeddedPostgres.StartAsync(
                new(Path.Combine(environment.ContentRootPath, configuration["Data:Directory"] ?? ".data", "postgres")) { BinFolder = configuration["Data:PostgresBin"] }, ct);
        }
        finally
        {
            starting.Release();
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (embedded is not null)
        {
            await embedded.DisposeAsync();
            embedded = null;
        }

        starting.Dispose();
    }

    public void Dispose() => DisposeAsync().AsTask().GetAwaiter().GetResult();
}

/// <summary>A setting is missing or wrong; the message says which and how to mend it. Fatal at start.</summary>
public sealed class ConfigurationException(string message) : Exception(message);
