namespace BillingPortal.Catalog;

/// <summary>The catalog in force, in memory: the same for everybody, replaced whole when it changes.</summary>
public sealed class CatalogSnapshot
{
    private volatile State? state;

    /// <exception cref="InvalidOperationException">No catalog has been loaded yet.</exception>
    public CatalogDocument Current => state?.Document ?? throw new InvalidOperationException("No catalog has been loaded yet.");

    /// <summary>Number of the catalog version in force; 0 before the first.</summary>
    public int Version => state?.Version ?? 0;

    public bool IsLoaded => state is not null;

    /// <summary>Puts a version into force in this process.</summary>
    public void Replace(CatalogDocument document, int version)
    {
        document.BuildIndex();
        state = new(document, version);
    }

    private sealed record State(CatalogDocument Document, int Version);
}
