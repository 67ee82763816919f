using BillingPortal.Data;
using BillingPortal.Primitives;
using Microsoft.EntityFrameworkCore;

namespace BillingPortal.Purchases;

/// <summary>A payment with what was given back of it.</summary>
public sealed record PaymentWithRefunds(Payment Payment, IReadOnlyList<Refund> Refunds);

/// <summary>Payments that bought credits or money, newest first, for staff.</summary>
public sealed class PaymentList(Tenants tenants)
{
    /// <param name="account">Null: everybody's.</param>
    /// <param name="after">The PaymentIntent that the page before ended with; null: from the newest.</param>
    public async Task<IReadOnlyList<PaymentWithRefunds>> ReadAsync(AccountId? account, string? after, int limit, CancellationToken ct = default)
    {
        await using var scope = await tenants.ForStaffAsync(ct);
        var payments = scope.Db.Set<Payment>().AsNoTracking();
        payments = account is { } id ? payments.Where(p => p.AccountId == id) : payments;
        if (after is not null && await scope.Db.Set<Payment>().AsNoTracking().FirstOrDefaultAsync(p => p.Id == after, ct) is { } last)
        {
#pragma warning disable CA1309 // The database compares, by the collation that it also sorts by.
            payments = payments.Where(p => p.PaidAt < last.PaidAt || (p.PaidAt == last.PaidAt && string.Compare(p.Id, last.Id) < 0));
#pragma warning restore CA1309
        }

        var page = await payments.OrderByDescending(p => p.PaidAt).ThenByDescending(p => p.Id).Take(limit).ToListAsync(ct);
        return await WithRefundsAsync(scope, page, ct);
    }

    /// <returns>Null: there is no such payment.</returns>
    public async Task<PaymentWithRefunds?> FindAsync(string id, CancellationToken ct = default)
    {
        await using var scope = await tenants.ForStaffAsync(ct);
        var found = await scope.Db.Set<Payment>().AsNoTracking().Where(p => p.Id == id).ToListAsync(ct);
        return (await WithRefundsAsync(scope, found, ct)) is [var one, ..] ? one : null;
    }

    private static async Task<IReadOnlyList<PaymentWithRefunds>> WithRefundsAsync(TenantScope scope, List<Payment> page, CancellationToken ct)
    {
        var ids = page.ConvertAll(p => p.Id);
        var refunds = (await scope.Db.Set<Refund>().AsNoTracking().Where(r => ids.Contains(r.PaymentId)).OrderBy(r => r.CreatedAt).ToListAsync(ct)).ToLookup(r => r.PaymentId);
        return [.. page.Select(p => new PaymentWithRefunds(p, [.. refunds[p.Id]]))];
    }
}
