using BillingPortal.Primitives;

namespace BillingPortal.Payments.Stripe;

/// <summary>Between exact amounts and the integers Stripe counts in (https://docs.stripe.com/currencies#minor-units).</summary>
public static class StripeMoney
{
    private static readonly HashSet<string> ZeroDecimal = ["bif", "clp", "djf", "gnf", "jpy", "kmf", "krw", "mga", "pyg", "rwf", "vnd", "vuv", "xaf", "xof", "xpf"];
    private static readonly HashSet<string> ThreeDecimal = ["bhd", "jod", "kwd", "omr", "tnd"];

    /// <summary>How many minor units make one of the currency.</summary>
    public static int MinorPerUnit(Unit currency) => ZeroDecimal.Contains(currency.Code) ? 1 : ThreeDecimal.Contains(currency.Code) ? 1000 : 100;

    /// <returns>False when the amount has a fraction of a minor unit, which nobody can pay.</returns>
    public static bool TryToMinor(Amount amount, Unit currency, out long minor)
    {
        var scaled = amount.Value * MinorPerUnit(currency);
        minor = (long)scaled;
        return minor == scaled;
    }

    /// <exception cref="ArgumentException">The amount has a fraction of a minor unit.</exception>
    public static long ToMinor(Amount amount, Unit currency) =>
        TryToMinor(amount, currency, out var minor) ? minor : throw new ArgumentException($"{amount} {currency} cannot be paid exactly.", nameof(amount));

    public static Amount FromMinor(long minor, Unit currency) => Amount.Of((decimal)minor / MinorPerUnit(currency));
}
