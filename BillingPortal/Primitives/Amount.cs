using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace BillingPortal.Primitives;

/// <summary>An exact quantity of some <see cref="Unit"/>, with at most six decimals and a magnitude of at most 10¹³.</summary>
/// <remarks>What a caller may send is narrower: see <see cref="IsWithinRequestLimit"/>. Never a float. Stored as <c>numeric(20,6)</c>.</remarks>
[JsonConverter(typeof(AmountJsonConverter))]
public readonly record struct Amount : IComparable<Amount>
{
    /// <summary>Decimal places kept; the sixth is a millionth.</summary>
    public const int Scale = 6;

    internal const string Shortest = "0.######";

    /// <summary>Largest magnitude that a request may carry.</summary>
    public const decimal RequestLimit = 1_000_000_000m;

    public static readonly Amount Zero;
    /// <summary>The least price above zero (DESIGN §7.11).</summary>
    public static readonly Amount Least = new(0.000001m);

    private Amount(decimal value) => Value = value;

    public decimal Value { get; }

    public bool IsZero => Value == 0m;
    public bool IsPositive => Value > 0m;
    public bool IsNegative => Value < 0m;
    public bool IsWithinRequestLimit => Math.Abs(Value) <= RequestLimit;

    /// <summary>Takes a value that has at most six decimals already.</summary>
    /// <exception cref="ArgumentOutOfRangeException">More than six decimals: round first, knowingly, with <see cref="Round"/>.</exception>
    public static Amount Of(decimal value) =>
        TryOf(value, out var amount) ? amount : throw new ArgumentOutOfRangeException(nameof(value), value, "An amount has at most six decimals.");

    /// <returns>False when the value has more than six decimals.</returns>
    public static bool TryOf(decimal value, out Amount amount)
    {
        amount = new(value);
        return decimal.Round(value, Scale) == value;
    }

    /// <summary>Rounds half away from zero to six places: once, in rating, and nowhere else.</summary>
    public static Amount Round(decimal value) => new(decimal.Round(value, Scale, MidpointRounding.AwayFromZero));

    public static Amount Min(Amount a, Amount b) => a.Value <= b.Value ? a : b;
    public static Amount Max(Amount a, Amount b) => a.Value >= b.Value ? a : b;
    public static Amount operator +(Amount a, Amount b) => new(a.Value + b.Value);
    public static Amount operator -(Amount a, Amount b) => new(a.Value - b.Value);
    public static Amount operator -(Amount a) => new(-a.Value);
    public static bool operator <(Amount a, Amount b) => a.Value < b.Value;
    public static bool operator >(Amount a, Amount b) => a.Value > b.Value;
    public static bool operator <=(Amount a, Amount b) => a.Value <= b.Value;
    public static bool operator >=(Amount a, Amount b) => a.Value >= b.Value;

    public int CompareTo(Amount other) => Value.CompareTo(other.Value);

    /// <summary>The scaled integer, in millionths; what hashes are made of.</summary>
    public long Millionths => (long)(Value * 1_000_000m);

    /// <summary>Shortest exact text, invariant: <c>0.42</c>, <c>1000</c>.</summary>
    public override string ToString() => Value.ToString(Shortest, CultureInfo.InvariantCulture);
}

/// <summary>Amounts are JSON numbers without superfluous zeros.</summary>
public sealed class AmountJsonConverter : JsonConverter<Amount>
{
    public override Amount Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        reader.TokenType == JsonTokenType.Number && reader.TryGetDecimal(out var value) && Amount.TryOf(value, out var amount)
            ? amount
            : throw new JsonException("An amount is a number with at most six decimals.");

    public override void Write(Utf8JsonWriter writer, Amount value, JsonSerializerOptions options)
    {
        Span<byte> text = stackalloc byte[40];
        value.Value.TryFormat(text, out var length, Amount.Shortest, CultureInfo.InvariantCulture);
        writer.WriteRawValue(text[..length], skipInputValidation: true);
    }
}
