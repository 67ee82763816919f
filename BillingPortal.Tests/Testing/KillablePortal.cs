using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Security.Cryptography;
using BillingPortal.Data;
using BillingPortal.Tests.Gating;
using Npgsql;

namespace BillingPortal.Tests.Testing;

/// <summary>
/// The portal as it runs in production: one or several processes of their own on a durable cluster of their own. Each can be killed as by a power cut, frozen, and started again.
/// A class that needs other circumstances derives from this one.
/// </summary>
public class KillablePortal : IAsyncLifetime
{
    private const string ApiKey = "bp_test_KillMe0123456789abcdefghijABCDEFGHIJ";

    private readonly string folder = Path.Combine(Path.GetTempPath(), $"billing-crash-{Environment.ProcessId}-{RandomNumberGenerator.GetHexString(6)}");
    private readonly ConcurrentQueue<string> output = new();
    private readonly string encryptionKey = RandomNumberGenerator.GetHexString(64);
    private EmbeddedPostgres? cluster;
    private string[] urls = [];
    private Process?[] instances = [];

    /// <summary>How many instances share the database.</summary>
    protected virtual int Instances => 1;
    /// <summary>Settings of the database server, <c>name=value</c>.</summary>
    protected virtual IReadOnlyList<string> ServerSettings => [];
    protected virtual string EnvironmentName => "Production";
    protected virtual string CatalogFile => Path.Combine(AppContext.BaseDirectory, "catalogs", "agent-credits.json");
    /// <summary>True: the instances reach the database over <see cref="Wire"/>.</summary>
    protected virtual bool OverWire => false;

    /// <summary>Between the instances and the database, where the class asks for it.</summary>
    internal DatabaseWire? Wire { get; private set; }

    public virtual async Task InitializeAsync()
    {
        EndWithThisProcess();
        cluster = await EmbeddedPostgres.StartAsync(new(folder) { Settings = ServerSettings });
        if (OverWire)
        {
            Wire = new(new NpgsqlConnectionStringBuilder(cluster.AppConnection).Host!);
        }

        urls = [.. Enumerable.Range(0, Instances).Select(_ => $"http://127.0.0.1:{FreePort.Draw()}")];
        instances = new Process?[Instances];
        await TestCluster.MigrateAsync(cluster);
        for (var i = 0; i < Instances; i++)
        {
            await StartAsync(i);
        }
    }

    /// <summary>For a test that needs one of its own: started, and ended with the variable.</summary>
    internal static async Task<Started<T>> StartedAsync<T>(T portal) where T : KillablePortal
    {
        var started = new Started<T>(portal);
        try
        {
            await portal.InitializeAsync();
            return started;
        }
        catch
        {
            await started.DisposeAsync();
            throw;
        }
    }

    internal sealed record Started<T>(T Portal) : IAsyncDisposable where T : KillablePortal
    {
        public ValueTask DisposeAsync() => new(Portal.DisposeAsync());
    }

    /// <summary>A client of the API with every scope. It gives up on an answer after half a minute.</summary>
    public HttpClient Api(int instance = 0)
    {
        var client = new HttpClient(new SocketsHttpHandler { ConnectTimeout = TimeSpan.FromSeconds(2), PooledConnectionLifetime = TimeSpan.FromMinutes(5) })
        {
            BaseAddress = new(urls[instance] + "/api/v1/"),
            Timeout = TimeSpan.FromSeconds(30),
        };
        client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", ApiKey);
        return client;
    }

    /// <summary>Starts an instance and waits until it answers.</summary>
    public async Task StartAsync(int instance = 0)
    {
        var application = instances[instance] = Run(urls[instance], ["serve"]);
        using var client = new HttpClient { Timeout = TimeSpan.FromSeconds(2) };
        for (var wait = Stopwatch.StartNew(); wait.Elapsed < TimeSpan.FromMinutes(2); await Task.Delay(50))
        {
            if (application.HasExited)
            {
                break;
            }

            try
            {
                if ((await client.GetAsync(new Uri(urls[instance] + "/health/ready"))).StatusCode == HttpStatusCode.OK)
                {
                    return;
                }
            }
            catch (Exception e) when (e is HttpRequestException or TaskCanceledException)
            {
                // It does not listen yet.
            }
        }

        Assert.Fail($"The application did not start.\n{Said}");
    }

