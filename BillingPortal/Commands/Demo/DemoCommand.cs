namespace BillingPortal.Commands.Demo;

/// <summary>Makes the demo data by hand, where the first start did not.</summary>
internal static class DemoCommand
{
    public static readonly Command Command = new(["demo"], "", "fills an empty portal with demo customers; never in Production", NeedsDatabase: true, RunAsync);

    private static async Task<int> RunAsync(IServiceProvider services, Arguments arguments, CancellationToken ct)
    {
        if (services.GetRequiredService<IHostEnvironment>().IsProduction())
        {
            await Console.Error.WriteLineAsync("This is Production: demo customers would stand among real ones. Nothing was made.");
            return 1;
        }

        await services.GetRequiredService<Catalog.CatalogStart>().StartAsync(ct);
        var made = await services.GetRequiredService<DemoData>().MakeAsync(ct);
        await Console.Out.WriteLineAsync(made is null ? "Nothing was made: the portal is in use already, or its catalog is not the demo's." : $"Made {made} demo customers.");
        return made is null ? 1 : 0;
    }
}
