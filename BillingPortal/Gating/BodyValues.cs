using System.Globalization;
using System.Text.Json;
using BillingPortal.Primitives;

namespace BillingPortal.Gating;

/// <summary>Reads single values of a JSON body strictly: what PostgreSQL could not keep or the ledger not count is refused here, by field, before anything is queued.</summary>
/// <remarks>By hand, because a serializer takes unknown and repeated fields silently, stops at the first error and names none. <c>null</c> is the same as absent.</remarks>
internal static class BodyValues
{
    /// <summary>Longer numbers do not fit a decimal, and would be rounded silently.</summary>
    private const int LongestNumber = 29;
    private static readonly DateTimeOffset Earliest = new(2000, 1, 1, 0, 0, 0, TimeSpan.Zero);
    private static readonly DateTimeOffset Latest = new(2200, 1, 1, 0, 0, 0, TimeSpan.Zero);

    /// <summary>1 to <paramref name="max"/> characters of well-formed text without control characters.</summary>
    public static string? Text(ref Utf8JsonReader json, string field, int max, FieldErrors errors, JsonTokenType expected = JsonTokenType.String)
    {
        if (json.TokenType == JsonTokenType.Null)
        {
            return null;
        }

        if (json.TokenType != expected)
        {
            json.Skip();
            errors.Add(field, "Must be a string.");
            return null;
        }

        var text = WellFormed(ref json);
        if (text is null)
        {
            errors.Add(field, "Must be well-formed Unicode text.");
            return null;
        }

        if (text.Length == 0 || text.Length > max || HasControl(text))
        {
            errors.Add(field, text.Length == 0 ? "Must not be empty." : text.Length > max ? $"Must have at most {max} characters." : "Must not contain control characters.");
            return null;
        }

        return text;
    }

    /// <summary>Above zero (or not zero, where <paramref name="signed"/>), at most 1,000,000,000, at most six decimals.</summary>
    public static Amount? Quantity(ref Utf8JsonReader json, string field, FieldErrors errors, bool signed = false)
    {
        if (json.TokenType == JsonTokenType.Null)
        {
            return null;
        }

        if (json.TokenType != JsonTokenType.Number)
        {
            json.Skip();
            errors.AddAmount(field, "Must be a number.");
            return null;
        }

        var length = json.HasValueSequence ? json.ValueSequence.Length : json.ValueSpan.Length;
        if (length > LongestNumber || !json.TryGetDecimal(out var value) || !Amount.TryOf(value, out var amount))
        {
            errors.AddAmount(field, "Must have at most six decimals and be at most 1,000,000,000.");
            return null;
        }

        if (!amount.IsWithinRequestLimit || (signed ? amount.IsZero : !amount.IsPositive))
        {
            errors.AddAmount(field, !amount.IsWithinRequestLimit ? "Must be at most 1,000,000,000." : signed ? "Must not be zero." : "Must be above zero.");
            return null;
        }

        return amount;
    }

    /// <summary>A whole number from 0 to 1,000,000,000.</summary>
    public static long? Count(ref Utf8JsonReader json, string field, FieldErrors errors)
    {
        if (json.TokenType == JsonTokenType.Null)
        {
            return null;
        }

        if (json.TokenType == JsonTokenType.Number && json.TryGetInt64(out var value) && value is >= 0 and <= (long)Amount.RequestLimit)
        {
            return value;
        }

        json.Skip();
        errors.AddAmount(field, "Must be a whole number from 0 to 1,000,000,000.");
        return null;
    }

    public static bool? Flag(ref Utf8JsonReader json, string field, FieldErrors errors)
    {
        if (json.TokenType is JsonTokenType.True or JsonTokenType.False)
        {
            return json.TokenType == JsonTokenType.True;
        }

        if (json.TokenType != JsonTokenType.Null)
        {
            json.Skip();
            errors.Add(field, "Must be true or false.");
        }

        return null;
    }

    /// <summary>RFC 3339 with an offset, between the years 2000 and 2200; kept in microseconds.</summary>
    public static DateTimeOffset? Instant(ref Utf8JsonReader json, string field, FieldErrors errors)
    {
        if (Text(ref json, field, 40, errors) is not { } text)
        {
            return null;
        }

        if (HasOffset(text) && DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var instant) && instant >= Earliest && instant < Latest)
        {
            return instant.ToMicroseconds();
        }

        errors.Add(field, "Must be a time as in RFC 3339 with its offset, e.g. 2026-11-20T12:00:00Z.");
        return null;
    }

    public static Unit? UnitOf(ref Utf8JsonReader json, string field, FieldErrors errors)
    {
        if (Text(ref json, field, 40, errors) is not { } text)
        {
            return null;
        }

        if (Unit.TryParse(text, out var unit))
        {
            return unit;
        }

        errors.Add(field, "Must be a unit: credit, free_use, a currency such as usd, or a meter's id.");
        return null;
    }

    /// <summary>A property's name for an error message, at most 60 characters of it.</summary>
    public static string NameOf(ref Utf8JsonReader json)
    {
        var name = WellFormed(ref json) ?? "?";
        return name.Length <= 60 ? name : name[..60];
    }

    /// <returns>Null for halves of surrogate pairs and broken UTF-8, which the reader reports by exception only.</returns>
    private static string? WellFormed(ref Utf8JsonReader json)
    {
        try
        {
            return json.GetString();
        }
        catch (InvalidOperationException)
        {
            return null;
        }
    }

    public static bool HasControl(string text)
    {
        foreach (var c in text)
        {
            if (char.IsControl(c))
            {
                return true;
            }
        }

        return false;
    }

    private static bool HasOffset(string text) =>
        text.Length >= 20 && char.ToUpperInvariant(text[10]) == 'T' && (char.ToUpperInvariant(text[^1]) == 'Z' || (text[^3] == ':' && text[^6] is '+' or '-'));
}