    /// <summary>SIGKILL: nothing is flushed, nothing is said goodbye to.</summary>
    public async Task KillAsync(int instance = 0)
    {
        var application = instances[instance]!;
        instances[instance] = null;
        application.Kill();
        await application.WaitForExitAsync();
        application.Dispose();
    }

    public bool IsRunning(int instance) => instances[instance] is { HasExited: false };

    /// <summary>SIGSTOP: the instance keeps its connections, locks and callers, and does nothing until <see cref="Thaw"/>.</summary>
    public void Freeze(int instance) => Signal(instances[instance]!.Id, "STOP");

    public void Thaw(int instance) => Signal(instances[instance]!.Id, "CONT");

    /// <summary>SIGKILL to the server and all of its processes, the postmaster first so that it starts no others.</summary>
    public async Task KillDatabaseAsync()
    {
        var server = cluster!.ServerPid;
        int[] all = [server, .. ChildrenOf(server)];
        foreach (var pid in all)
        {
            KillNow(pid);
        }

        // A killed process still counts as a running server until it is gone, and would be taken for one at the next start.
        while (all.Any(ServerProcess.IsLivePostgres))
        {
            await Task.Delay(10);
        }
    }

    public Task StartDatabaseAsync() => cluster!.StartServerAsync();

    /// <summary>One command of the command line, run to its end.</summary>
    /// <param name="environment">Variables over the usual ones.</param>
    public async Task<(int ExitCode, string Output)> CommandAsync(string[] arguments, params (string Name, string Value)[] environment)
    {
        output.Clear();
        using var process = Run("http://127.0.0.1:0", arguments, environment);
        await process.WaitForExitAsync();
        return (process.ExitCode, Said);
    }

    /// <summary>Verifies the whole ledger, at the first instance that runs.</summary>
    /// <returns>Null when it is as it should be; else what the answer says.</returns>
    public async Task<string?> LedgerProblemsAsync()
    {
        using var api = Api(Array.FindIndex(instances, instance => instance is { HasExited: false }));
        api.Timeout = TimeSpan.FromMinutes(10);
        return await api.LedgerProblemsAsync();
    }

    /// <summary>The first column of the first row as it stands, past row-level security.</summary>
    public async Task<T> ScalarAsync<T>(string sql)
    {
        await using var source = Database();
        await using var command = source.CreateCommand(sql);
        return (T)(await command.ExecuteScalarAsync())!;
    }

    /// <summary>The first two columns of every row.</summary>
    public async Task<IReadOnlyDictionary<string, Guid>> PairsAsync(string sql)
    {
        await using var source = Database();
        await using var command = source.CreateCommand(sql);
        await using var reader = await command.ExecuteReaderAsync();
        var pairs = new Dictionary<string, Guid>();
        while (await reader.ReadAsync())
        {
            pairs.Add(reader.GetString(0), reader.GetGuid(1));
        }

        return pairs;
    }

