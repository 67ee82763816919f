using BillingPortal.Data;
using BillingPortal.Payments;
using BillingPortal.Payments.Stripe;
using BillingPortal.Subscriptions;
using BillingPortal.Usage.Submission;
using Microsoft.EntityFrameworkCore;

namespace BillingPortal.Reconciliation;

/// <summary>What Stripe's meters have counted in the period that runs is what was reported to them.</summary>
internal sealed class CompareMeters(StripeClient stripe, MeteredPrices prices, MissingReports missing, Tenants tenants) : IComparison
{
    /// <summary>Stripe's sums lag behind the events.</summary>
    private static readonly TimeSpan Lag = TimeSpan.FromMinutes(10);

    public IReadOnlyCollection<DifferenceKind> Kinds { get; } = [DifferenceKind.MeterDiffers];

    public async Task<StripeError?> CompareAsync(Findings findings, CancellationToken ct)
    {
        if (!(await prices.MetersAsync(ct)).TryGet(out var meters, out var error))
        {
            return error;
        }

        foreach (var subscription in await SubscriptionsAsync(ct))
        {
            var (from, until) = (ReportTrace.Minute(subscription.CurrentPeriodStart), ReportTrace.Minute(findings.Until - Lag));
            foreach (var sums in from < until ? await missing.SumsAsync(subscription.AccountId, subscription.CustomerId, from, until, ct) : [])
            {
                findings.Compared++;
                var counted = 0m;
                if (meters.GetValueOrDefault(sums.Meter.Code) is { } meter)
                {
                    if (!(await stripe.Meters.SummariesAsync(meter.Id, subscription.CustomerId, from, until, ct)).TryGet(out var summaries, out error))
                    {
                        return error;
                    }

                    counted = summaries.Data.Sum(s => s.AggregatedValue);
                }

                if (counted != sums.Value)
                {
                    findings.Add(Differs(subscription, sums, counted));
                }
            }
        }

        return null;
    }

    /// <summary>Those that bill by use, of accounts that something was reported of.</summary>
    private async Task<List<Subscription>> SubscriptionsAsync(CancellationToken ct)
    {
        await using var scope = await tenants.ForStaffAsync(ct);
        var all = await scope.Db.Set<Subscription>().AsNoTracking()
            .Where(s => s.Metered.Length > 0 && (s.Status == "active" || s.Status == "past_due") && scope.Db.Set<MeterStanding>().Any(m => m.AccountId == s.AccountId && m.Number > 0)).ToListAsync(ct);
        return [.. all.GroupBy(s => s.AccountId).Select(g => CurrentSubscription.Of(g)!)];
    }

    private static Found Differs(Subscription of, ReportedSum sums, decimal counted)
    {
        var isShort = counted < sums.Value;
        return new(DifferenceKind.MeterDiffers, $"{sums.Meter} {of.CustomerId}", $"{counted:0.######} counted since {of.CurrentPeriodStart:yyyy-MM-dd}.", $"{sums.Value} reported, in {sums.Count} reports.",
            isShort ? Mend.SendAgain : Mend.ByHand, Account: of.AccountId, Customer: of.CustomerId)
        {
            Why = isShort
                ? "Stripe accepted reports and has not counted them: the meter was inactive or another one for a while, or the customer was missing. Those whose minute Stripe's sums lack are sent again, under new identifiers."
                : "Stripe has counted more than this portal reported: something else reports to the same meter, or this database was put back to an earlier state. Cancel the surplus in Stripe within a day of its arrival, or give the customer a credit.",
        };
    }
}
