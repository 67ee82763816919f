using System.Text;
using BillingPortal.Data;
using Microsoft.EntityFrameworkCore;

namespace BillingPortal.Catalog;

/// <summary>The catalog in force, in memory: the same for everybody, replaced whole when it changes.</summary>
public sealed class CatalogSnapshot(Tenants tenants) : ISnapshotPart
{
    private volatile CatalogInForce? inForce;

    /// <exception cref="InvalidOperationException">No catalog has been loaded yet.</exception>
    public CatalogDocument Current => inForce?.Document ?? throw new InvalidOperationException("No catalog has been loaded yet.");

    /// <summary>Number of the catalog version in force; 0 before the first.</summary>
    public int Version => inForce?.Version ?? 0;

    public bool IsLoaded => inForce is not null;

    /// <summary>Puts a version into force in this process. An older one than is in force changes nothing: answers may overtake each other.</summary>
    public void Replace(CatalogDocument document, int version)
    {
        document.BuildIndex();
        lock (this)
        {
            if (version > Version)
            {
                inForce = new(document, version);
            }
        }
    }

    /// <summary>Loads the newest version, where it is newer than the one in memory.</summary>
    public async Task LoadAsync(CancellationToken ct)
    {
        await using var scope = await tenants.ForStaffAsync(ct);
        if (await ReadAsync(scope, ct, newerThan: Version) is { } newest)
        {
            Replace(newest.Document, newest.Version);
        }
    }

    /// <summary>The newest version in the database; null where there is none newer.</summary>
    internal static async Task<CatalogInForce?> ReadAsync(TenantScope scope, CancellationToken ct, int newerThan = 0)
    {
        var newest = await scope.Db.Set<CatalogVersion>().AsNoTracking().Where(v => v.Version > newerThan).OrderByDescending(v => v.Version).FirstOrDefaultAsync(ct);
        return newest is null ? null : CatalogJson.Read(Encoding.UTF8.GetBytes(newest.Document)).Match(
            document => new CatalogInForce(document, newest.Version),
            errors => throw new InvalidOperationException($"Catalog version {newest.Version} cannot be read by this release: {errors[0]}"));
    }
}
