using BillingPortal.Data;
using BillingPortal.Ledger;
using BillingPortal.Primitives;
using Microsoft.EntityFrameworkCore;

namespace BillingPortal.Charging;

/// <summary>Charges as they were taken, for API and pages; each lookup touches one account only.</summary>
public sealed class ChargeReads(Tenants tenants)
{
    /// <returns>The charge with what went back of it, oldest first; null: there is none.</returns>
    public async Task<(Charge Charge, IReadOnlyList<ChargeRefund> Refunds)?> FindAsync(ChargeId id, CancellationToken ct = default)
    {
        await using var scope = await tenants.ForAccountAsync(id.Account, ct);
        var charge = await scope.Db.Set<Charge>().AsNoTracking().FirstOrDefaultAsync(c => c.AccountId == id.Account && c.Id == id.Value, ct);
        return charge is null ? null : (charge, await scope.Db.Set<ChargeRefund>().AsNoTracking()
            .Where(r => r.AccountId == id.Account && r.ChargeId == id.Value).OrderBy(r => r.CreatedAt).ToListAsync(ct));
    }

    /// <summary>The charge that stands for another since that was rated again.</summary>
    /// <param name="refunds">What went back of the other: the reversal has the new charge's id.</param>
    /// <returns>Null: it stands for itself.</returns>
    public async Task<ChargeId?> ReratedByAsync(AccountId account, IReadOnlyList<ChargeRefund> refunds, CancellationToken ct = default)
    {
        if (refunds.Count == 0)
        {
            return null;
        }

        await using var scope = await tenants.ForAccountAsync(account, ct);
        var ids = refunds.Select(r => r.Id).ToArray();
        return await scope.Db.Set<Charge>().Where(c => c.AccountId == account && ids.Contains(c.Id)).Select(c => (Guid?)c.Id).FirstOrDefaultAsync(ct) is { } id ? new(account, id) : null;
    }

    public async Task<bool> ExistsAsync(ChargeId id, CancellationToken ct = default)
    {
        await using var scope = await tenants.ForAccountAsync(id.Account, ct);
        return await scope.Db.Set<Charge>().AnyAsync(c => c.AccountId == id.Account && c.Id == id.Value, ct);
    }

    /// <summary>One page, newest first.</summary>
    /// <param name="before">The id that the page before ended with; null: the first page.</param>
    public async Task<IReadOnlyList<Charge>> ListAsync(AccountId account, ChargeFilter filter, Guid? before, int limit, CancellationToken ct = default)
    {
        await using var scope = await tenants.ForAccountAsync(account, ct);
        var charges = scope.Db.Set<Charge>().AsNoTracking().Where(c => c.AccountId == account);
        charges = filter.Run is { } run ? charges.Where(c => c.Run == run) : charges;
        charges = filter.Agent is { } agent ? charges.Where(c => c.Agent == agent) : charges;
        charges = filter.Member is { } member ? charges.Where(c => c.Member == member) : charges;
        charges = before is { } last ? charges.Where(c => c.Id.CompareTo(last) < 0) : charges;
        return await charges.OrderByDescending(c => c.Id).Take(limit).ToListAsync(ct);
    }
}
