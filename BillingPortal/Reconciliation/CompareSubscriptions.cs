using BillingPortal.Data;
using BillingPortal.Payments;
using BillingPortal.Payments.Stripe;
using BillingPortal.Primitives;
using BillingPortal.Subscriptions;
using Microsoft.EntityFrameworkCore;

namespace BillingPortal.Reconciliation;

/// <summary>Each subscription at Stripe stands here as it stands there, and none gives access that Stripe does not have.</summary>
internal sealed class CompareSubscriptions(StripeClient stripe, Tenants tenants) : IComparison
{
    public IReadOnlyCollection<DifferenceKind> Kinds { get; } = [DifferenceKind.SubscriptionDiffers, DifferenceKind.SubscriptionGone];

    public async Task<StripeError?> CompareAsync(Findings findings, CancellationToken ct)
    {
        if (!(await stripe.Books.SubscriptionsAsync(ct)).TryGet(out var there, out var error))
        {
            return error;
        }

        findings.Compared += there.Count;
        await using var scope = await tenants.ForStaffAsync(ct);
        var accounts = (await scope.Db.Set<CustomerLink>().AsNoTracking().Where(l => l.CustomerId != null).Select(l => new { l.CustomerId, l.AccountId }).ToListAsync(ct)).ToLookup(l => l.CustomerId!, l => l.AccountId);
        var here = (await scope.Db.Set<Subscription>().AsNoTracking().ToListAsync(ct)).ToDictionary(s => s.Id);
        foreach (var subscription in there.Where(s => s.StartDate < findings.Until))
        {
            // Customers of others, in an account at Stripe that is shared, are not ours to judge.
            if (accounts[subscription.Customer.Value].Cast<AccountId?>().FirstOrDefault() is { } account)
            {
                Check(subscription, account, here.GetValueOrDefault(subscription.Id), findings);
            }
        }

        var known = there.Select(s => s.Id).ToHashSet();
        foreach (var row in here.Values.Where(s => s.IsEntitled && !known.Contains(s.Id)))
        {
            findings.Add(new(DifferenceKind.SubscriptionGone, row.Id, "No such subscription.", $"{row.Plan} by the {row.Interval}, {row.Status}.", Mend.EndSubscription, Account: row.AccountId, Customer: row.CustomerId)
            {
                Why = "It gives access here and Stripe does not have it: it was made with other keys (another account, test or live), or with the simulator. Ending it puts the account on the default plan.",
            });
        }

        return null;
    }

    private static void Check(StripeSubscription there, AccountId account, Subscription? here, Findings findings)
    {
        // A first payment that never went through leaves no trace here, and needs none.
        if (there.BaseItem is not { } item || (here is null && there.Status is "incomplete" or "incomplete_expired" or "canceled"))
        {
            return;
        }

        var (atStripe, mirrored) = (Words(there, item), here is null ? "Not known." : Words(here));
        if (atStripe != mirrored)
        {
            findings.Add(new(DifferenceKind.SubscriptionDiffers, there.Id, atStripe, mirrored, Mend.TakeOver, "customer.subscription.updated", account, there.Customer));
        }
    }

    private static string Words(StripeSubscription s, StripeSubscriptionItem item) => Words(s.Status, item.Price.Id, item.CurrentPeriodEnd, s.CancelAtPeriodEnd || s.CancelAt is not null);

    private static string Words(Subscription s) => Words(s.Status, s.PriceId, s.CurrentPeriodEnd, s.CancelAtPeriodEnd);

    private static string Words(string status, string price, DateTimeOffset end, bool cancels) =>
        string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{status}, price {price}, until {end:yyyy-MM-dd HH:mm:ss} UTC{(cancels ? ", then it ends" : "")}.");
}
