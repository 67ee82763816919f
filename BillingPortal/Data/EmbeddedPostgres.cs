using System.Diagnostics;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Npgsql;

namespace BillingPortal.Data;

/// <summary>How a private cluster is made.</summary>
/// <param name="Folder">Where it lives; made when missing.</param>
public sealed record EmbeddedPostgresOptions(string Folder)
{
    /// <summary>Folder of <c>initdb</c> and <c>pg_ctl</c>; null: PG_BIN, the usual places, PATH.</summary>
    public string? BinFolder { get; init; }
    /// <summary>False gives up durability for speed: only for tests that kill nothing.</summary>
    public bool Durable { get; init; } = true;
    public int MaxConnections { get; init; } = 200;
    /// <summary>Further server settings, <c>name=value</c>.</summary>
    public IReadOnlyList<string> Settings { get; init; } = [];
}

/// <summary>
/// A private PostgreSQL cluster in a folder, reached over a Unix socket only, run by the server binaries of the machine. A server left running by a killed
/// application is adopted; the last application that uses the cluster stops it. Its superuser's password never leaves the folder.
/// </summary>
public sealed class EmbeddedPostgres : IAsyncDisposable
{
    public const string DatabaseName = "billing";
    private const string Superuser = "postgres";
    private const string Owner = "billing_owner";
    private const string App = "billing_app";

    private readonly EmbeddedPostgresOptions options;
    private readonly string root;
    private readonly string sockets;
    private readonly ServerProcess process;
    private byte[] secret = [];
    private FileStream? inUse;

    private EmbeddedPostgres(EmbeddedPostgresOptions options, string root, string bin)
    {
        this.options = options;
        this.root = root;
        process = new(bin, root);
        // A socket's path holds 107 bytes: a deep folder gets a short one elsewhere, named by a digest of the path.
        var own = Path.Combine(root, "s");
        sockets = own.Length < 80 ? own : Path.Combine(Path.GetTempPath(), "pg-" + Digest(root));
    }

    public string AppConnection => Connection(App, DatabaseName);
    public string OwnerConnection => Connection(Owner, DatabaseName);
    /// <summary>For tests: reads past row-level security, clones databases.</summary>
    public string SuperuserConnection => Connection(Superuser, "postgres");
    /// <summary>The server's own process, for tests that kill it.</summary>
    public int ServerPid => int.Parse(File.ReadLines(Path.Combine(Data, "postmaster.pid")).First(), CultureInfo.InvariantCulture);

    private string Data => Path.Combine(root, "data");

    /// <exception cref="ConfigurationException">No server binaries, or a folder the server's user cannot enter.</exception>
    public static async Task<EmbeddedPostgres> StartAsync(EmbeddedPostgresOptions options, CancellationToken ct = default)
    {
        var bin = ServerProcess.FindBinaries(options.BinFolder) ?? throw new ConfigurationException(
            "No PostgreSQL server found on this machine. Install it (Debian, Ubuntu: apt-get install postgresql; macOS: brew install postgresql@17), name its folder in PG_BIN, or set ConnectionStrings__Billing.");
        var root = await ServerProcess.ReachableFolderAsync(Path.GetFullPath(options.Folder), ct);
        var cluster = new EmbeddedPostgres(options, root, bin);
        await cluster.StartAsync(ct);
        return cluster;
    }

    private async Task StartAsync(CancellationToken ct)
    {
        ServerProcess.MakePrivateFolder(root);
        ServerProcess.MakePrivateFolder(sockets);
        await using var starting = await ExclusiveAsync(ct);
        // Held while in use, shared; the kernel lets go of it when the application is killed.
        inUse = new(Path.Combine(root, "in-use"), FileMode.OpenOrCreate, FileAccess.Read, FileShare.Read);
        var secretFile = Path.Combine(root, "secret");
        if (!File.Exists(secretFile))
        {
            await File.WriteAllTextAsync(secretFile, Convert.ToHexString(RandomNumberGenerator.GetBytes(32)), ct);
        }

        secret = Encoding.ASCII.GetBytes((await File.ReadAllTextAsync(secretFile, ct)).Trim());
        await process.HandOverAsync([root, sockets], ct);
        if (!File.Exists(Path.Combine(Data, "PG_VERSION")))
        {
            await InitializeAsync(ct);
        }

        await StartServerAsync(ct);
        await MakeOwnerAsync(ct);
    }

