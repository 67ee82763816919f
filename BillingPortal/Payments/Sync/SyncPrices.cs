using BillingPortal.Catalog;
using BillingPortal.Payments.Stripe;

namespace BillingPortal.Payments.Sync;

/// <summary>Products and prices: a product per plan and pack, a price per way to pay for it, known by its lookup key. Prices cannot be changed, so another one takes the key over.</summary>
internal sealed class SyncPrices(StripeClient stripe, SoldPrices prices, IStripeConnection connection)
{
    public async Task RunAsync(SyncRun run, CatalogDocument catalog, CancellationToken ct)
    {
        foreach (var product in SoldPrice.All(catalog).Where(s => prices.BoundOf(s) is null).DistinctBy(s => s.Product))
        {
            await ProductAsync(run, product, ct);
        }

        foreach (var sold in SoldPrice.All(catalog))
        {
            await PriceAsync(run, sold, ct);
        }
    }

    private async Task ProductAsync(SyncRun run, SoldPrice sold, CancellationToken ct)
    {
        var what = $"product {sold.Product}";
        if ((await stripe.Products.GetAsync(sold.Product, ct)).TryGet(out var found, out var error))
        {
            if (found.Name == sold.Name && found.Active)
            {
                run.InOrder(what, sold.Name);
            }
            else
            {
                await run.DoAsync(what, SyncAct.Update, found.Active ? $"named {found.Name}, shall be {sold.Name}." : "not active.", key => stripe.Products.UpdateAsync(sold.Product, new(sold.Name) { Active = true }, key, ct));
            }
        }
        else if (error.Failure == StripeFailure.Missing)
        {
            await run.DoAsync(what, SyncAct.Create, $"{sold.Name}.", key => stripe.Products.CreateAsync(new(sold.Name) { Id = sold.Product }, key, ct));
        }
        else
        {
            run.Failed(what, error);
        }
    }

    private async Task PriceAsync(SyncRun run, SoldPrice sold, CancellationToken ct)
    {
        var current = connection.Current;
        var bound = prices.BoundOf(sold);
        var what = $"price {sold.LookupKey}";
        if (!(await prices.LookUpAsync(sold, simulated: false, ct)).TryGetOrNull(out var found, out var error))
        {
            run.Failed(what, error!);
            return;
        }

        var wrong = found is null ? null : sold.Mismatch(found, current.IsLive);
        var terms = $"{sold.Amount} {sold.Currency}{(sold.Interval is { } every ? $" each {SoldPrice.Word(every)}" : ", one time")}.";
        switch (found)
        {
            case null when bound is not null:
                run.Blocked(what, $"It is bound to {bound}, which Stripe does not have. Bind an existing price, or none, so that one is made.");
                break;
            case null:
                await run.DoAsync(what, SyncAct.Create, terms, async _ => Made(await prices.MakeAsync(sold, null, ct)));
                break;
            case not null when wrong is null:
                run.InOrder(what, bound is null ? $"{found.Id}, {terms}" : $"bound to {found.Id}, {terms}");
                break;
            case not null when bound is not null:
                run.Blocked(what, $"It is bound to {bound}, which does not fit: {wrong}. Bind a fitting price, or none, so that one is made.");
                break;
            default:
                await run.DoAsync(what, SyncAct.Replace, $"{found.Id} does not fit: {wrong}. Shall be {terms}", key => ReplaceAsync(sold, found, key, ct));
                break;
        }
    }

    private async Task<StripeResult<MadePrice>> ReplaceAsync(SoldPrice sold, StripePrice old, string key, CancellationToken ct)
    {
        var made = await prices.MakeAsync(sold, old, ct);
        // Who subscribes to the old one goes on; nobody new does. One that somebody made by hand is left to them.
        if (made is StripeResult<string>.Answered && old.Metadata.ContainsKey("catalog"))
        {
            await stripe.Prices.UpdateAsync(old.Id, new() { Active = false }, $"{key}:old", ct);
        }

        return Made(made);
    }

    private static StripeResult<MadePrice> Made(StripeResult<string> made) => made.Match<StripeResult<MadePrice>>(id => new MadePrice(id), error => error);

    private sealed record MadePrice(string Id);
}
