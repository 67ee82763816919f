using System.Net;
using System.Net.Http.Headers;
using BillingPortal.Data;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Identity;
using Microsoft.AspNetCore.Mvc.Testing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace BillingPortal.Tests.Testing;

/// <summary>
/// The running portal on Kestrel, on a database of its own: <c>class ChargeTests(PortalFixture portal) : IClassFixture&lt;PortalFixture&gt;</c>.
/// A class that needs other settings derives from this one and overrides <see cref="Configure"/>.
/// </summary>
public class PortalFixture : IAsyncLifetime
{
    /// <summary>A key with every scope, made at the start.</summary>
    public const string ApiKey = "bp_test_0123456789abcdefghijABCDEFGHIJ00";

    private readonly List<IDisposable> open = [];
    private TestDatabase? database;
    private NpgsqlDataSource? rows;
    private Instance? host;

    public FakeTime Time { get; } = new();
    /// <summary>Where it listens, e.g. <c>http://127.0.0.1:40123</c>.</summary>
    public string Url => host!.Url;
    public IServiceProvider Services => host!.Services;
    /// <summary>The connection string of the application's own role, for trying what it may not.</summary>
    public string AppConnection => database!.App;
    public string OwnerConnection => database!.Owner;
    public string SuperuserConnection => database!.Superuser;

    /// <summary>Settings of this class, over the defaults of tests.</summary>
    protected virtual void Configure(IDictionary<string, string?> settings)
    {
    }

    protected virtual void ConfigureServices(IServiceCollection services)
    {
    }

    public virtual async Task InitializeAsync()
    {
        database = await (await TestCluster.GetAsync()).CloneAsync();
        rows = NpgsqlDataSource.Create(new NpgsqlConnectionStringBuilder(database.Superuser) { MaxPoolSize = 5 }.ConnectionString);
        host = await StartInstanceAsync();
    }

    /// <summary>Another instance of the application on the same database; ends with the class.</summary>
    public Task<Instance> StartInstanceAsync() => StartInstanceAsync(database!.App, database.Owner);

    /// <summary>An instance with the same settings on another database.</summary>
    public async Task<Instance> StartInstanceAsync(string app, string owner)
    {
        var url = $"http://127.0.0.1:{FreePort.Draw()}";
        var settings = new Dictionary<string, string?>
        {
            // Many hosts share two cores here; the second that production keeps is tested by itself.
            ["Billing:SnapshotMaxAge"] = "00:01:00",
            ["environment"] = "Development",
            ["urls"] = url,
            ["ConnectionStrings:Billing"] = new NpgsqlConnectionStringBuilder(app) { MaxPoolSize = 30 }.ConnectionString,
            ["ConnectionStrings:BillingOwner"] = owner,
            ["Data:MigrateAtStart"] = "false",
            ["Demo:Enabled"] = "false",
            ["Portal:PublicUrl"] = url,
            ["Bootstrap:ApiKey"] = ApiKey,
            ["Bootstrap:AdminEmail"] = "admin@example.com",
            ["Bootstrap:AdminPassword"] = "Correct-horse-battery-1",
        };
        Configure(settings);
        var instance = new Instance(url, settings, services =>
        {
            services.Replace(ServiceDescriptor.Singleton<TimeProvider>(Time));
            services.PostConfigure<PasswordHasherOptions>(o => o.IterationCount = 1_000); // many people sign in here
            ConfigureServices(services);
        });
        open.Add(instance);
        await Task.Run(instance.StartServer);
        return instance;
    }

    /// <summary>A client without a credential, which follows no redirects and keeps no cookies.</summary>
    public HttpClient Client() => Remember(new HttpClient(new SocketsHttpHandler { AllowAutoRedirect = false, UseCookies = false, Expect100ContinueTimeout = TimeSpan.FromMinutes(1) }) { BaseAddress = new(Url), Timeout = TimeSpan.FromMinutes(2) });

