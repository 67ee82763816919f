using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Configuration.EnvironmentVariables;
using Npgsql;

namespace BillingPortal.Data;

internal static class DataSlice
{
    /// <summary>Key of the <see cref="NpgsqlDataSource"/> of the ledger's writer: connections in the writer's role, with plans that stay good from an empty database on (DESIGN §2).</summary>
    public const string Writer = "writer";

    public static WebApplicationBuilder AddData(this WebApplicationBuilder builder)
    {
        builder.AddSecretFiles();
        builder.Services.AddSingleton(TimeProvider.System);
        builder.Services.AddSingleton<DatabaseAddress>();
        builder.Services.AddSingleton(sp => AppSource(sp));
        builder.Services.AddKeyedSingleton(Writer, (sp, _) => WriterSource(sp));
        // The source is found among the services. Named here, it would be part of what EF Core keeps a model and compiled queries for: scopes, which have a connection, would make both once more.
        builder.Services.AddDbContextFactory<BillingDbContext>(options => options.UseNpgsql());
        builder.Services.AddSingleton<Tenants>();
        builder.Services.AddSingleton<Schema>();
        builder.Services.AddSingleton<DatabaseStart>();
        builder.Services.AddHostedService(sp => sp.GetRequiredService<DatabaseStart>());
        builder.Services.AddSingleton<SecretBox>();
        builder.Services.AddHostedService<ResealSecrets>();
        builder.Services.AddSingleton<SnapshotVersion>();
        builder.Services.AddHostedService(sp => sp.GetRequiredService<SnapshotVersion>());
        return builder;
    }

    private static string AppConnection(IServiceProvider services) => services.GetRequiredService<DatabaseAddress>().AppAsync().AsTask().GetAwaiter().GetResult();

    private static NpgsqlDataSource AppSource(IServiceProvider services)
    {
        var text = new NpgsqlConnectionStringBuilder(AppConnection(services));
        Prepare(text);
        return new NpgsqlDataSourceBuilder(text.ConnectionString).UseLoggerFactory(services.GetRequiredService<ILoggerFactory>()).Build();
    }

    private static NpgsqlDataSource WriterSource(IServiceProvider services)
    {
        var text = new NpgsqlConnectionStringBuilder(AppConnection(services));
        Prepare(text);
        text.Options += " -c enable_seqscan=off -c enable_hashjoin=off -c enable_mergejoin=off -c lock_timeout=2s -c idle_in_transaction_session_timeout=5s";
        text.NoResetOnClose = true; // a reset would drop the role and the prepared statements
        text.MaxAutoPrepare = 64;
        text.AutoPrepareMinUsages = 2;
        var source = new NpgsqlDataSourceBuilder(text.ConnectionString).UseLoggerFactory(services.GetRequiredService<ILoggerFactory>());
        source.UsePhysicalConnectionInitializer(TakeWriterRole, TakeWriterRoleAsync);
        return source.Build();
    }

    private static void Prepare(NpgsqlConnectionStringBuilder text)
    {
        // Where scans are forbidden a plan's estimated cost can be huge; compiling it would take ten times as long as running it.
        text.Options = $"{text.Options} -c jit=off".Trim();
        if (text.Host is null or ['/', ..] or ['@', ..])
        {
            return; // a Unix socket has no such option
        }

        text.TcpKeepAlive = true;
        text.TcpKeepAliveTime = 10;
        text.TcpKeepAliveInterval = 5;
    }

    private static void TakeWriterRole(NpgsqlConnection connection)
    {
        using var command = new NpgsqlCommand($"set role {DatabaseRoles.Writer}", connection);
        command.ExecuteNonQuery();
    }

    private static async Task TakeWriterRoleAsync(NpgsqlConnection connection)
    {
        await using var command = new NpgsqlCommand($"set role {DatabaseRoles.Writer}", connection);
        await command.ExecuteNonQueryAsync();
    }

    /// <summary>One file per key, <c>__</c> in its name for <c>:</c>; the environment and the command line win over it.</summary>
    private static void AddSecretFiles(this WebApplicationBuilder builder)
    {
        var folder = Path.GetFullPath(builder.Configuration["Secrets:Directory"] ?? "/run/secrets");
        if (!Directory.Exists(folder))
        {
            return;
        }

        var sources = ((IConfigurationBuilder)builder.Configuration).Sources;
        builder.Configuration.AddKeyPerFile(folder, optional: true, reloadOnChange: false);
        var secrets = sources[^1];
        var environment = sources.ToList().FindLastIndex(s => s is EnvironmentVariablesConfigurationSource);
        if (environment >= 0)
        {
            sources.RemoveAt(sources.Count - 1);
            sources.Insert(environment, secrets);
        }
    }
}
