using BillingPortal.Catalog;
using BillingPortal.Payments.Stripe;
using BillingPortal.Primitives;

namespace BillingPortal.Payments;

/// <summary>A price of the catalog as Stripe must have it.</summary>
/// <param name="LookupKey"><c>{plan}_{interval}_{currency}</c> or <c>pack_{id}_{currency}</c>.</param>
/// <param name="Product">Id of the product at Stripe.</param>
/// <param name="Interval">Null: paid once.</param>
/// <param name="Bound">An existing price id that the catalog names instead of the lookup key.</param>
public sealed record SoldPrice(string LookupKey, string Product, string Name, Amount Amount, Unit Currency, BillingInterval? Interval, string? Bound)
{
    public static SoldPrice Of(Plan plan, PlanPrice price) =>
        new($"{plan.Id}_{Word(price.Interval)}_{price.Currency}", $"plan_{plan.Id}", plan.Name, price.Amount, price.Currency, price.Interval, price.StripePrice);

    public static SoldPrice Of(CreditPack pack) =>
        new($"pack_{pack.Id}_{pack.Currency}", $"pack_{pack.Id}", pack.Name, pack.Price, pack.Currency, null, pack.StripePrice);

    /// <summary>What a plan costs for an interval: in the wanted currency where it is sold in that, else in the catalog's own, else in any.</summary>
    /// <returns>Null: it is not sold for that interval.</returns>
    public static PlanPrice? Choose(Plan plan, BillingInterval interval, Unit? wanted, CatalogDocument catalog)
    {
        var sold = plan.Prices.Where(p => p.Interval == interval && p.Amount.IsPositive).ToList();
        return sold.Find(p => p.Currency == wanted) ?? sold.Find(p => p.Currency == catalog.Currency) ?? (sold.Count > 0 ? sold[0] : null);
    }

    /// <summary>Everything that is sold for money.</summary>
    public static IEnumerable<SoldPrice> All(CatalogDocument catalog) =>
        catalog.Plans.SelectMany(plan => plan.Prices.Where(p => p.Amount.IsPositive).Select(p => Of(plan, p))).Concat(catalog.CreditPacks.Select(Of));

    public static string Word(BillingInterval interval) => interval == BillingInterval.Year ? "year" : "month";

    /// <returns>What is wrong with Stripe's price, as a sentence; null when it fits.</returns>
    public string? Mismatch(StripePrice price, bool live)
    {
        var minor = StripeMoney.ToMinor(Amount, Currency);
        return price switch
        {
            { Active: false } => "it is not active",
            _ when price.Livemode != live => live ? "it is a test price and the key is live" : "it is a live price and the key is for tests",
            _ when (price.Recurring is not null) != (Interval is not null) => Interval is null ? "it recurs, and a pack is paid once" : "it is paid once, and a plan recurs",
            _ when Interval is { } every && (price.Recurring!.Interval != Word(every) || price.Recurring.IntervalCount != 1) => $"it is not paid each {Word(every)}",
            _ when price.Currency != Currency.Code => $"its currency is {price.Currency}, not {Currency}",
            _ when price.UnitAmount != minor => $"its amount is {price.UnitAmount?.ToString(System.Globalization.CultureInfo.InvariantCulture) ?? "not fixed"}, not {minor} (minor units of {Currency})",
            _ => null,
        };
    }
}

/// <summary>From the catalog's prices to Stripe's, and back. With the simulator what is missing is made at once, so that buying needs no configuration.</summary>
public sealed class SoldPrices(StripeClient stripe, IStripeConnection connection, CatalogSnapshot catalog)
{
    /// <returns>The id of Stripe's price; <see cref="StripeFailure.Missing"/> when there is none that fits.</returns>
    public async Task<StripeResult<string>> FindAsync(SoldPrice sold, CancellationToken ct)
    {
        var current = connection.Current;
        var simulated = current.Mode == PaymentsMode.Simulator;
        var found = await LookUpAsync(sold, simulated, ct);
        if (!found.TryGet(out var price, out var error))
        {
            return error;
        }

        if (price is not null && sold.Mismatch(price, current.IsLive) is null)
        {
            return price.Id;
        }

        return simulated
            ? await MakeAsync(sold, price, ct)
            : new StripeError(StripeFailure.Missing, price is null ? $"There is no price with lookup key {sold.LookupKey}." : $"Price {price.Id} does not fit: {sold.Mismatch(price, current.IsLive)}.") { Param = "price" };
    }

