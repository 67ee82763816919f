using BillingPortal.Data;

namespace BillingPortal.Commands;

/// <summary>Makes and upgrades the database with one command, or shows what it would do.</summary>
internal static class Migrate
{
    public static readonly Command Command = new(["migrate"], "[--print|--status]", "makes or upgrades the database as its owner; --print shows the SQL, --status what is applied and pending", NeedsDatabase: false, RunAsync);

    private static async Task<int> RunAsync(IServiceProvider services, Arguments arguments, CancellationToken ct)
    {
        var schema = services.GetRequiredService<Schema>();
        if (arguments.Options.Contains("--print"))
        {
            await Console.Out.WriteLineAsync(await schema.PrintAsync(ct));
            return 0;
        }

        if (arguments.Options.Contains("--status"))
        {
            var status = await schema.StatusAsync(ct);
            foreach (var line in status.Applied.Select(m => $"applied  {m}").Concat(status.Pending.Select(m => $"pending  {m}")))
            {
                await Console.Out.WriteLineAsync(line);
            }

            return status.Pending.Count == 0 ? 0 : 1;
        }

        var applied = await schema.MigrateAsync(ct);
        await Console.Out.WriteLineAsync(applied.Count == 0 ? "The database is up to date." : $"Applied {string.Join(", ", applied)}.");
        return 0;
    }
}
