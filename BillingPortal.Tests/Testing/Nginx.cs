using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;

namespace BillingPortal.Tests.Testing;

/// <summary>Debian's nginx with a configuration of its own, in a folder of its own; ends with the test.</summary>
internal sealed class Nginx : IAsyncDisposable
{
    private readonly string folder = Path.Combine(Path.GetTempPath(), $"billing-nginx-{Environment.ProcessId}-{RandomNumberGenerator.GetHexString(6)}");
    private readonly Process process;

    /// <param name="http">What stands in the http context.</param>
    /// <param name="files">Files beside it, which <paramref name="http"/> names as <c>@folder/NAME</c>.</param>
    public Nginx(string http, params (string Name, string Text)[] files)
    {
        Directory.CreateDirectory(folder);
        foreach (var (name, text) in files)
        {
            File.WriteAllText(Path.Combine(folder, name), text);
        }

        var temporary = string.Join(' ', ((string[])["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]).Select(kind => $"{kind}_temp_path {folder}/{kind};"));
        File.WriteAllText(Path.Combine(folder, "nginx.conf"),
            $"daemon off; pid {folder}/pid; error_log stderr warn; worker_processes 1; events {{ worker_connections 256; }} http {{ access_log off; {temporary}\n{http.Replace("@folder", folder, StringComparison.Ordinal)} }}");
        process = Process.Start(new ProcessStartInfo(File.Exists("/usr/sbin/nginx") ? "/usr/sbin/nginx" : "nginx", ["-p", folder, "-c", Path.Combine(folder, "nginx.conf"), "-e", "stderr"]) { RedirectStandardError = true })!;
        process.ErrorDataReceived += (_, line) => Said += line.Data is null ? "" : line.Data + "\n";
        process.BeginErrorReadLine();
    }

    /// <summary>What it wrote to its error log.</summary>
    public string Said { get; private set; } = "";

    /// <summary>Waits until it takes connections.</summary>
    public async Task ListensAsync(int port)
    {
        for (var wait = Stopwatch.StartNew(); wait.Elapsed < TimeSpan.FromSeconds(20); await Task.Delay(50))
        {
            Assert.False(process.HasExited, Said);
            try
            {
                using var client = new TcpClient();
                await client.ConnectAsync(IPAddress.Loopback, port);
                return;
            }
            catch (SocketException)
            {
                // It does not listen yet.
            }
        }

        Assert.Fail($"nginx does not listen.\n{Said}");
    }

    public async ValueTask DisposeAsync()
    {
        if (!process.HasExited)
        {
            // SIGQUIT would wait for connections that the test keeps.
            using var end = Process.Start("kill", ["-TERM", process.Id.ToString(System.Globalization.CultureInfo.InvariantCulture)]);
            await process.WaitForExitAsync();
        }

        process.Dispose();
        Directory.Delete(folder, recursive: true);
    }
}