    public virtual async Task DisposeAsync()
    {
        for (var i = 0; i < instances.Length; i++)
        {
            if (IsRunning(i))
            {
                await KillAsync(i);
            }
        }

        if (Wire is not null)
        {
            await Wire.DisposeAsync();
        }

        if (cluster is not null)
        {
            await cluster.DisposeAsync();
        }

        if (Directory.Exists(folder))
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    /// <summary>The last that the application said, for a failure's message.</summary>
    public string Said => string.Join('\n', output.TakeLast(60));

    private NpgsqlDataSource Database() =>
        NpgsqlDataSource.Create(new NpgsqlConnectionStringBuilder(cluster!.SuperuserConnection) { Database = EmbeddedPostgres.DatabaseName, Pooling = false }.ConnectionString);

    /// <summary>Changes things as the superuser.</summary>
    public async Task ExecuteAsync(string sql)
    {
        await using var source = Database();
        await using var command = source.CreateCommand(sql);
        await command.ExecuteNonQueryAsync();
    }

    /// <summary>Every row, as text of its columns.</summary>
    public async Task<IReadOnlyList<string>> LinesAsync(string sql)
    {
        await using var source = Database();
        await using var command = source.CreateCommand(sql);
        await using var reader = await command.ExecuteReaderAsync();
        var lines = new List<string>();
        while (await reader.ReadAsync())
        {
            lines.Add(string.Join(' ', Enumerable.Range(0, reader.FieldCount).Select(i => Convert.ToString(reader.GetValue(i), CultureInfo.InvariantCulture))));
        }

        return lines;
    }

    /// <summary>Environment variables of a class's own.</summary>
    /// <param name="url">Where the instance will listen.</param>
    protected virtual void Adapt(IDictionary<string, string?> environment, string url)
    {
    }

    private Process Run(string url, string[] arguments, params (string Name, string Value)[] environment)
    {
        var start = new ProcessStartInfo("dotnet") { WorkingDirectory = AppContext.BaseDirectory, RedirectStandardOutput = true, RedirectStandardError = true };
        start.ArgumentList.Add(Path.Combine(AppContext.BaseDirectory, "BillingPortal.dll"));
        foreach (var argument in arguments)
        {
            start.ArgumentList.Add(argument);
        }

        start.Environment["ASPNETCORE_ENVIRONMENT"] = EnvironmentName;
        start.Environment["ASPNETCORE_URLS"] = url;
        var database = new NpgsqlConnectionStringBuilder(cluster!.AppConnection) { MaxPoolSize = 20 };
        if (Wire is not null && arguments[0] == "serve")
        {
            database.Host = Wire.Folder;
        }

        start.Environment["ConnectionStrings__Billing"] = database.ConnectionString;
        start.Environment["ConnectionStrings__BillingOwner"] = arguments[0] == "migrate" ? cluster.OwnerConnection : "";
        start.Environment["Portal__RequireHttps"] = "false";
        start.Environment["Billing__Enforcement"] = "enforce";
        // Many processes share two cores here, as with PortalFixture.
        start.Environment["Billing__SnapshotMaxAge"] = "00:00:10";
        start.Environment["Catalog__File"] = CatalogFile;
        start.Environment["Bootstrap__ApiKey"] = ApiKey;
        start.Environment["Encryption__Keys"] = encryptionKey;
        start.Environment["Logging__LogLevel__Default"] = "Warning";
        Adapt(start.Environment, url);
        foreach (var (name, value) in environment)
        {
            start.Environment[name] = value;
        }

        var process = new Process { StartInfo = start };
        process.OutputDataReceived += (_, line) => Keep(line.Data);
        process.ErrorDataReceived += (_, line) => Keep(line.Data);
        process.Start();
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        return process;
    }

    private void Keep(string? line)
    {
        if (line is not null)
        {
            output.Enqueue(line);
            while (output.Count > 1_000 && output.TryDequeue(out _))
            {
            }
        }
    }

    protected static void Signal(int pid, string signal)
    {
        using var kill = Process.Start("/bin/sh", ["-c", $"kill -{signal} {pid}"]);
        kill.WaitForExit();
        Assert.Equal(0, kill.ExitCode);
    }

    private static void KillNow(int pid)
    {
        try
        {
            using var process = Process.GetProcessById(pid);
            process.Kill();
        }
        catch (ArgumentException)
        {
            // It ended with its parent.
        }
    }

    private static IEnumerable<int> ChildrenOf(int parent) =>
        from folder in Directory.GetDirectories("/proc")
        let name = Path.GetFileName(folder)
        where name.All(char.IsAsciiDigit) && ParentOf(folder) == parent
        select int.Parse(name, CultureInfo.InvariantCulture);

    private static int? ParentOf(string folder)
    {
        try
        {
            return int.Parse(File.ReadAllText(Path.Combine(folder, "stat")).Split(')')[^1].Split(' ')[2], CultureInfo.InvariantCulture);
        }
        catch (IOException)
        {
            return null; // it ended meanwhile
        }
    }

    // A test host that is killed runs no clean-up: a shell waits for its end.
    private void EndWithThisProcess() => Process.Start(new ProcessStartInfo("/bin/sh")
    {
        ArgumentList =
        {
            "-c",
            $"exec >/dev/null 2>&1 </dev/null; while kill -0 {Environment.ProcessId}; do sleep 1; done; [ -d {folder} ] || exit 0; kill -QUIT $(head -1 {folder}/data/postmaster.pid); sleep 1; rm -rf {folder}",
        },
    })?.Dispose();
}