    /// <summary>Starts the server when it is not running, after a crash too.</summary>
    public async Task StartServerAsync(CancellationToken ct = default)
    {
        var pid = Path.Combine(Data, "postmaster.pid");
        string[] start = ["-D", Data, "-w", "-t", "120", "-l", Path.Combine(root, "log"), "-o", ServerOptions(), "start"];
        for (var attempt = 1; ; attempt++)
        {
            // After kill -9 the pid file of the dead server may name a process of somebody else by now, or a zombie.
            if (File.Exists(pid) && !ServerProcess.IsLivePostgres(ServerPid))
            {
                File.Delete(pid);
            }

            if (await process.TryAsync("pg_ctl", ["-D", Data, "status"], ct) || await process.TryAsync("pg_ctl", start, ct))
            {
                return;
            }

            if (attempt == 40)
            {
                await process.RunAsync("pg_ctl", start, ct);
                return;
            }

            // The dead server's children need a moment to notice and to let go of the shared memory.
            await Task.Delay(250, ct);
        }
    }

    private string ServerOptions()
    {
        List<string> settings = ["listen_addresses=", $"max_connections={options.MaxConnections}", "shared_buffers=128MB", "logging_collector=off", .. options.Settings];
        if (!options.Durable)
        {
            settings.AddRange(["fsync=off", "full_page_writes=off", "synchronous_commit=off"]);
        }

        return $"-k '{sockets}' -p 5432 " + string.Join(' ', settings.Select(s => $"-c '{s}'"));
    }

    private async Task InitializeAsync(CancellationToken ct)
    {
        var passwordFile = Path.Combine(root, "initial-password");
        await File.WriteAllTextAsync(passwordFile, Password(Superuser), ct);
        await process.HandOverAsync([passwordFile], ct);
        if (Directory.Exists(Data))
        {
            Directory.Delete(Data, recursive: true); // an initdb that was interrupted
        }

        await process.RunAsync("initdb",
            ["-D", Data, "-U", Superuser, "-A", "scram-sha-256", "--pwfile", passwordFile, "-E", "UTF8", "--no-locale", .. options.Durable ? Array.Empty<string>() : ["--no-sync"]], ct);
        File.Delete(passwordFile);
    }

    private async Task MakeOwnerAsync(CancellationToken ct)
    {
        await using var connection = new NpgsqlConnection(SuperuserConnection);
        await connection.OpenAsync(ct);
        await using var look = new NpgsqlCommand($"select (select count(*) from pg_roles where rolname = '{Owner}') + (select count(*) from pg_database where datname = '{DatabaseName}')", connection);
        if (await look.ExecuteScalarAsync(ct) is 2L)
        {
            return;
        }

        await using var role = new NpgsqlCommand(
            $"do $$ begin if not exists (select from pg_roles where rolname = '{Owner}') then create role {Owner} login createrole password '{Password(Owner)}'; end if; end $$", connection);
        await role.ExecuteNonQueryAsync(ct);
        await using var database = new NpgsqlCommand($"create database {DatabaseName} owner {Owner}", connection);
        await database.ExecuteNonQueryAsync(ct);
    }

    public async ValueTask DisposeAsync()
    {
        if (inUse is null)
        {
            return;
        }

        NpgsqlConnection.ClearAllPools();
        await using var stopping = await ExclusiveAsync(default);
        await inUse.DisposeAsync();
        inUse = null;
        try
        {
            await using var alone = new FileStream(Path.Combine(root, "in-use"), FileMode.Open, FileAccess.ReadWrite, FileShare.None);
        }
        catch (IOException)
        {
            return; // another application still uses the cluster
        }

        await process.TryAsync("pg_ctl", ["-D", Data, "-m", options.Durable ? "fast" : "immediate", "-w", "stop"], default);
    }

    private async Task<FileStream> ExclusiveAsync(CancellationToken ct)
    {
        while (true)
        {
            try
            {
                return new(Path.Combine(root, "lock"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            }
            catch (IOException)
            {
                await Task.Delay(50, ct);
            }
        }
    }

    private string Connection(string role, string database) => new NpgsqlConnectionStringBuilder
    {
        Host = sockets,
        Port = 5432,
        Username = role,
        Password = Password(role),
        Database = database,
    }.ConnectionString;

    private string Password(string role) => Convert.ToHexString(HMACSHA256.HashData(secret, Encoding.UTF8.GetBytes(role)));

    internal static string Digest(string path) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(path)))[..12];
}
