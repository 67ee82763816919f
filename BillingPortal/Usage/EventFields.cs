using System.Globalization;
using System.Text;
using System.Text.Json;
using BillingPortal.Primitives;

namespace BillingPortal.Usage;

/// <summary>What is wrong with an event: the first thing that was found.</summary>
internal sealed class Flaw
{
    public string? Text { get; private set; }

    public void Add(string field, string message) => Text ??= $"{field}: {message}";
}

/// <summary>The fields of one object, each asked for once; what nobody asked for is left over. <c>null</c> is the same as absent.</summary>
internal sealed class EventFields
{
    private const int LongestName = 100;
    private const int LongestText = 200;
    private const int LongestValue = 500;
    private const int MostProperties = 50;
    private static readonly DateTimeOffset Earliest = new(2000, 1, 1, 0, 0, 0, TimeSpan.Zero);
    private static readonly DateTimeOffset Latest = new(2200, 1, 1, 0, 0, 0, TimeSpan.Zero);

    // A list: these are few, and most are taken as soon as they are asked for.
    private readonly List<JsonProperty> left = [];
    private readonly Flaw flaw;

    public EventFields(JsonElement json, Flaw flaw)
    {
        this.flaw = flaw;
        if (json.ValueKind != JsonValueKind.Object)
        {
            flaw.Add("event", "Must be an object.");
            return;
        }

        left.Capacity = json.GetPropertyCount();
        left.AddRange(json.EnumerateObject());
    }

    public string Required(string name)
    {
        if (Text(name) is { } text)
        {
            return text;
        }

        flaw.Add(name, "Is required.");
        return "";
    }

    public string? Text(string name)
    {
        if (!Take(name, out var value))
        {
            return null;
        }

        if (value.ValueKind != JsonValueKind.String)
        {
            flaw.Add(name, "Must be a string.");
        }
        else if (Well(value) is { } text && PlainText.IsValid(text, LongestText))
        {
            return text;
        }
        else
        {
            flaw.Add(name, $"Must have 1 to {LongestText} characters of well-formed text without control characters.");
        }

        return null;
    }

    public decimal? Number(string name)
    {
        if (!Take(name, out var value))
        {
            return null;
        }

        // Longer numbers would be rounded silently.
        if (value.ValueKind == JsonValueKind.Number && value.GetRawText().Length <= 29 && value.TryGetDecimal(out var number) && Amount.TryOf(number, out var amount) && amount.IsWithinRequestLimit)
        {
            return number;
        }

        flaw.Add(name, "Must be a number of at most 1,000,000,000 with at most six decimals.");
        return null;
    }

    /// <summary>A whole number from 0 to 1,000,000,000; absent: 0.</summary>
    public long Count(string name)
    {
        if (!Take(name, out var value))
        {
            return 0;
        }

        if (value.ValueKind == JsonValueKind.Number && value.TryGetInt64(out var count) && count is >= 0 and <= (long)Amount.RequestLimit)
        {
            return count;
        }

        flaw.Add($"tokens.{name}", "Must be a whole number from 0 to 1,000,000,000.");
        return 0;
    }

    public bool? Flag(string name)
    {
        if (!Take(name, out var value))
        {
            return null;
        }

        if (value.ValueKind is JsonValueKind.True or JsonValueKind.False)
        {
            return value.GetBoolean();
        }

        flaw.Add(name, "Must be true or false.");
        return null;
    }

    /// <summary>RFC 3339 with an offset, between the years 2000 and 2200; kept in microseconds.</summary>
    public DateTimeOffset? Time(string name)
    {
        if (Text(name) is not { } text)
        {
            return null;
        }

        if (HasOffset(text) && DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var instant) && instant >= Earliest && instant < Latest)
        {
            return instant.ToMicroseconds();
        }

        flaw.Add(name, "Must be a time as in RFC 3339 with its offset, e.g. 2026-11-20T12:00:00Z.");
        return null;
    }

    public EventFields? Object(string name) => Take(name, out var value) ? new(value, flaw) : null;

    public void RefuseOthers(string prefix = "")
    {
        if (left is [var first, ..])
        {
            var other = first.Name;
            flaw.Add(prefix + (other.Length <= 60 ? other : other[..60]), "Unknown field.");
        }
    }

    /// <summary>What is left over, as compact JSON: single values only, in the order of their names.</summary>
    public string? Rest()
    {
        if (left.Count == 0)
        {
            return null;
        }

        if (left.Count > MostProperties)
        {
            flaw.Add("properties", $"Must have at most {MostProperties} entries.");
            return null;
        }

        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            foreach (var property in left.OrderBy(p => p.Name, StringComparer.Ordinal))
            {
                Write(json, property.Name, property.Value);
            }

            json.WriteEndObject();
        }

        return Encoding.UTF8.GetString(buffer.ToArray());
    }

    private void Write(Utf8JsonWriter json, string name, JsonElement value)
    {
        if (!PlainText.IsValid(name, LongestName))
        {
            flaw.Add("properties", $"A name must have 1 to {LongestName} characters without control characters.");
        }
        else if (value.ValueKind == JsonValueKind.String && Well(value) is { Length: <= LongestValue } text && (text.Length == 0 || PlainText.IsValid(text, LongestValue)))
        {
            json.WriteString(name, text);
        }
        else if (value.ValueKind == JsonValueKind.Number && value.GetRawText() is { Length: <= 40 } number)
        {
            json.WritePropertyName(name);
            json.WriteRawValue(number);
        }
        else if (value.ValueKind is JsonValueKind.True or JsonValueKind.False)
        {
            json.WriteBoolean(name, value.GetBoolean());
        }
        else if (value.ValueKind != JsonValueKind.Null)
        {
            flaw.Add($"properties.{name}", $"Must be a number, true, false or a text of at most {LongestValue} characters without control characters.");
        }
    }

    private bool Take(string name, out JsonElement value)
    {
        for (var i = 0; i < left.Count; i++)
        {
            if (left[i].NameEquals(name))
            {
                value = left[i].Value;
                left.RemoveAt(i);
                return value.ValueKind != JsonValueKind.Null;
            }
        }

        value = default;
        return false;
    }

    /// <returns>Null for halves of surrogate pairs and broken UTF-8, which the document reports by exception only.</returns>
    private static string? Well(JsonElement value)
    {
        try
        {
            return value.GetString();
        }
        catch (InvalidOperationException)
        {
            return null;
        }
    }

    private static bool HasOffset(string text) =>
        text.Length >= 20 && char.ToUpperInvariant(text[10]) == 'T' && (char.ToUpperInvariant(text[^1]) == 'Z' || (text[^3] == ':' && text[^6] is '+' or '-'));
}
