using BillingPortal.Accounts;
using BillingPortal.Data;
using BillingPortal.Ledger;
using BillingPortal.Payments;
using BillingPortal.Payments.Stripe;
using BillingPortal.Primitives;
using BillingPortal.Subscriptions;
using Microsoft.EntityFrameworkCore;

namespace BillingPortal.Purchases;

/// <summary>What a checkout session's end does: a paid one is fulfilled, exactly once, whichever event told it and however often. The success page grants nothing; this does.</summary>
internal sealed class CheckoutSessionEvents(StripeClient stripe, Ledger.Ledger ledger, SubscriptionMirror subscriptions, Outbox.Outbox outbox, TimeProvider time) : IStripeEventHandler
{
    public IReadOnlyCollection<string> EventTypes { get; } =
        ["checkout.session.completed", "checkout.session.async_payment_succeeded", "checkout.session.async_payment_failed", "checkout.session.expired"];

    public async Task<StripeEffect> HandleAsync(StripeEvent received, CancellationToken ct)
    {
        if (received.ObjectId is not { } id)
        {
            return new StripeEffect.Park("The event names no checkout session.");
        }

        if (!(await stripe.CheckoutSessions.GetAsync(id, ct)).TryGet(out var session, out var error))
        {
            return StripeEffect.Of(error);
        }

        if (OrderOf(session) is not var (account, order))
        {
            return new StripeEffect.Nothing("Not a checkout of this portal.");
        }

        StripeSubscription? subscription = null;
        if (session.Subscription is { } subscriptionId && !(await stripe.Subscriptions.GetAsync(subscriptionId, ct)).TryGet(out subscription, out error))
        {
            return StripeEffect.Of(error);
        }

        var failed = received.Type == "checkout.session.async_payment_failed";
        return new StripeEffect.Apply((scope, inner) => SettleAsync(scope, account, order, session, subscription, failed, received, inner));
    }

    private static (AccountId Account, Guid Order)? OrderOf(StripeCheckoutSession session) =>
        session.Metadata.TryGetValue("account", out var account) && AccountId.TryParse(account, out var accountId)
        && session.Metadata.TryGetValue("order", out var order) && ShownId.TryParse(Order.Prefix, order, out Guid orderId)
            ? (accountId, orderId)
            : null;

    private async Task<string?> SettleAsync(
        TenantScope scope, AccountId account, Guid orderId, StripeCheckoutSession session, StripeSubscription? subscription, bool failed, StripeEvent received, CancellationToken ct)
    {
        // The row's lock: two events of one session are settled one after the other.
        var order = await scope.Db.Set<Order>().FromSql($"select * from orders where account_id = {account.Value} and id = {orderId} for update").SingleOrDefaultAsync(ct);
        if (order is null)
        {
            return "The session names an order that is not known here.";
        }

        if (order.SessionId is not null && order.SessionId != session.Id)
        {
            return $"The order belongs to session {order.SessionId}.";
        }

        order.SessionId = session.Id;
        if (order.Status == OrderStatus.Fulfilled)
        {
            return null;
        }

        if (!session.IsPaid || session.Status != "complete")
        {
            order.Status = session.Status switch
            {
                "expired" => OrderStatus.Expired,
                "complete" => failed ? OrderStatus.Failed : OrderStatus.Processing,
                _ => order.Status,
            };
            return null;
        }

        return await FulfilAsync(scope, order, session, subscription, received, ct);
    }

    private async Task<string?> FulfilAsync(TenantScope scope, Order order, StripeCheckoutSession session, StripeSubscription? subscription, StripeEvent received, CancellationToken ct)
    {
        if (session.Currency == order.Currency.Code && session.AmountSubtotal != StripeMoney.ToMinor(order.Price, order.Currency))
        {
            return $"The session is about {session.AmountSubtotal} {session.Currency}, the order about {order.Price} {order.Currency}.";
        }

        order.Status = OrderStatus.Fulfilled;
        order.FulfilledAt = time.Now();
        if (order.Kind == OrderKind.Subscription)
        {
            return subscription is null
                ? "A paid session without its subscription."
                : await subscriptions.ApplyAsync(scope, subscription, new SubscriptionCause("stripe", received.Id), ct);
        }

        var posted = await ledger.PostAsync(scope, new GrantOperation(order.AccountId, Origin.Stripe, $"checkout:{session.Id}", Terms(order, session)), ct);
        if (Record(scope, order, session) is { } payment)
        {
            var who = await scope.Db.Set<Account>().AsNoTracking().SingleAsync(a => a.AccountId == order.AccountId, ct);
            await TopUpMails.ReceiptAsync(outbox, scope, who, new(payment.Paid, payment.Currency, payment.Granted + payment.Bonus, payment.Unit, payment.Id), ct);
        }

        return posted.Match(_ => (string?)null, refusal => refusal.Code.Status == 503 ? throw new InvalidOperationException(refusal.Detail) : refusal.Detail);
    }

    /// <summary>What refunds and disputes go back to. A session that cost nothing has no payment.</summary>
    private static Payment? Record(TenantScope scope, Order order, StripeCheckoutSession session)
    {
        if (session.PaymentIntent is not { } intent || session.AmountTotal is not > 0)
        {
            return null;
        }

        var currency = Unit.Of(session.Currency ?? order.Currency.Code);
        var payment = new Payment
        {
            AccountId = order.AccountId,
            Id = intent,
            PaidAt = order.FulfilledAt!.Value,
            Bought = order.Pack ?? "reserve",
            Reference = session.Id,
            Paid = StripeMoney.FromMinor(session.AmountTotal.Value, currency),
            Currency = currency,
            Unit = order.Kind == OrderKind.Reserve ? order.Currency : Unit.Credit,
            Granted = order.Granted,
            Bonus = order.Bonus,
        };
        scope.Db.Add(payment);
        return payment;
    }

    /// <summary>What was paid for and what comes on top are grants of their own: they burn, expire and are refunded apart.</summary>
    private static List<GrantTerms> Terms(Order order, StripeCheckoutSession session)
    {
        var unit = order.Kind == OrderKind.Reserve ? order.Currency : Unit.Credit;
        var expires = order.ExpiresAfterDays is { } days ? order.FulfilledAt?.AddDays(days) : null;
        var terms = new List<GrantTerms> { new(unit, order.Granted, GrantSource.Purchase) { Reference = session.Id, ExpiresAt = expires } };
        if (order.Bonus.IsPositive)
        {
            terms.Add(new(unit, order.Bonus, GrantSource.Bonus) { Reference = session.Id, ExpiresAt = expires });
        }

        return terms;
    }
}