    /// <summary>A client of the API with every scope, or with another key.</summary>
    public HttpClient Api(string key = ApiKey)
    {
        var client = Client();
        client.BaseAddress = new(Url + "/api/v1/");
        client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", key);
        return client;
    }

    /// <summary>The same, at another instance.</summary>
    public HttpClient Api(Instance instance)
    {
        var client = Api();
        client.BaseAddress = new(instance.Url + "/api/v1/");
        return client;
    }

    /// <summary>Rows as they stand, past row-level security; parameters are $1, $2…</summary>
    public async Task<IReadOnlyList<object?[]>> RowsAsync(string sql, params object?[] parameters)
    {
        await using var command = Command(sql, parameters);
        await using var reader = await command.ExecuteReaderAsync();
        var found = new List<object?[]>();
        while (await reader.ReadAsync())
        {
            var row = new object?[reader.FieldCount];
            for (var i = 0; i < row.Length; i++)
            {
                row[i] = reader.IsDBNull(i) ? null : reader.GetValue(i);
            }

            found.Add(row);
        }

        return found;
    }

    public async Task<T?> ScalarAsync<T>(string sql, params object?[] parameters)
    {
        await using var command = Command(sql, parameters);
        return await command.ExecuteScalarAsync() is T value ? value : default;
    }

    public async Task<int> ExecuteAsync(string sql, params object?[] parameters)
    {
        await using var command = Command(sql, parameters);
        return await command.ExecuteNonQueryAsync();
    }

    /// <summary>Ends all sessions but one's own, of every instance: what the server has counted of a session's doing is told when it ends.</summary>
    public async Task EndSessionsAsync()
    {
        rows!.Clear();
        var sessions = await ScalarAsync<int[]>("select coalesce(array_agg(pid) filter (where pg_terminate_backend(pid)), '{}') from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()");
        while (await ScalarAsync<bool>("select exists (select from pg_stat_activity where pid = any($1))", sessions))
        {
            await Task.Delay(20);
        }

        // Whoever takes a connection next takes a new one.
        foreach (var instance in open.OfType<Instance>())
        {
            instance.Services.GetRequiredService<NpgsqlDataSource>().Clear();
            instance.Services.GetRequiredKeyedService<NpgsqlDataSource>(DataSlice.Writer).Clear();
        }
    }

    public virtual async Task DisposeAsync()
    {
        foreach (var each in Enumerable.Reverse(open))
        {
            if (each is IAsyncDisposable later)
            {
                await later.DisposeAsync();
            }
            else
            {
                each.Dispose();
            }
        }

        if (rows is not null)
        {
            await rows.DisposeAsync();
        }

        if (database is not null)
        {
            await database.DisposeAsync();
        }
    }

    private NpgsqlCommand Command(string sql, object?[] parameters)
    {
        var command = rows!.CreateCommand(sql);
        foreach (var parameter in parameters)
        {
            command.Parameters.Add(new() { Value = parameter ?? DBNull.Value });
        }

        return command;
    }

    private HttpClient Remember(HttpClient client)
    {
        open.Add(client);
        return client;
    }
}

/// <summary>One instance of the application.</summary>
public sealed class Instance : WebApplicationFactory<Program>
{
    private readonly IReadOnlyDictionary<string, string?> settings;
    private readonly Action<IServiceCollection> services;

    internal Instance(string url, IReadOnlyDictionary<string, string?> settings, Action<IServiceCollection> services)
    {
        Url = url;
        this.settings = settings;
        this.services = services;
        var port = new Uri(url).Port;
        UseKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, port));
    }

    public string Url { get; }

    protected override void ConfigureWebHost(IWebHostBuilder builder)
    {
        foreach (var (name, value) in settings)
        {
            builder.UseSetting(name, value);
        }

        builder.ConfigureLogging(logging => logging.SetMinimumLevel(LogLevel.Warning));
        builder.ConfigureServices(services);
    }
}
