using BillingPortal.Catalog;
using BillingPortal.Payments;
using BillingPortal.Payments.Stripe;
using BillingPortal.Primitives;

namespace BillingPortal.Subscriptions;

/// <summary>What stands on a subscription at Stripe: the plan's own price and, beside it, a metered price for each meter that the plan sells more of.</summary>
public sealed class SubscriptionItems(MeteredPrices metered)
{
    /// <param name="price">The plan's own, by its id at Stripe.</param>
    public async Task<StripeResult<IReadOnlyList<StripeSubscriptionItemOptions>>> OfNewAsync(string price, Plan plan, BillingInterval interval, Unit currency, CancellationToken ct) =>
        (await metered.FindAsync(plan, interval, currency, ct)).Match<StripeResult<IReadOnlyList<StripeSubscriptionItemOptions>>>(
            prices => Answer([new() { Price = price, Quantity = 1 }, .. prices.Select(p => new StripeSubscriptionItemOptions { Price = p })]), error => error);

    /// <summary>From what stands there to another plan: its price takes the old one's place; of the metered ones only those that fit stay. What the others have counted is billed with the change.</summary>
    public async Task<StripeResult<IReadOnlyList<StripeSubscriptionItemOptions>>> OfChangeAsync(StripeSubscription now, string price, Plan plan, BillingInterval interval, Unit currency, CancellationToken ct) =>
        (await metered.FindAsync(plan, interval, currency, ct)).Match<StripeResult<IReadOnlyList<StripeSubscriptionItemOptions>>>(
            prices => Answer(
            [
                new() { Id = now.BaseItem?.Id, Price = price },
                .. now.MeteredItems.Where(i => !prices.Contains(i.Price.Id)).Select(i => new StripeSubscriptionItemOptions { Id = i.Id, Deleted = true }),
                .. prices.Where(p => now.MeteredItems.All(i => i.Price.Id != p)).Select(p => new StripeSubscriptionItemOptions { Price = p }),
            ]), error => error);

    private static StripeResult<IReadOnlyList<StripeSubscriptionItemOptions>> Answer(IReadOnlyList<StripeSubscriptionItemOptions> items) => new StripeResult<IReadOnlyList<StripeSubscriptionItemOptions>>.Answered(items);
}
