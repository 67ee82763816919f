using BillingPortal.Data;
using BillingPortal.Payments.Stripe;
using BillingPortal.Primitives;
using BillingPortal.Purchases;
using Microsoft.EntityFrameworkCore;

namespace BillingPortal.Reconciliation;

/// <summary>Each paid checkout has its order fulfilled; each order that was fulfilled has its payment.</summary>
internal sealed class ComparePayments(StripeClient stripe, Tenants tenants) : IComparison
{
    public IReadOnlyCollection<DifferenceKind> Kinds { get; } = [DifferenceKind.PaymentNotGranted, DifferenceKind.PaymentUnknown, DifferenceKind.GrantNotPaid];

    public async Task<StripeError?> CompareAsync(Findings findings, CancellationToken ct)
    {
        if (!(await stripe.Books.CheckoutSessionsAsync(findings.Created, ct)).TryGet(out var sessions, out var error))
        {
            return error;
        }

        var paid = sessions.Where(s => s is { Status: "complete", IsPaid: true } && s.Metadata.ContainsKey("order")).ToList();
        findings.Compared += paid.Count;
        List<Order> fulfilled;
        await using (var scope = await tenants.ForStaffAsync(ct))
        {
            foreach (var session in paid)
            {
                await CheckAsync(scope, session, findings, ct);
            }

            fulfilled = await scope.Db.Set<Order>().AsNoTracking()
                .Where(o => o.Status == OrderStatus.Fulfilled && o.Kind != OrderKind.Subscription && o.SessionId != null && o.FulfilledAt >= findings.Since && o.FulfilledAt < findings.Until).ToListAsync(ct);
        }

        var known = paid.Select(s => s.Id).ToHashSet();
        foreach (var order in fulfilled.Where(o => !known.Contains(o.SessionId!)))
        {
            if (await CheckAsync(order, findings, ct) is { } unanswered)
            {
                return unanswered;
            }
        }

        return null;
    }

    private static async Task CheckAsync(TenantScope scope, StripeCheckoutSession session, Findings findings, CancellationToken ct)
    {
        var says = $"Paid: {session.AmountTotal} {session.Currency} (minor units), payment {session.PaymentIntent?.Value ?? session.Subscription?.Value ?? "none"}.";
        var order = ShownId.TryParse(Order.Prefix, session.Metadata.GetValueOrDefault("order"), out Guid id) ? await scope.Db.Set<Order>().AsNoTracking().FirstOrDefaultAsync(o => o.Id == id, ct) : null;
        if (order is null)
        {
            findings.Add(new(DifferenceKind.PaymentUnknown, session.Id, says, "No such order.", Mend.ByHand, Customer: session.Customer?.Value)
            {
                Why = "The payment carries this portal's mark, but its order is not in this database: it belongs to another environment that shares the account at Stripe, or was lost in a restore. Refund it at Stripe, or grant by hand what was bought.",
            });
        }
        else if (order.Status != OrderStatus.Fulfilled)
        {
            findings.Add(new(DifferenceKind.PaymentNotGranted, session.Id, says, $"The order {order.ShownId} is {order.Status.ToString().ToLowerInvariant()}, nothing was granted.", Mend.TakeOver, "checkout.session.completed", order.AccountId, session.Customer?.Value));
        }
    }

    /// <summary>The checkout was begun before what was listed, perhaps; Stripe is asked about this one.</summary>
    private async Task<StripeError?> CheckAsync(Order order, Findings findings, CancellationToken ct)
    {
        var answer = await stripe.CheckoutSessions.GetAsync(order.SessionId!, ct);
        if (!answer.TryGet(out var session, out var error) && error.Failure != StripeFailure.Missing)
        {
            return error;
        }

        if (session is not { IsPaid: true })
        {
            var unit = order.Kind == OrderKind.Reserve ? order.Currency : Unit.Credit;
            findings.Add(new(DifferenceKind.GrantNotPaid, order.SessionId!, session is null ? "No such checkout." : $"The checkout is {session.Status}, {session.PaymentStatus}.", $"Granted as bought: {order.Granted + order.Bonus} {unit}.", Mend.TakeBack, Account: order.AccountId)
            {
                Why = session is null ? "Stripe does not know the checkout: it was made with other keys (another account, test or live), or with the simulator." : "It was granted as paid, and Stripe does not count it as paid any more.",
            });
        }

        return null;
    }
}
