using BillingPortal.Catalog;
using BillingPortal.Primitives;

namespace BillingPortal.Commands;

/// <summary>Pricing as code: the catalog in and out of files (F13).</summary>
internal static class CatalogCommands
{
    private const string Actor = "command:catalog";

    public static readonly Command Import = new(["catalog", "import"], "FILE [--dry-run]", "puts a catalog file into force; all of it or, with an error, nothing", NeedsDatabase: true, ImportAsync);
    public static readonly Command Prices = new(["catalog", "prices"], "FILE [--dry-run]", "takes over what models cost us from a price list such as catalogs/price-list.json", NeedsDatabase: true, ImportPricesAsync);
    public static readonly Command Export = new(["catalog", "export"], "[FILE]", "writes the catalog in force to a file, else to standard output", NeedsDatabase: true, ExportAsync);
    public static readonly Command Diff = new(["catalog", "diff"], "FILE", "says what importing a file would change; exit code 1 when it would change something", NeedsDatabase: true, DiffAsync);
    public static readonly Command Seed = new(["catalog", "seed"], "FILE", "adds the actions of a file that are missing; edited ones are kept", NeedsDatabase: true, SeedAsync);

    private static async Task<int> ImportAsync(IServiceProvider services, Arguments arguments, CancellationToken ct) => await WithFileAsync(arguments, async path =>
    {
        var file = await CatalogFile.ReadAsync(path, ct);
        return await PublishAsync(services, arguments, path, _ => file, ct);
    });

    private static async Task<int> ImportPricesAsync(IServiceProvider services, Arguments arguments, CancellationToken ct) =>
        await WithFileAsync(arguments, async path => await PublishAsync(services, arguments, path, await CatalogFile.ReadPriceListAsync(path, ct), ct));

    private static async Task<int> PublishAsync(IServiceProvider services, Arguments arguments, string path, Func<CatalogInForce?, Result<CatalogDocument>> propose, CancellationToken ct)
    {
        var isDryRun = arguments.Options.Contains("--dry-run");
        var result = await services.GetRequiredService<CatalogPublication>().PublishAsync(propose, Actor, $"imported from {Path.GetFileName(path)}", isDryRun, ct);
        return result.Match(
            published =>
            {
                Print(published.Changes);
                Console.WriteLine(isDryRun ? "Nothing was changed: this was a dry run."
                    : published.Changes.Count == 0 ? $"Nothing to change: this is version {published.Version} already."
                    : $"Version {published.Version} is in force.");
                return 0;
            },
            Fail);
    }

    private static async Task<int> ExportAsync(IServiceProvider services, Arguments arguments, CancellationToken ct)
    {
        if (await InForceAsync(services, ct) is not { } catalog)
        {
            await Console.Error.WriteLineAsync("There is no catalog yet.");
            return 1;
        }

        var text = CatalogJson.Write(catalog);
        if (arguments.Operands is [])
        {
            await Console.Out.WriteAsync(text);
            return 0;
        }

        return await WithFileAsync(arguments, async path =>
        {
            await File.WriteAllTextAsync(path, text, ct);
            return 0;
        });
    }

    private static async Task<int> DiffAsync(IServiceProvider services, Arguments arguments, CancellationToken ct) =>
        await WithFileAsync(arguments, async path =>
        {
            var file = await CatalogFile.ReadAsync(path, ct);
            if (!file.TryGet(out var document, out var refusal))
            {
                return Fail(refusal);
            }

            var changes = CatalogDiff.Between(await InForceAsync(services, ct), document);
            Print(changes);
            return changes.Count == 0 ? 0 : 1;
        });

    private static async Task<int> SeedAsync(IServiceProvider services, Arguments arguments, CancellationToken ct) =>
        await WithFileAsync(arguments, async path =>
        {
            var (seeded, refusal) = await ActionCosts.PublishSeedAsync(services.GetRequiredService<CatalogPublication>(), path, Actor, ct);
            if (refusal is not null)
            {
                return Fail(refusal);
            }

            Console.WriteLine($"Added {seeded!.Added} actions, kept {seeded.Kept}.");
            return 0;
        });

    private static async Task<CatalogDocument?> InForceAsync(IServiceProvider services, CancellationToken ct)
    {
        var snapshot = services.GetRequiredService<CatalogSnapshot>();
        await snapshot.LoadAsync(ct);
        return snapshot.IsLoaded ? snapshot.Current : null;
    }

    private static async Task<int> WithFileAsync(Arguments arguments, Func<string, Task<int>> runAsync)
    {
        if (arguments.Operands is [var path])
        {
            return await runAsync(path);
        }

        await Console.Error.WriteLineAsync("Name one file.");
        return 64;
    }

    private static void Print(IReadOnlyList<CatalogChange> changes)
    {
        foreach (var change in changes)
        {
            Console.WriteLine(change);
        }
    }

    private static int Fail(Refusal refusal)
    {
        Console.Error.WriteLine(refusal.Detail);
        foreach (var (path, messages) in refusal.Errors ?? new Dictionary<string, string[]>())
        {
            foreach (var message in messages)
            {
                Console.Error.WriteLine($"  {new CatalogError(path, message)}");
            }
        }

        return 1;
    }
}
