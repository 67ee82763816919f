using BillingPortal.Data;
using BillingPortal.Ledger;
using BillingPortal.Payments;
using BillingPortal.Payments.Stripe;
using BillingPortal.Primitives;
using BillingPortal.Purchases;
using Microsoft.EntityFrameworkCore;

namespace BillingPortal.Reconciliation;

/// <summary>Automatic top-ups from the dip to the grant: they have no checkout, only a payment made while nobody looked.</summary>
internal sealed class TopUpTrace(StripeClient stripe, Tenants tenants)
{
    /// <param name="query">A payment intent or a top-up's id.</param>
    /// <returns>Empty: it names none.</returns>
    public async Task<IReadOnlyList<TracedPayment>> FindAsync(string query, CancellationToken ct)
    {
        var named = query.StartsWith("pi_", StringComparison.Ordinal)
            ? (await stripe.PaymentIntents.GetAsync(query, ct)).Match(intent => intent.Metadata.GetValueOrDefault("top_up"), _ => null)
            : query;
        if (!ShownId.TryParse(TopUp.Prefix, named, out Guid id))
        {
            return [];
        }

        await using var scope = await tenants.ForStaffAsync(ct);
        var found = await scope.Db.Set<TopUp>().AsNoTracking().FirstOrDefaultAsync(t => t.Id == id, ct);
        return found is null ? [] : [await TraceAsync(scope, found, ct)];
    }

    /// <summary>Those of some accounts, newest first.</summary>
    public async Task<IReadOnlyList<TracedPayment>> OfAsync(IReadOnlyCollection<AccountId> accounts, CancellationToken ct)
    {
        await using var scope = await tenants.ForStaffAsync(ct);
        var traced = new List<TracedPayment>();
        foreach (var topUp in await scope.Db.Set<TopUp>().AsNoTracking().Where(t => accounts.Contains(t.AccountId)).OrderByDescending(t => t.Id).Take(PaymentTrace.Most).ToListAsync(ct))
        {
            traced.Add(await TraceAsync(scope, topUp, ct));
        }

        return traced;
    }

    private static async Task<TracedPayment> TraceAsync(TenantScope scope, TopUp topUp, CancellationToken ct)
    {
        var events = topUp.PaymentId is not { } payment ? []
            : await scope.Db.Set<WebhookEvent>().AsNoTracking().Where(e => e.ObjectId == payment).OrderBy(e => e.CreatedAt).Take(50)
                .Select(e => new TracedEvent(e.Id, e.Type, e.Status, e.Outcome, e.ReceivedAt, e.Fetched)).ToListAsync(ct);
        var reference = topUp.ShownId;
        var grants = await scope.Db.Set<Grant>().AsNoTracking().Where(g => g.AccountId == topUp.AccountId && g.Reference == reference)
            .Select(g => new TracedGrant(g.Unit, g.Amount, g.Source, g.CreatedAt)).ToListAsync(ct);
        return new(
            reference, topUp.AccountId.ToString(), topUp.Pack ?? $"{topUp.Granted} {topUp.Currency}", topUp.Status.ToString().ToLowerInvariant(), null, events, grants, topUp.Status == TopUpStatus.Succeeded, Verdict(topUp))
        {
            PaymentIntent = topUp.PaymentId,
        };
    }

    private static string Verdict(TopUp topUp) => topUp.Status switch
    {
        TopUpStatus.Succeeded => $"Automatic top-up, paid and granted at {topUp.SettledAt:yyyy-MM-dd HH:mm:ss} UTC.",
        TopUpStatus.Processing => "Automatic top-up: the payment method takes days, and the money has not come yet.",
        TopUpStatus.Declined => $"Automatic top-up, declined: {topUp.Outcome} Nothing is tried again until the customer acts.",
        TopUpStatus.Abandoned => $"Automatic top-up: {topUp.Outcome} Nothing was charged.",
        _ => $"Automatic top-up: Stripe has not answered after {topUp.Attempts} tries. It is asked again under the same key at {topUp.NextTryAt:HH:mm:ss} UTC, so that nothing is charged twice.",
    };
}
