using BillingPortal.Catalog;
using BillingPortal.Payments.Stripe;

namespace BillingPortal.Payments.Sync;

/// <summary>What bills use beyond allowances: a meter for each meter that some plan sells more of, and a metered price for each plan, meter, interval and currency. The event's name is the meter's id; values add up.</summary>
internal sealed class SyncMeters(StripeClient stripe, MeteredPrices prices, IStripeConnection connection)
{
    public async Task RunAsync(SyncRun run, CatalogDocument catalog, CancellationToken ct)
    {
        var billed = catalog.Meters.Where(m => catalog.Plans.Any(p => p.Allowances.Any(a => a.Meter == m.Id && a.Overage is not null))).ToList();
        if (billed.Count == 0)
        {
            return;
        }

        if (!(await prices.MetersAsync(ct)).TryGet(out var there, out var error))
        {
            run.Failed("meters", error);
            return;
        }

        var ids = new Dictionary<string, string>();
        foreach (var meter in billed)
        {
            if (await MeterAsync(run, meter, there.GetValueOrDefault(meter.Id), ct) is { } id)
            {
                ids[meter.Id] = id;
            }
        }

        await PricesAsync(run, [.. MeteredPrice.All(catalog)], ids, ct);
    }

    /// <returns>The meter's id; null where there is none that can be used.</returns>
    private async Task<string?> MeterAsync(SyncRun run, Meter meter, StripeMeter? found, CancellationToken ct)
    {
        var what = $"meter {meter.Id}";
        if (found is null)
        {
            return (await run.DoAsync(what, SyncAct.Create, $"{meter.Name}, a sum.", key => prices.MakeMeterAsync(meter, key, ct)))?.Id;
        }

        if (found.DefaultAggregation?.Formula is not (null or "sum"))
        {
            run.Blocked(what, $"{found.Id} computes a {found.DefaultAggregation.Formula}, which cannot be changed. Deactivate it in Stripe's dashboard, then run this again.");
            return null;
        }

        if (found.DisplayName != meter.Name)
        {
            await run.DoAsync(what, SyncAct.Update, $"named {found.DisplayName}, shall be {meter.Name}.", key => stripe.Meters.UpdateAsync(found.Id, new() { DisplayName = meter.Name }, key, ct));
        }
        else
        {
            run.InOrder(what, $"{found.Id}, {meter.Name}.");
        }

        return found.Id;
    }

    private async Task PricesAsync(SyncRun run, IReadOnlyList<MeteredPrice> wanted, Dictionary<string, string> meters, CancellationToken ct)
    {
        if (!(await prices.LookUpAsync(wanted, ct)).TryGet(out var there, out var error))
        {
            run.Failed("metered prices", error);
            return;
        }

        foreach (var price in wanted)
        {
            var (what, terms) = ($"metered price {price.LookupKey}", $"{price.Terms.Price} {price.Terms.Currency} per {price.Terms.Per} {price.Meter.Name}, each {SoldPrice.Word(price.Interval)}.");
            var (found, meter) = (there.GetValueOrDefault(price.LookupKey), meters.GetValueOrDefault(price.Meter.Id));
            if (found is null)
            {
                await run.DoAsync(what, SyncAct.Create, terms, _ => prices.MakeAsync(price, meter, null, ct));
            }
            else if (price.Mismatch(found, meter, connection.Current.IsLive) is { } wrong)
            {
                await run.DoAsync(what, SyncAct.Replace, $"{found.Id} does not fit: {wrong}. Shall be {terms}", key => ReplaceAsync(price, meter, found, key, ct));
            }
            else
            {
                run.InOrder(what, $"{found.Id}, {terms}");
            }
        }
    }

    private async Task<StripeResult<StripePrice>> ReplaceAsync(MeteredPrice wanted, string? meter, StripePrice old, string key, CancellationToken ct)
    {
        var made = await prices.MakeAsync(wanted, meter, old, ct);
        // Who subscribes to the old one goes on; nobody new does. One that somebody made by hand is left to them.
        if (made is StripeResult<StripePrice>.Answered && old.Metadata.ContainsKey("catalog"))
        {
            await stripe.Prices.UpdateAsync(old.Id, new() { Active = false }, $"{key}:old", ct);
        }

        return made;
    }
}
