using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;

namespace BillingPortal.Data;

/// <summary>Finds PostgreSQL's own programs and runs them; as root through another user, because the server refuses to be root.</summary>
internal sealed partial class ServerProcess(string bin, string workingFolder)
{
    private static readonly string? RunAs = !OperatingSystem.IsWindows() && EffectiveUser() == 0
        ? Environment.GetEnvironmentVariable("PG_RUN_AS") ?? (UserExists("postgres") ? "postgres" : "nobody")
        : null;

    private static readonly string[] Programs = ["initdb", "pg_ctl", "postgres"];

    [LibraryImport("libc", EntryPoint = "geteuid")]
    private static partial uint EffectiveUser();

    public static string? FindBinaries(string? configured)
    {
        IEnumerable<string?> candidates =
        [
            configured, Environment.GetEnvironmentVariable("PG_BIN"),
            .. Versions("/usr/lib/postgresql", "*"), .. Versions("/usr", "pgsql-*"), .. Versions("/opt/homebrew/opt", "postgresql*"), .. Versions("/usr/local/opt", "postgresql*"),
            .. Versions("/Applications/Postgres.app/Contents/Versions", "*"), "/usr/local/pgsql/bin",
            .. (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator),
        ];
        return candidates.FirstOrDefault(folder => !string.IsNullOrEmpty(folder) && Programs.All(f => File.Exists(Path.Combine(folder, f))));
    }

    private static IEnumerable<string> Versions(string parent, string pattern) => !Directory.Exists(parent) ? [] :
        Directory.GetDirectories(parent, pattern).OrderByDescending(VersionOf).Select(d => Path.Combine(d, "bin"));

    private static double VersionOf(string folder) =>
        double.TryParse(new string([.. Path.GetFileName(folder).Where(c => char.IsDigit(c) || c == '.')]), CultureInfo.InvariantCulture, out var version) ? version : 0;

    public static void MakePrivateFolder(string folder)
    {
        const UnixFileMode OnlyOwner = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;
        if (OperatingSystem.IsWindows())
        {
            Directory.CreateDirectory(folder);
        }
        else
        {
            Directory.CreateDirectory(Path.GetDirectoryName(folder)!);
            Directory.CreateDirectory(folder, OnlyOwner);
        }
    }

    /// <summary>The folder itself, or, for root below a folder that the server's user may not enter (<c>/root</c>), one under <c>/var/lib</c> named after it.</summary>
    public static async Task<string> ReachableFolderAsync(string folder, CancellationToken ct)
    {
        if (RunAs is null)
        {
            return folder;
        }

        MakePrivateFolder(folder);
        var probe = new ServerProcess("", "/");
        await probe.HandOverAsync([folder], ct);
        if ((await probe.ExecuteAsync("test", ["-w", folder], asServer: true, ct)).Code == 0)
        {
            return folder;
        }

        return Path.Combine("/var/lib/billing-portal", EmbeddedPostgres.Digest(folder));
    }

    /// <summary>Gives folders and files to the server's user, where that is another one.</summary>
    public async Task HandOverAsync(IEnumerable<string> paths, CancellationToken ct)
    {
        if (RunAs is not null)
        {
            var (code, text) = await ExecuteAsync("chown", ["-R", RunAs + ":", .. paths], asServer: false, ct);
            if (code != 0)
            {
                throw new ConfigurationException($"The folder of the database could not be given to the user '{RunAs}': {text}");
            }
        }
    }

    public async Task RunAsync(string program, IReadOnlyList<string> arguments, CancellationToken ct)
    {
        var (code, text) = await ExecuteAsync(Path.Combine(bin, program), arguments, asServer: true, ct);
        if (code != 0)
        {
            throw new ConfigurationException($"{program} ended with {code}: {text} (log: {Path.Combine(workingFolder, "log")})");
        }
    }

    public async Task<bool> TryAsync(string program, IReadOnlyList<string> arguments, CancellationToken ct) =>
        (await ExecuteAsync(Path.Combine(bin, program), arguments, asServer: true, ct)).Code == 0;

    /// <summary>Whether the process is a PostgreSQL server that is alive; a zombie that nobody has reaped is not.</summary>
    public static bool IsLivePostgres(int pid)
    {
        try
        {
            using var process = Process.GetProcessById(pid);
            var stat = $"/proc/{pid}/stat";
            var zombie = File.Exists(stat) && File.ReadAllText(stat).Split(')')[^1].TrimStart().StartsWith('Z');
            return process.ProcessName.StartsWith("postgres", StringComparison.Ordinal) && !zombie;
        }
        catch (Exception e) when (e is ArgumentException or IOException)
        {
            return false;
        }
    }

    private async Task<(int Code, string Text)> ExecuteAsync(string file, IReadOnlyList<string> arguments, bool asServer, CancellationToken ct)
    {
        var start = new ProcessStartInfo { RedirectStandardOutput = true, RedirectStandardError = true, WorkingDirectory = workingFolder };
        IReadOnlyList<string> all = asServer && RunAs is not null ? AsServer(start, RunAs, file, arguments) : Plain(start, file, arguments);
        foreach (var argument in all)
        {
            start.ArgumentList.Add(argument);
        }

        start.Environment["LC_ALL"] = "C";
        start.Environment["TZ"] = "UTC";
        using var process = Process.Start(start)!;
        var output = process.StandardOutput.ReadToEndAsync(ct);
        var error = process.StandardError.ReadToEndAsync(ct);
        await process.WaitForExitAsync(ct);
        return (process.ExitCode, (await output + await error).Trim());
    }

    private static IReadOnlyList<string> Plain(ProcessStartInfo start, string file, IReadOnlyList<string> arguments)
    {
        start.FileName = file;
        return arguments;
    }

    private static IReadOnlyList<string> AsServer(ProcessStartInfo start, string user, string file, IReadOnlyList<string> arguments)
    {
        if (File.Exists("/usr/sbin/runuser") || File.Exists("/sbin/runuser"))
        {
            start.FileName = "runuser";
            return ["-u", user, "--", file, .. arguments];
        }

        // macOS and BusyBox have no runuser
        start.FileName = "su";
        return [user, "-s", "/bin/sh", "-c", string.Join(' ', new[] { file }.Concat(arguments).Select(a => "'" + a.Replace("'", "'\\''", StringComparison.Ordinal) + "'"))];
    }

    private static bool UserExists(string name) => File.Exists("/etc/passwd") && File.ReadLines("/etc/passwd").Any(l => l.StartsWith(name + ":", StringComparison.Ordinal));
}
