using BillingPortal.Data;

namespace BillingPortal.Catalog;

/// <summary>Tells what of the catalog accounts stand on, so that no new version takes it from under them. Owned here; the slices above know.</summary>
public interface ICatalogUse
{
    /// <param name="scope">Staff's.</param>
    /// <param name="plans">Ids of plans about to go.</param>
    /// <param name="meters">Ids of meters about to go.</param>
    /// <returns>Those in use; empty: none.</returns>
    Task<IReadOnlyList<CatalogUse>> FindAsync(TenantScope scope, IReadOnlyCollection<string> plans, IReadOnlyCollection<string> meters, CancellationToken ct);

    /// <summary>Whether anything was ever charged, of any account.</summary>
    /// <param name="scope">Staff's.</param>
    Task<bool> HasChargedAsync(TenantScope scope, CancellationToken ct);
}

/// <param name="Path">As the diff names it: <c>plans[standard]</c>.</param>
/// <param name="Accounts">How many, one or more.</param>
/// <param name="Way">What they do with it: <c>on this plan</c>.</param>
public sealed record CatalogUse(string Path, long Accounts, string Way)
{
    public string Message => $"{Accounts} {(Accounts == 1 ? "account is" : "accounts are")} {Way}";
}
