using BillingPortal.Catalog;
using BillingPortal.Payments.Stripe;

namespace BillingPortal.Payments.Sync;

/// <summary>A meter at Stripe for each meter that some plan bills beyond its allowance. The event's name is the meter's id; values add up.</summary>
internal sealed class SyncMeters(StripeClient stripe)
{
    public async Task RunAsync(SyncRun run, CatalogDocument catalog, CancellationToken ct)
    {
        var billed = catalog.Meters.Where(m => catalog.Plans.Any(p => p.Allowances.Any(a => a.Meter == m.Id && a.Overage is not null))).ToList();
        if (billed.Count == 0)
        {
            return;
        }

        if (!(await stripe.Meters.ListAsync(ct)).TryGet(out var there, out var error))
        {
            run.Failed("meters", error);
            return;
        }

        foreach (var meter in billed)
        {
            var what = $"meter {meter.Id}";
            var found = there.Data.FirstOrDefault(m => m.EventName == meter.Id);
            if (found is null)
            {
                await run.DoAsync(what, SyncAct.Create, $"{meter.Name}, a sum.", key => stripe.Meters.CreateAsync(new() { EventName = meter.Id, DisplayName = meter.Name, DefaultAggregation = new("sum") }, key, ct));
            }
            else if (found.DefaultAggregation?.Formula is not (null or "sum"))
            {
                run.Blocked(what, $"{found.Id} computes a {found.DefaultAggregation.Formula}, which cannot be changed. Deactivate it in Stripe's dashboard, then run this again.");
            }
            else if (found.DisplayName != meter.Name)
            {
                await run.DoAsync(what, SyncAct.Update, $"named {found.DisplayName}, shall be {meter.Name}.", key => stripe.Meters.UpdateAsync(found.Id, new() { DisplayName = meter.Name }, key, ct));
            }
            else
            {
                run.InOrder(what, $"{found.Id}, {meter.Name}.");
            }
        }
    }
}
