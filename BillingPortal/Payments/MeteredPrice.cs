using System.Globalization;
using BillingPortal.Catalog;
using BillingPortal.Payments.Stripe;
using BillingPortal.Primitives;

namespace BillingPortal.Payments;

/// <summary>A price of use beyond an allowance as Stripe must have it: billed in arrears with the plan's own price, by what the meter counted.</summary>
/// <remarks>Its interval is the plan's: an annual subscription bills overage with its year, so that all of a subscription turns at once.</remarks>
/// <param name="LookupKey"><c>overage_{plan}_{meter}_{interval}_{currency}</c></param>
public sealed record MeteredPrice(string LookupKey, Meter Meter, OveragePrice Terms, BillingInterval Interval)
{
    /// <summary>Which of the catalog's meters it bills; the price carries it at Stripe.</summary>
    public const string MeterMark = "meter";

    /// <summary>Under which an invoice item names the report of use that it bills.</summary>
    public const string ReportMark = "report";

    /// <summary>Id of the product at Stripe.</summary>
    public string Product => ProductOf(Meter.Id);

    internal static string ProductOf(string meter) => $"meter_{meter}";

    public string UnitAmountDecimal => InMinor(Terms);

    /// <summary>What one unit of a meter costs, in minor units of the currency, as Stripe writes it: at most twelve decimals.</summary>
    public static string InMinor(OveragePrice terms) =>
        decimal.Round(terms.Price * StripeMoney.MinorPerUnit(terms.Currency) / terms.Per, 12, MidpointRounding.AwayFromZero).ToString("0.############", CultureInfo.InvariantCulture);

    /// <summary>What a plan sells beyond its allowances when it is paid by an interval in a currency.</summary>
    public static IEnumerable<MeteredPrice> Of(CatalogDocument catalog, Plan plan, BillingInterval interval, Unit currency) =>
        from allowance in plan.Allowances
        let terms = allowance.Overage
        where terms is not null && terms.Currency == currency
        let meter = catalog.FindMeter(allowance.Meter)
        where meter is not null
        select new MeteredPrice($"overage_{plan.Id}_{meter.Id}_{SoldPrice.Word(interval)}_{currency}", meter, terms, interval);

    /// <summary>Everything that is sold by use.</summary>
    public static IEnumerable<MeteredPrice> All(CatalogDocument catalog) =>
        from plan in catalog.Plans
        from price in plan.Prices
        where price.Amount.IsPositive
        from metered in Of(catalog, plan, price.Interval, price.Currency)
        select metered;

    /// <param name="meter">The meter's id at Stripe; null: there is none.</param>
    /// <returns>What is wrong with Stripe's price, as a sentence; null when it fits.</returns>
    public string? Mismatch(StripePrice price, string? meter, bool live) => price switch
    {
        { Active: false } => "it is not active",
        _ when price.Livemode != live => live ? "it is a test price and the key is live" : "it is a live price and the key is for tests",
        { IsMetered: false } => "it is not billed by use",
        _ when price.Recurring!.Meter != meter => $"it bills by the meter {price.Recurring.Meter ?? "(none)"}, not {meter ?? "(none)"}",
        _ when price.Recurring!.Interval != SoldPrice.Word(Interval) || price.Recurring.IntervalCount != 1 => $"it is not billed each {SoldPrice.Word(Interval)}",
        _ when price.Currency != Terms.Currency.Code => $"its currency is {price.Currency}, not {Terms.Currency}",
        _ when AmountOf(price) != UnitAmountDecimal => $"its amount is {AmountOf(price) ?? "not fixed"}, not {UnitAmountDecimal} (minor units of {Terms.Currency} each)",
        _ when price.Metadata.GetValueOrDefault(MeterMark) != Meter.Id => $"it does not carry the mark {MeterMark}: {Meter.Id}",
        _ => null,
    };

    /// <summary>The price of one, as <see cref="InMinor"/> writes it; null where there is none.</summary>
    public static string? AmountOf(StripePrice price) =>
        decimal.TryParse(price.UnitAmountDecimal, NumberStyles.Number, CultureInfo.InvariantCulture, out var exact) ? exact.ToString("0.############", CultureInfo.InvariantCulture)
        : price.UnitAmount?.ToString(CultureInfo.InvariantCulture);
}

/// <summary>From what a plan sells by use to Stripe's prices. One that is missing or does not fit is left out: what it would have billed is billed by items on the invoice.</summary>
public sealed class MeteredPrices(StripeClient stripe, IStripeConnection connection, CatalogSnapshot catalog)
{
    private const int KeysAtOnce = 10;

