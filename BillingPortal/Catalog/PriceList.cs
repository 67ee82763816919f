using BillingPortal.Primitives;

namespace BillingPortal.Catalog;

/// <summary>What model providers charge, as a file of its own that can be brought up to date without touching what is sold (A7).</summary>
public sealed record PriceList
{
    public string? Description { get; init; }
    /// <summary>What the costs are in.</summary>
    public required Unit Currency { get; init; }
    public IReadOnlyList<Provider> Providers { get; init; } = [];
    public IReadOnlyList<Model> Models { get; init; } = [];

    /// <summary>The catalog with these costs: models that it has take cost, source and day and keep the rest; models that it lacks are added, with their provider.</summary>
    /// <returns>A 400 when the list is in another currency than the catalog.</returns>
    public Result<CatalogDocument> ApplyTo(CatalogDocument catalog)
    {
        if (Currency != catalog.Currency)
        {
            return Refusal.Invalid("currency", $"The list is in {Currency} and the catalog in {catalog.Currency}. Nothing was imported.");
        }

        // A model listed twice is told by the check of the catalog that results.
        var listed = Models.DistinctBy(m => m.Id).ToDictionary(m => m.Id, StringComparer.Ordinal);
        var known = catalog.Models.Select(m => m.Id).ToHashSet(StringComparer.Ordinal);
        var wanted = Models.Select(m => m.Provider).ToHashSet(StringComparer.Ordinal);
        return catalog with
        {
            Models = [.. catalog.Models.Select(m => listed.TryGetValue(m.Id, out var l) ? m with { Cost = l.Cost, Source = l.Source, AsOf = l.AsOf } : m), .. Models.Where(m => !known.Contains(m.Id))],
            Providers = [.. catalog.Providers, .. Providers.Where(p => wanted.Contains(p.Id) && catalog.Providers.All(there => there.Id != p.Id))],
        };
    }
}
