using System.Text.Json;
using System.Text.Json.Serialization;

namespace BillingPortal.Primitives;

/// <summary>What a wallet holds: <c>credit</c>, <c>free_use</c>, a currency (<c>usd</c>) or a counting meter (<c>llm_tokens</c>).</summary>
/// <remarks>Lower case letters, digits and <c>_</c>, 2–40 characters, starting with a letter. Exactly three letters means a currency (ISO 4217); meters may not be named so.</remarks>
[JsonConverter(typeof(UnitJsonConverter))]
public readonly record struct Unit : IComparable<Unit>
{
    public static readonly Unit Credit = new("credit");
    public static readonly Unit FreeUse = new("free_use");

    private readonly string? code;

    private Unit(string code) => this.code = code;

    public string Code => code ?? "";
    public bool IsCurrency => Code.Length == 3;
    public bool IsMeter => !IsCurrency && this != Credit && this != FreeUse;

    /// <exception cref="ArgumentException">The text is no unit.</exception>
    public static Unit Of(string code) => TryParse(code, out var unit) ? unit : throw new ArgumentException($"'{code}' is no unit.", nameof(code));

    public static bool TryParse(string? text, out Unit unit)
    {
        unit = default;
        if (text is not { Length: >= 2 and <= 40 } || text[0] is < 'a' or > 'z')
        {
            return false;
        }

        foreach (var c in text)
        {
            if (c is not ((>= 'a' and <= 'z') or (>= '0' and <= '9') or '_'))
            {
                return false;
            }
        }

        unit = new(text);
        return true;
    }

    public int CompareTo(Unit other) => string.CompareOrdinal(Code, other.Code);
    public static bool operator <(Unit a, Unit b) => a.CompareTo(b) < 0;
    public static bool operator >(Unit a, Unit b) => a.CompareTo(b) > 0;
    public static bool operator <=(Unit a, Unit b) => a.CompareTo(b) <= 0;
    public static bool operator >=(Unit a, Unit b) => a.CompareTo(b) >= 0;
    public override string ToString() => Code;
}

public sealed class UnitJsonConverter : JsonConverter<Unit>
{
    public override Unit Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        reader.TokenType == JsonTokenType.String && Unit.TryParse(reader.GetString(), out var unit) ? unit : throw new JsonException("Not a unit.");

    public override void Write(Utf8JsonWriter writer, Unit value, JsonSerializerOptions options) => writer.WriteStringValue(value.Code);

    public override Unit ReadAsPropertyName(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        Unit.TryParse(reader.GetString(), out var unit) ? unit : throw new JsonException("Not a unit.");

    public override void WriteAsPropertyName(Utf8JsonWriter writer, Unit value, JsonSerializerOptions options) => writer.WritePropertyName(value.Code);
}
