using BillingPortal.Payments;
using BillingPortal.Payments.Stripe;
using BillingPortal.Primitives;

namespace BillingPortal.Subscriptions;

/// <summary>Stripe's own portal, for card, invoices and cancellation: a link for one visit, made per click.</summary>
public sealed class StripePortal(StripeClient stripe, CustomerLinks customers)
{
    /// <param name="returnUrl">Checked against the allowed origins by whoever takes it from outside.</param>
    public async Task<(string? Url, Refusal? Refusal)> OpenAsync(AccountId account, string returnUrl, CancellationToken ct = default)
    {
        var visit = Guid.NewGuid().ToString("N");
        var made = await customers.CallAsync(account, (customer, generation) => stripe.BillingPortalSessions.CreateAsync(customer, returnUrl, $"portal:{visit}:{generation}", ct), ct);
        return made.Match<(string?, Refusal?)>(session => (session.Url, null), error => (null, error.ToRefusal()));
    }
}