    /// <summary>A price by its id.</summary>
    public Task<StripeResult<StripePrice>> OfAsync(string id, CancellationToken ct) => stripe.Prices.GetAsync(id, ct);

    /// <summary>An existing price id: this environment's own binding, else the catalog's.</summary>
    public string? BoundOf(SoldPrice sold) => connection.Current.BoundPrices.GetValueOrDefault(sold.LookupKey) ?? sold.Bound;

    /// <returns>Stripe's price for what is sold, fitting or not; null when there is none.</returns>
    public async Task<StripeResult<StripePrice?>> LookUpAsync(SoldPrice sold, bool simulated, CancellationToken ct)
    {
        // Price ids that the catalog names belong to an account at Stripe, which the simulator is not.
        if (BoundOf(sold) is { } bound && !simulated)
        {
            return (await stripe.Prices.GetAsync(bound, ct)).Match<StripeResult<StripePrice?>>(
                price => new StripeResult<StripePrice?>.Answered(price),
                error => error.Failure == StripeFailure.Missing ? new StripeResult<StripePrice?>.Answered(null) : error);
        }

        return (await stripe.Prices.ListAsync([sold.LookupKey], ct)).Match<StripeResult<StripePrice?>>(
            list => new StripeResult<StripePrice?>.Answered(list.Data.OrderByDescending(p => p.Active).FirstOrDefault()), error => error);
    }

    /// <summary>Makes product and price, and gives the price the lookup key, taken from the one it replaces.</summary>
    public async Task<StripeResult<string>> MakeAsync(SoldPrice sold, StripePrice? replaces, CancellationToken ct)
    {
        var product = await stripe.Products.GetAsync(sold.Product, ct);
        if (product is StripeResult<StripeProduct>.Failed { Error.Failure: StripeFailure.Missing })
        {
            product = await stripe.Products.CreateAsync(new(sold.Name) { Id = sold.Product }, $"product:{sold.Product}:{sold.Name}", ct);
        }

        if (!product.TryGet(out _, out var error))
        {
            return error;
        }

        var minor = StripeMoney.ToMinor(sold.Amount, sold.Currency);
        var made = await stripe.Prices.CreateAsync(new()
        {
            Product = sold.Product,
            Currency = sold.Currency.Code,
            UnitAmount = minor,
            Recurring = sold.Interval is { } interval ? new(SoldPrice.Word(interval)) : null,
            LookupKey = sold.LookupKey,
            TransferLookupKey = true,
            Nickname = sold.Name,
            Metadata = new Dictionary<string, string> { ["catalog"] = sold.LookupKey },
        }, $"price:{sold.LookupKey}:{minor}:{replaces?.Id ?? "first"}", ct);
        return made.Match<StripeResult<string>>(price => price.Id, failed => failed);
    }

    /// <summary>The plan and interval that a price of a subscription stands for; also a price that has lost its lookup key to a newer one.</summary>
    public (Plan Plan, BillingInterval Interval)? PlanOf(StripePrice price)
    {
        var key = connection.Current.BoundPrices.FirstOrDefault(b => b.Value == price.Id).Key ?? price.LookupKey ?? price.Metadata.GetValueOrDefault("catalog");
        foreach (var plan in catalog.Current.Plans)
        {
            foreach (var sold in plan.Prices)
            {
                if (sold.StripePrice == price.Id || SoldPrice.Of(plan, sold).LookupKey == key)
                {
                    return (plan, sold.Interval);
                }
            }
        }

        return null;
    }
}
