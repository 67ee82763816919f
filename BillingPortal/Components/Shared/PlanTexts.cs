using System.Globalization;
using BillingPortal.Catalog;
using BillingPortal.Primitives;

namespace BillingPortal.Components.Shared;

/// <summary>How a plan's terms are said to a customer. Pure: from the catalog to sentences.</summary>
public static class PlanTexts
{
    /// <summary>The plan's price for an interval, null when it is not sold so.</summary>
    public static PlanPrice? PriceFor(this Plan plan, BillingInterval interval) => plan.Prices.FirstOrDefault(p => p.Interval == interval);

    /// <summary>What a year saves against twelve months, in whole percent; 0 for nothing.</summary>
    public static int YearlySaving(this Plan plan) =>
        plan.PriceFor(BillingInterval.Month) is { Amount.IsPositive: true } month && plan.PriceFor(BillingInterval.Year) is { } year && year.Currency == month.Currency
            ? (int)Math.Floor((1m - (year.Amount.Value / (month.Amount.Value * 12m))) * 100m)
            : 0;

    /// <summary>E.g. <c>1,000 messages</c>, <c>Unlimited messages</c>, <c>25 seats</c>.</summary>
    public static string Included(this Allowance allowance, CatalogDocument catalog)
    {
        var meter = catalog.Meters.FirstOrDefault(m => m.Id == allowance.Meter);
        var name = Lower(meter?.Name ?? AmountFormat.NameOf(Unit.Of(allowance.Meter)));
        return allowance.Included is { } most
            ? most.IsZero ? $"No {name}" : most.Value == 1m && meter is { UnitLabel: not ("unit" or "GB") } one ? $"1 {one.UnitLabel}" : $"{Quantity(most.Value, meter)} {name}"
            : $"Unlimited {name}";
    }

    /// <summary>What comes after the allowance, or null when there is nothing to say.</summary>
    public static string? Beyond(this Allowance allowance, CatalogDocument catalog, Plan plan)
    {
        if (allowance.Included is null)
        {
            return null;
        }

        var meter = catalog.Meters.FirstOrDefault(m => m.Id == allowance.Meter);
        if (allowance.Overage is { } overage)
        {
            return $"then {Rate(overage, meter)}";
        }

        if (Unit.TryParse(allowance.Meter, out var unit) && plan.Funding.TryGetValue(unit, out var chain) && chain.FirstOrDefault(s => s.Wallet == Unit.Credit) is { } step)
        {
            return $"then {Number(step.Price)} {AmountFormat.NameOf(Unit.Credit, step.Price)} each";
        }

        return meter?.Kind == MeterKind.Level ? null : allowance.Cap == Cap.Hard ? "then it stops until the next month" : null;
    }

    /// <summary>E.g. <c>$0.01 per 1,000</c>, <c>$5 per seat</c>.</summary>
    public static string Rate(OveragePrice overage, Meter? meter)
    {
        var price = AmountFormat.Price(Amount.Round(overage.Price), overage.Currency);
        var label = meter?.UnitLabel is { Length: > 0 } word && word != "unit" ? word : "unit";
        return overage.Per == 1 ? $"{price} per {label}" : $"{price} per {Number(overage.Per)}";
    }

    /// <summary>Word for the interval: <c>month</c>, <c>year</c>.</summary>
    public static string Word(this BillingInterval interval) => interval == BillingInterval.Year ? "year" : "month";

    public static string NameOfUnit(this CatalogDocument catalog, Unit unit) =>
        unit.IsMeter && catalog.Meters.FirstOrDefault(m => m.Id == unit.Code) is { } meter ? Lower(meter.Name) : AmountFormat.NameOf(unit);

    private static string Quantity(decimal value, Meter? meter) =>
        meter is { Kind: MeterKind.Level, UnitLabel: "GB" } ? value >= 1000m && value % 1000m == 0m ? $"{Number(value / 1000m)} TB" : $"{Number(value)} GB" : Number(value);

    private static string Number(decimal value) => value.ToString("#,0.######", CultureInfo.InvariantCulture);

    // Names that start with an abbreviation (LLM tokens, API calls) keep their capitals.
    private static string Lower(string name) => name.Length > 1 && char.IsUpper(name[0]) && !char.IsUpper(name[1]) ? char.ToLowerInvariant(name[0]) + name[1..] : name;
}