    /// <summary>The prices that belong on a subscription beside the plan's own. With the simulator what is missing is made at once.</summary>
    /// <returns>Ids of Stripe's prices.</returns>
    public async Task<StripeResult<IReadOnlyList<string>>> FindAsync(Plan plan, BillingInterval interval, Unit currency, CancellationToken ct)
    {
        var wanted = MeteredPrice.Of(catalog.Current, plan, interval, currency).ToList();
        if (wanted.Count == 0)
        {
            return new StripeResult<IReadOnlyList<string>>.Answered([]);
        }

        if (!(await MetersAsync(ct)).TryGet(out var meters, out var error) || !(await LookUpAsync(wanted, ct)).TryGet(out var there, out error))
        {
            return error;
        }

        var found = new List<string>();
        foreach (var price in wanted)
        {
            var known = there.GetValueOrDefault(price.LookupKey);
            var meter = meters.GetValueOrDefault(price.Meter.Id)?.Id;
            if (known is not null && price.Mismatch(known, meter, connection.Current.IsLive) is null)
            {
                found.Add(known.Id);
            }
            else if (connection.Current.Mode == PaymentsMode.Simulator)
            {
                if (!(await MakeAsync(price, meter, known, ct)).TryGet(out var made, out error))
                {
                    return error;
                }

                found.Add(made.Id);
            }
        }

        return found;
    }

    /// <returns>Stripe's active meters by the name of their events.</returns>
    public async Task<StripeResult<IReadOnlyDictionary<string, StripeMeter>>> MetersAsync(CancellationToken ct) =>
        (await stripe.Meters.ListAsync(ct)).Match<StripeResult<IReadOnlyDictionary<string, StripeMeter>>>(list => list.Data.ToDictionary(m => m.EventName), error => error);

    /// <returns>Stripe's prices by lookup key, fitting or not.</returns>
    public async Task<StripeResult<IReadOnlyDictionary<string, StripePrice>>> LookUpAsync(IEnumerable<MeteredPrice> wanted, CancellationToken ct)
    {
        var found = new Dictionary<string, StripePrice>();
        foreach (var keys in wanted.Select(p => p.LookupKey).Chunk(KeysAtOnce))
        {
            if (!(await stripe.Prices.ListAsync(keys, ct)).TryGet(out var page, out var error))
            {
                return error;
            }

            foreach (var price in page.Data.Where(p => p.LookupKey is not null))
            {
                found[price.LookupKey!] = price;
            }
        }

        return found;
    }

    /// <summary>Makes meter, product and price as far as they are missing, and gives the price the lookup key, taken from the one it replaces.</summary>
    public async Task<StripeResult<StripePrice>> MakeAsync(MeteredPrice wanted, string? meter, StripePrice? replaces, CancellationToken ct)
    {
        if (meter is null)
        {
            if (!(await MakeMeterAsync(wanted.Meter, $"meter:{wanted.Meter.Id}", ct)).TryGet(out var made, out var unmade))
            {
                return unmade;
            }

            meter = made.Id;
        }

        var product = await stripe.Products.GetAsync(wanted.Product, ct);
        if (product is StripeResult<StripeProduct>.Failed { Error.Failure: StripeFailure.Missing })
        {
            product = await stripe.Products.CreateAsync(new(wanted.Meter.Name) { Id = wanted.Product }, $"product:{wanted.Product}:{wanted.Meter.Name}", ct);
        }

        return !product.TryGet(out _, out var error) ? error : await stripe.Prices.CreateAsync(new()
        {
            Product = wanted.Product,
            Currency = wanted.Terms.Currency.Code,
            UnitAmountDecimal = wanted.UnitAmountDecimal,
            Recurring = new(SoldPrice.Word(wanted.Interval), UsageType: "metered", Meter: meter),
            LookupKey = wanted.LookupKey,
            TransferLookupKey = true,
            Nickname = wanted.Meter.Name,
            Metadata = new Dictionary<string, string> { ["catalog"] = wanted.LookupKey, [MeteredPrice.MeterMark] = wanted.Meter.Id },
        }, $"price:{wanted.LookupKey}:{wanted.UnitAmountDecimal}:{meter}:{replaces?.Id ?? "first"}", ct);
    }

    /// <summary>A meter whose events are named after the catalog's meter; values add up.</summary>
    public Task<StripeResult<StripeMeter>> MakeMeterAsync(Meter meter, string key, CancellationToken ct) =>
        stripe.Meters.CreateAsync(new() { EventName = meter.Id, DisplayName = meter.Name, DefaultAggregation = new("sum") }, key, ct);
}
