using System.Diagnostics;
using BillingPortal.Data;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.FileProviders;
using Microsoft.Extensions.Hosting;
using Npgsql;

namespace BillingPortal.Tests.Testing;

/// <summary>One private PostgreSQL for the whole test run, and in it a migrated database that every test class gets a clone of.</summary>
internal sealed class TestCluster
{
    private static readonly Lazy<Task<TestCluster>> Shared = new(StartAsync);
    private static int databases;

    private readonly EmbeddedPostgres server;

    private TestCluster(EmbeddedPostgres server) => this.server = server;

    public static Task<TestCluster> GetAsync() => Shared.Value;

    /// <summary>Clones the migrated template.</summary>
    public async Task<TestDatabase> CloneAsync()
    {
        var name = $"test_{Interlocked.Increment(ref databases)}";
        await SuperuserAsync($"create database {name} template {EmbeddedPostgres.DatabaseName} owner billing_owner");
        return new(this, name, In(server.AppConnection, name), In(server.OwnerConnection, name), In(server.SuperuserConnection, name));
    }

    public Task DropAsync(string name) => SuperuserAsync($"drop database if exists {name} with (force)");

    private static string In(string connection, string database) => new NpgsqlConnectionStringBuilder(connection) { Database = database }.ConnectionString;

    private async Task SuperuserAsync(string sql)
    {
        await using var connection = new NpgsqlConnection(server.SuperuserConnection);
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync();
    }

    private static async Task<TestCluster> StartAsync()
    {
        var folder = Path.Combine(Roomy(), $"billing-tests-{Environment.ProcessId}");
        StopWithThisProcess(folder);
        var server = await EmbeddedPostgres.StartAsync(new(folder) { Durable = false, MaxConnections = 500 });
        await MigrateAsync(server);
        return new(server);
    }

    /// <summary>In memory where there is plenty: a file system on a disk takes long over the files of a hundred databases that come and go. Nothing here has to last.</summary>
    private static string Roomy()
    {
        const string memory = "/dev/shm";
        return Directory.Exists(memory) && new DriveInfo(memory).AvailableFreeSpace > 8L << 30 ? memory : Path.GetTempPath();
    }

    /// <summary>As the command <c>migrate</c> does, in this process, which has the code for it compiled already.</summary>
    public static async Task MigrateAsync(EmbeddedPostgres server)
    {
        var configuration = new ConfigurationBuilder().AddInMemoryCollection(new Dictionary<string, string?>
        {
            ["ConnectionStrings:Billing"] = server.AppConnection,
            ["ConnectionStrings:BillingOwner"] = server.OwnerConnection,
        }).Build();
        await using var services = new ServiceCollection().AddLogging().BuildServiceProvider();
        await using var address = new DatabaseAddress(configuration, new Development());
        await new Schema(address, services).MigrateAsync();
    }

    // A test host has no hook that surely runs at its end, least of all when it is killed: a shell waits for that and cleans up.
    private static void StopWithThisProcess(string folder) => Process.Start(new ProcessStartInfo("/bin/sh")
    {
        ArgumentList =
        {
            "-c",
            $"exec >/dev/null 2>&1 </dev/null; while kill -0 {Environment.ProcessId}; do sleep 1; done; kill -QUIT $(head -1 {folder}/data/postmaster.pid); sleep 1; rm -rf {folder}",
        },
    })?.Dispose();

    private sealed class Development : IHostEnvironment
    {
        public string EnvironmentName { get; set; } = Environments.Development;
        public string ApplicationName { get; set; } = "BillingPortal";
        public string ContentRootPath { get; set; } = AppContext.BaseDirectory;
        public IFileProvider ContentRootFileProvider { get; set; } = new NullFileProvider();
    }
}

/// <summary>A database of one test class.</summary>
/// <param name="Superuser">Sees past row-level security: for looking at what a test did.</param>
internal sealed record TestDatabase(TestCluster Cluster, string Name, string App, string Owner, string Superuser) : IAsyncDisposable
{
    public async ValueTask DisposeAsync() => await Cluster.DropAsync(Name);
}
