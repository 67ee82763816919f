using System.Globalization;
using BillingPortal.Primitives;

namespace BillingPortal.Components.Shared;

/// <summary>How amounts are written for people: money in its currency's way, everything else with thousands separators. One way, everywhere.</summary>
public static class AmountFormat
{
    private const string Minus = "\u2212";

    /// <summary>Short text: two decimals for money unless it is smaller than that, at most two for the rest.</summary>
    public static string Short(Amount amount, Unit unit) => unit.IsCurrency
        ? Money(amount, unit, Decimals(amount.Value, CurrencyDecimals(unit)))
        : Sign(amount.Value) + Math.Abs(amount.Value).ToString(Math.Abs(amount.Value) >= 100m ? "#,0.##" : "#,0.####", CultureInfo.InvariantCulture);

    /// <summary>A price in a list of prices: whole amounts without decimals, <c>$99</c>.</summary>
    public static string Price(Amount amount, Unit unit) =>
        unit.IsCurrency && decimal.Truncate(amount.Value) == amount.Value ? Money(amount, unit, 0) : Short(amount, unit);

    /// <summary>Every decimal there is, with the unit named.</summary>
    public static string Exact(Amount amount, Unit unit, string? unitName = null) => unit.IsCurrency
        ? $"{Money(amount, unit, Math.Max(CurrencyDecimals(unit), ExactDecimals(amount.Value)))} {unit.Code.ToUpperInvariant()}"
        : $"{Sign(amount.Value)}{Math.Abs(amount.Value).ToString("#,0.######", CultureInfo.InvariantCulture)} {unitName ?? NameOf(unit, amount.Value)}";

    /// <summary>Compact for tight places: <c>1.2 M</c>, <c>10 K</c>.</summary>
    public static string Compact(decimal value) => Math.Abs(value) switch
    {
        >= 1_000_000_000m => Sign(value) + (Math.Abs(value) / 1_000_000_000m).ToString("0.##", CultureInfo.InvariantCulture) + " B",
        >= 1_000_000m => Sign(value) + (Math.Abs(value) / 1_000_000m).ToString("0.##", CultureInfo.InvariantCulture) + " M",
        >= 10_000m => Sign(value) + (Math.Abs(value) / 1_000m).ToString("0.#", CultureInfo.InvariantCulture) + " K",
        _ => Sign(value) + Math.Abs(value).ToString("#,0.##", CultureInfo.InvariantCulture),
    };

    /// <summary>A unit's word when no catalog names it: credits, free uses, the currency's code.</summary>
    public static string NameOf(Unit unit, decimal count = 2m) =>
        unit == Unit.Credit ? Math.Abs(count) == 1m ? "credit" : "credits"
        : unit == Unit.FreeUse ? Math.Abs(count) == 1m ? "free use" : "free uses"
        : unit.IsCurrency ? unit.Code.ToUpperInvariant()
        : unit.Code.Replace('_', ' ');

    private static string Money(Amount amount, Unit unit, int decimals)
    {
        var digits = Math.Abs(amount.Value).ToString($"N{decimals}", CultureInfo.InvariantCulture);
        var text = unit.Code switch
        {
            "usd" => "$" + digits,
            "eur" => "€" + digits,
            "gbp" => "£" + digits,
            "jpy" => "¥" + digits,
            "nok" or "sek" or "dkk" => digits + " kr",
            "chf" => "CHF " + digits,
            _ => $"{digits} {unit.Code.ToUpperInvariant()}",
        };
        return Sign(amount.Value) + text;
    }

    private static string Sign(decimal value) => value < 0m ? Minus : "";

    // $0.0004 must not read as $0.00.
    private static int Decimals(decimal value, int usual) =>
        value != 0m && Math.Abs(value) < (usual == 0 ? 1m : 0.01m) ? ExactDecimals(value) : usual;

    private static int ExactDecimals(decimal value)
    {
        var text = Math.Abs(value).ToString("0.######", CultureInfo.InvariantCulture);
        var point = text.IndexOf('.', StringComparison.Ordinal);
        return point < 0 ? 0 : text.Length - point - 1;
    }

    private static int CurrencyDecimals(Unit unit) => unit.Code is "jpy" or "krw" or "vnd" or "clp" ? 0 : 2;
}
