using BillingPortal.Commands.Demo;
using BillingPortal.Data;
using Microsoft.Extensions.Logging.Console;

namespace BillingPortal.Commands;

internal static class CommandsSlice
{
    private static readonly string[] HostSettings = ["urls", "environment", "contentroot", "webroot", "applicationname", "http_ports", "https_ports"];

    public static WebApplicationBuilder AddCommands(this WebApplicationBuilder builder)
    {
        if (Words(Environment.GetCommandLineArgs()[1..]) is [not "serve", ..])
        {
            // What a command prints is its result: logs stay out of it.
            builder.Services.Configure<ConsoleLoggerOptions>(console => console.LogToStandardErrorThreshold = LogLevel.Trace);
            builder.Logging.AddFilter(category: null, LogLevel.Warning);
        }

        builder.Services.AddSingleton<DemoData>();
        builder.Services.AddHostedService<DemoStart>();
        builder.Services.AddHostedService<DemoSubscriptions>();
        builder.Services.AddHttpClient(nameof(DemoSubscriptions)).ConfigurePrimaryHttpMessageHandler(() => new SocketsHttpHandler { AllowAutoRedirect = false });
        return builder;
    }

    /// <summary>Runs the command that the arguments name; without one, serves. Sets <see cref="Environment.ExitCode"/>: 0 done, 1 not done, 64 not understood, 78 wrongly configured.</summary>
    public static async Task RunCommandAsync(this WebApplication app, string[] args)
    {
        try
        {
            Environment.ExitCode = await RunAsync(app, args);
        }
        catch (ConfigurationException e)
        {
            await Console.Error.WriteLineAsync(e.Message);
            Environment.ExitCode = 78;
        }
    }

    private static async Task<int> RunAsync(WebApplication app, string[] args)
    {
        var words = Words(args);
        if (words is [] or ["serve"])
        {
            await app.Services.GetRequiredService<DatabaseStart>().StartAsync(app.Lifetime.ApplicationStopping);
            await app.RunAsync();
            return 0;
        }

        await using (app)
        {
            var command = Command.All.FirstOrDefault(c => words.Take(c.Words.Count).SequenceEqual(c.Words));
            if (command is null)
            {
                var output = words is ["help"] ? Console.Out : Console.Error;
                await output.WriteLineAsync(Command.Usage);
                return words is ["help"] ? 0 : 64;
            }

            using var stop = new CancellationTokenSource();
            Console.CancelKeyPress += (_, e) =>
            {
                e.Cancel = true;
                stop.Cancel();
            };
            if (command.NeedsDatabase)
            {
                await app.Services.GetRequiredService<DatabaseStart>().StartAsync(stop.Token);
                await app.Services.GetRequiredService<SnapshotVersion>().RefreshAsync(stop.Token);
            }

            return await command.RunAsync(app.Services, new(words[command.Words.Count..], args.Where(a => a.StartsWith('-')).ToHashSet()), stop.Token);
        }
    }

    // Settings (--Key=value, --Key value) are for the configuration.
    internal static string[] Words(string[] args) => [.. args.Where((arg, i) => !arg.StartsWith('-') && (i == 0 || !IsSettingWithoutValue(args[i - 1])))];

    private static bool IsSettingWithoutValue(string arg) =>
        arg.StartsWith("--", StringComparison.Ordinal) && !arg.Contains('=') && (arg.Contains(':') || HostSettings.Contains(arg[2..], StringComparer.OrdinalIgnoreCase));
}
