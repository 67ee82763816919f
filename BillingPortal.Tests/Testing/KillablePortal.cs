using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Security.Cryptography;
using BillingPortal.Data;
using Npgsql;

namespace BillingPortal.Tests.Testing;

/// <summary>The portal as it runs in production: a process of its own on a durable cluster of its own. Either can be killed as by a power cut, and started again.</summary>
public class KillablePortal : IAsyncLifetime
{
    private const string ApiKey = "bp_test_KillMe0123456789abcdefghijABCDEFGHIJ";

    private readonly string folder = Path.Combine(Path.GetTempPath(), $"billing-crash-{Environment.ProcessId}-{RandomNumberGenerator.GetHexString(6)}");
    private readonly ConcurrentQueue<string> output = new();
    private readonly string url = $"http://127.0.0.1:{FreePort()}";
    private readonly string encryptionKey = RandomNumberGenerator.GetHexString(64);
    private EmbeddedPostgres? cluster;
    private Process? application;

    public virtual async Task InitializeAsync()
    {
        EndWithThisProcess();
        cluster = await EmbeddedPostgres.StartAsync(new(folder));
        var migrate = await CommandAsync("migrate");
        Assert.True(migrate.ExitCode == 0, migrate.Output);
        await StartAsync();
    }

    /// <summary>A client of the API with every scope. It gives up on an answer after half a minute.</summary>
    public HttpClient Api()
    {
        var client = new HttpClient(new SocketsHttpHandler { ConnectTimeout = TimeSpan.FromSeconds(2), PooledConnectionLifetime = TimeSpan.FromMinutes(5) })
        {
            BaseAddress = new(url + "/api/v1/"),
            Timeout = TimeSpan.FromSeconds(30),
        };
        client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", ApiKey);
        return client;
    }

    /// <summary>Starts the application and waits until it answers.</summary>
    public async Task StartAsync()
    {
        application = Run("serve");
        using var client = new HttpClient { Timeout = TimeSpan.FromSeconds(2) };
        for (var wait = Stopwatch.StartNew(); wait.Elapsed < TimeSpan.FromSeconds(60); await Task.Delay(50))
        {
            if (application.HasExited)
            {
                break;
            }

            try
            {
                if ((await client.GetAsync(new Uri(url + "/health/ready"))).StatusCode == HttpStatusCode.OK)
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
    public async Task KillAsync()
    {
        application!.Kill();
        await application.WaitForExitAsync();
        application.Dispose();
    }

    /// <summary>SIGKILL to the server and all of its processes, the postmaster first so that it starts no others.</summary>
    public void KillDatabase()
    {
        var server = cluster!.ServerPid;
        int[] all = [server, .. ChildrenOf(server)];
        foreach (var pid in all)
        {
            KillNow(pid);
        }
    }

    public Task StartDatabaseAsync() => cluster!.StartServerAsync();

    /// <summary>One command of the command line, run to its end.</summary>
    public async Task<(int ExitCode, string Output)> CommandAsync(params string[] arguments)
    {
        output.Clear();
        using var process = Run(arguments);
        await process.WaitForExitAsync();
        return (process.ExitCode, Said);
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
        if (application is { HasExited: false })
        {
            await KillAsync();
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

    private Process Run(params string[] arguments)
    {
        var start = new ProcessStartInfo("dotnet") { WorkingDirectory = AppContext.BaseDirectory, RedirectStandardOutput = true, RedirectStandardError = true };
        start.ArgumentList.Add(Path.Combine(AppContext.BaseDirectory, "BillingPortal.dll"));
        foreach (var argument in arguments)
        {
            start.ArgumentList.Add(argument);
        }

        start.Environment["ASPNETCORE_ENVIRONMENT"] = "Production";
        start.Environment["ASPNETCORE_URLS"] = url;
        start.Environment["ConnectionStrings__Billing"] = new NpgsqlConnectionStringBuilder(cluster!.AppConnection) { MaxPoolSize = 20 }.ConnectionString;
        start.Environment["ConnectionStrings__BillingOwner"] = arguments[0] == "migrate" ? cluster.OwnerConnection : "";
        start.Environment["Portal__RequireHttps"] = "false";
        start.Environment["Billing__Enforcement"] = "enforce";
        start.Environment["Catalog__File"] = Path.Combine(AppContext.BaseDirectory, "catalogs", "agent-credits.json");
        start.Environment["Bootstrap__ApiKey"] = ApiKey;
        start.Environment["Encryption__Keys"] = encryptionKey;
        start.Environment["Logging__LogLevel__Default"] = "Warning";
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

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
