using BillingPortal.Data;
using BillingPortal.Jobs;
using BillingPortal.Primitives;
using Microsoft.EntityFrameworkCore;

namespace BillingPortal.Purchases;

/// <summary>Finds out what became of refunds that got no answer: asked again under the same key while Stripe remembers it, and looked up after.</summary>
internal sealed class SettleRefunds(Tenants tenants, IServiceProvider services, TimeProvider time) : RecurringJob
{
    /// <summary>Stripe keeps a key for a day at least; an hour is left to clocks and slow calls.</summary>
    internal static readonly TimeSpan KeyLives = TimeSpan.FromHours(23);
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(45);

    public override string Name => "settle_refunds";
    public override TimeSpan Every => TimeSpan.FromSeconds(30);

    public override async Task RunAsync(CancellationToken ct)
    {
        await using var scoped = services.CreateAsyncScope();
        var refunds = scoped.ServiceProvider.GetRequiredService<Refunds>();
        foreach (var row in await WaitingAsync(ct))
        {
            if (time.GetUtcNow() - row.CreatedAt < KeyLives)
            {
                await refunds.SendAsync(row, replayed: true, ct);
            }
            else
            {
                // Never sent again: Stripe may have forgotten the key, and would refund twice.
                await refunds.FollowAsync(row.PaymentId, ct);
            }
        }
    }

    private async Task<List<Refund>> WaitingAsync(CancellationToken ct)
    {
        await using var scope = await tenants.ForStaffAsync(ct);
        var before = time.Now() - Patience;
        return await scope.Db.Set<Refund>().AsNoTracking().Where(r => r.Status == RefundStatus.Requested && r.CreatedAt < before).OrderBy(r => r.CreatedAt).Take(50).ToListAsync(ct);
    }
}
