using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;

namespace BillingPortal.Payments.Stripe;

/// <summary>How Stripe writes JSON: snake_case, Unix seconds, expandable fields that are an id or an object, decimals as strings, open enums, unknown fields at any time.</summary>
public static class StripeJson
{
    public static readonly JsonSerializerOptions Options = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        Converters = { new UnixTimeConverter(), new StripeIdConverter(), new ExpandedConverters() },
    };

    /// <summary>Parameters as Stripe's forms and query strings want them: <c>items[0][price]=…</c>, booleans in lower case, an empty list as <c>a=</c>, nothing for null.</summary>
    /// <remarks>An empty string means "unset"; null means "not sent".</remarks>
    public static IEnumerable<KeyValuePair<string, string>> ToForm(object? options) =>
        options is null ? [] : Flatten(null, JsonSerializer.SerializeToNode(options, options.GetType(), Options));

    private static IEnumerable<KeyValuePair<string, string>> Flatten(string? path, JsonNode? node) => node switch
    {
        JsonObject o => o.SelectMany(p => Flatten(path is null ? p.Key : $"{path}[{p.Key}]", p.Value)),
        JsonArray { Count: 0 } => [new(path!, "")],
        JsonArray a => a.SelectMany((item, i) => Flatten($"{path}[{i}]", item)),
        JsonValue v => [new(path!, v.GetValueKind() == JsonValueKind.String ? v.GetValue<string>() : v.ToJsonString())],
        _ => [],
    };

    private sealed class UnixTimeConverter : JsonConverter<DateTimeOffset>
    {
        public override DateTimeOffset Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
            DateTimeOffset.FromUnixTimeSeconds(reader.GetInt64());

        public override void Write(Utf8JsonWriter writer, DateTimeOffset value, JsonSerializerOptions options) =>
            writer.WriteNumberValue(value.ToUnixTimeSeconds());
    }

    private sealed class ExpandedConverters : JsonConverterFactory
    {
        public override bool CanConvert(Type typeToConvert) => typeToConvert.IsGenericType && typeToConvert.GetGenericTypeDefinition() == typeof(StripeExpanded<>);

        public override JsonConverter CreateConverter(Type typeToConvert, JsonSerializerOptions options) =>
            (JsonConverter)Activator.CreateInstance(typeof(ExpandedConverter<>).MakeGenericType(typeToConvert.GetGenericArguments()))!;
    }

    private sealed class ExpandedConverter<T> : JsonConverter<StripeExpanded<T>> where T : class
    {
        public override StripeExpanded<T> Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
        {
            if (reader.TokenType == JsonTokenType.String)
            {
                return new(reader.GetString()!, null);
            }

            using var whole = JsonDocument.ParseValue(ref reader);
            return new(whole.RootElement.GetProperty("id").GetString()!, whole.RootElement.Deserialize<T>(options));
        }

        public override void Write(Utf8JsonWriter writer, StripeExpanded<T> value, JsonSerializerOptions options) => writer.WriteStringValue(value.Id);
    }

    private sealed class StripeIdConverter : JsonConverter<StripeId>
    {
        public override StripeId Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
        {
            if (reader.TokenType == JsonTokenType.String)
            {
                return new(reader.GetString()!);
            }

            using var expanded = JsonDocument.ParseValue(ref reader);
            return new(expanded.RootElement.GetProperty("id").GetString()!);
        }

        public override void Write(Utf8JsonWriter writer, StripeId value, JsonSerializerOptions options) => writer.WriteStringValue(value.Value);
    }
}

/// <summary>The id in an expandable field, whether Stripe sent it as an id or expanded.</summary>
public readonly record struct StripeId(string Value)
{
    public static implicit operator string(StripeId id) => id.Value;
    public override string ToString() => Value;
}

/// <summary>An expandable field that is wanted whole: the object where it was expanded, its id in any case.</summary>
public sealed record StripeExpanded<T>(string Id, T? Value) where T : class;

/// <summary>A page of a list; <see cref="HasMore"/> asks for the next with <c>starting_after</c> the last id.</summary>
public sealed record StripeList<T>(IReadOnlyList<T> Data, bool HasMore = false);
