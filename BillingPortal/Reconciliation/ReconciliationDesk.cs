using BillingPortal.Data;
using BillingPortal.Primitives;
using Microsoft.EntityFrameworkCore;

namespace BillingPortal.Reconciliation;

/// <summary>The comparison as staff see and use it.</summary>
public sealed class ReconciliationDesk
{
    /// <summary>Differences shown at once.</summary>
    public const int Most = 200;

    private readonly Tenants tenants;
    private readonly Books books;
    private readonly Mending mending;

    internal ReconciliationDesk(Tenants tenants, Books books, Mending mending) => (this.tenants, this.books, this.mending) = (tenants, books, mending);

    /// <summary>When the books were last compared, and what differs; the open ones first found first.</summary>
    /// <param name="status">Null: the open ones.</param>
    public async Task<(ReconciliationState State, IReadOnlyList<Difference> Differences)> ReadAsync(DifferenceStatus? status = null, CancellationToken ct = default)
    {
        await using var scope = await tenants.ForStaffAsync(ct);
        var wanted = status ?? DifferenceStatus.Open;
        var state = await scope.Db.Set<ReconciliationState>().AsNoTracking().SingleOrDefaultAsync(ct) ?? new();
        var found = scope.Db.Set<Difference>().AsNoTracking().Where(d => d.Status == wanted);
        return (state, await found.OrderByDescending(d => d.SeenAt).ThenByDescending(d => d.Id).Take(Most).ToListAsync(ct));
    }

    /// <summary>Compares now.</summary>
    /// <returns>Null when done; why not otherwise.</returns>
    public Task<Refusal?> CompareAsync(CancellationToken ct = default) => books.CompareAsync(ct);

    public Task<Result<Difference>> MendAsync(Guid id, string actor, CancellationToken ct = default) => mending.MendAsync(id, actor, ct);
}
