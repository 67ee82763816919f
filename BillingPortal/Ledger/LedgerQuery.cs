using System.Globalization;
using BillingPortal.Primitives;

namespace BillingPortal.Ledger;

/// <summary>The ledger's filters as they stand in an address: <c>unit</c>, <c>kind</c>, <c>from</c>, <c>to</c> (RFC 3339, or a day in UTC).</summary>
internal static class LedgerQuery
{
    private static readonly string[] Days = ["yyyy-MM-dd"];

    /// <returns>Null with the filter; else what is wrong with it.</returns>
    public static Refusal? Read(IQueryCollection query, out TransferFilter filter)
    {
        filter = new();
        if (Value(query, "unit") is { } unitText)
        {
            if (!Unit.TryParse(unitText, out var unit))
            {
                return Refusal.Invalid("unit", "Must be a unit, such as credit or usd.");
            }

            filter = filter with { Unit = unit };
        }

        if (Value(query, "kind") is { } kindText)
        {
            if (KindOf(kindText) is not { } kind)
            {
                return Refusal.Invalid("kind", $"Must be one of {string.Join(", ", Enum.GetValues<TransferKind>().Select(NameOf))}.");
            }

            filter = filter with { Kind = kind };
        }

        foreach (var name in (string[])["from", "to"])
        {
            if (Value(query, name) is { } text)
            {
                if (!TryInstant(text, out var instant))
                {
                    return Refusal.Invalid(name, "Must be a time as of RFC 3339, such as 2026-11-21T00:00:00Z, or a day.");
                }

                filter = name == "from" ? filter with { From = instant } : filter with { To = instant };
            }
        }

        return null;
    }

    private static string? Value(IQueryCollection query, string name) => query[name] is [{ Length: > 0 } value, ..] ? value : null;

    private static TransferKind? KindOf(string text)
    {
        foreach (var kind in Enum.GetValues<TransferKind>())
        {
            if (NameOf(kind) == text)
            {
                return kind;
            }
        }

        return null;
    }

    private static string NameOf(TransferKind kind) => System.Text.Json.JsonNamingPolicy.SnakeCaseLower.ConvertName(kind.ToString());

    private static bool TryInstant(string text, out DateTimeOffset instant)
    {
        const DateTimeStyles Utc = DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal;
        return (DateTimeOffset.TryParseExact(text, Days, CultureInfo.InvariantCulture, Utc, out instant)
                || (text.Contains('T', StringComparison.Ordinal) && DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, Utc, out instant)))
            && instant.Year is >= 2000 and < 2200;
    }
}
