using BillingPortal.Data;
using BillingPortal.Primitives;
using Microsoft.EntityFrameworkCore;

namespace BillingPortal.Ledger;

/// <summary>Holds as they stand, for API and pages; each look-up touches one account only.</summary>
/// <remarks>An open hold whose time is over is closed by the account's next operation, or within a minute by a job; <see cref="FindAsync"/> and the lists close it first.</remarks>
public sealed class HoldReads(Tenants tenants, Ledger ledger, TimeProvider time)
{
    /// <returns>Null: there is none.</returns>
    public async Task<Hold?> FindAsync(HoldId id, CancellationToken ct = default)
    {
        var hold = await ReadAsync(id, ct);
        if (hold is { IsOpen: true } && hold.ExpiresAt <= time.Now())
        {
            await ledger.AdvanceAsync(id.Account, ct);
            hold = await ReadAsync(id, ct);
        }

        return hold;
    }

    /// <summary>What was asked for, which never changes; how it stands is decided under the account's lock.</summary>
    /// <returns>Null: there is none.</returns>
    public async Task<Hold?> ReadAsync(HoldId id, CancellationToken ct = default)
    {
        await using var scope = await tenants.ForAccountAsync(id.Account, ct);
        return await scope.Db.Set<Hold>().AsNoTracking().FirstOrDefaultAsync(h => h.AccountId == id.Account && h.Id == id.Value, ct);
    }

    /// <summary>One page, newest first.</summary>
    /// <param name="before">The id that the page before ended with; null: the first page.</param>
    public async Task<IReadOnlyList<Hold>> ListAsync(AccountId account, HoldFilter filter, Guid? before, int limit, CancellationToken ct = default)
    {
        await using var scope = await tenants.ForAccountAsync(account, ct);
        var all = scope.Db.Set<Hold>().AsNoTracking().Where(h => h.AccountId == account);
        if (await all.AnyAsync(h => h.Status == HoldStatus.Open && h.ExpiresAt <= time.Now(), ct))
        {
            await ledger.AdvanceAsync(account, ct);
        }

        all = filter.Run is { } run ? all.Where(h => h.Run == run) : all;
        all = filter.Status is { } status ? all.Where(h => h.Status == status) : all;
        all = before is { } last ? all.Where(h => h.Id.CompareTo(last) < 0) : all;
        return await all.OrderByDescending(h => h.Id).Take(limit).ToListAsync(ct);
    }
}

/// <summary>Which holds to read; null: all.</summary>
public sealed record HoldFilter(string? Run = null, HoldStatus? Status = null);
