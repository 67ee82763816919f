using System.Collections.Concurrent;
using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;

namespace BillingPortal.Catalog;

/// <summary>The shape of a catalog file. It reads <c>catalogs/schema.json</c> itself, so that the published schema and what the portal accepts cannot drift apart.</summary>
/// <remarks>Knows the keywords of JSON Schema 2020-12 that the file uses; a test fails when it uses another.</remarks>
internal static class CatalogSchema
{
    private static readonly ConcurrentDictionary<string, Regex> Patterns = new();

    public static JsonElement Root { get; } = Read();

    private static JsonElement Read()
    {
        using var stream = typeof(CatalogSchema).Assembly.GetManifestResourceStream("catalogs/schema.json")!;
        using var document = JsonDocument.Parse(stream);
        return document.RootElement.Clone();
    }

    public static void Check(JsonElement value, CatalogErrors errors) => Check(Root, value, "", errors);

    /// <summary>The schema that a <c>$ref</c> points to, or the schema itself.</summary>
    public static JsonElement Resolve(JsonElement schema)
    {
        while (schema.TryGetProperty("$ref", out var reference))
        {
            schema = Root.GetProperty("$defs").GetProperty(reference.GetString()!["#/$defs/".Length..]);
        }

        return schema;
    }

    /// <summary>Holds a value to one of the schema's parts, by its name.</summary>
    public static void Check(string part, JsonElement value, CatalogErrors errors) => Check(Root.GetProperty("$defs").GetProperty(part), value, "", errors);

    private static void Check(JsonElement schema, JsonElement value, string path, CatalogErrors errors)
    {
        if (schema.TryGetProperty("type", out var type) && !HasType(type, value))
        {
            errors.Add(path, $"must be {TypeNames(type)}, not {Shown(value)}");
            return;
        }

        if (schema.TryGetProperty("$ref", out _))
        {
            Check(Resolve(schema), value, path, errors);
            return;
        }

        if (schema.TryGetProperty("enum", out var allowed) && !allowed.EnumerateArray().Any(a => JsonElement.DeepEquals(a, value)))
        {
            errors.Add(path, $"must be one of {string.Join(", ", allowed.EnumerateArray())}, not {Shown(value)}");
            return;
        }

        switch (value.ValueKind)
        {
            case JsonValueKind.Object:
                CheckObject(schema, value, path, errors);
                break;
            case JsonValueKind.Array:
                CheckArray(schema, value, path, errors);
                break;
            case JsonValueKind.String:
                CheckString(schema, value.GetString()!, path, errors);
                break;
            case JsonValueKind.Number:
                CheckNumber(schema, value, path, errors);
                break;
        }
    }

    private static void CheckObject(JsonElement schema, JsonElement value, string path, CatalogErrors errors)
    {
        if (schema.TryGetProperty("required", out var required))
        {
            foreach (var name in required.EnumerateArray().Select(r => r.GetString()!).Where(name => !value.TryGetProperty(name, out _)))
            {
                errors.Add(Join(path, name), "is missing");
            }
        }

        var hasProperties = schema.TryGetProperty("properties", out var properties);
        foreach (var property in value.EnumerateObject())
        {
            var at = Join(path, property.Name);
            if (hasProperties && properties.TryGetProperty(property.Name, out var known))
            {
                Check(known, property.Value, at, errors);
            }
            else if (!schema.TryGetProperty("additionalProperties", out var additional) || additional.ValueKind == JsonValueKind.False)
            {
                errors.Add(at, $"no such field{CatalogErrors.Suggest(property.Name, hasProperties ? properties.EnumerateObject().Select(p => p.Name) : [])}");
            }
            else
            {
                CheckName(schema, property.Name, at, errors);
                Check(additional, property.Value, at, errors);
            }
        }
    }

    private static void CheckName(JsonElement schema, string name, string path, CatalogErrors errors)
    {
        if (schema.TryGetProperty("propertyNames", out var names))
        {
            Check(names, JsonSerializer.SerializeToElement(name), path, errors);
        }
    }

    private static void CheckArray(JsonElement schema, JsonElement value, string path, CatalogErrors errors)
    {
        var length = value.GetArrayLength();
        if (schema.TryGetProperty("minItems", out var least) && length < least.GetInt32())
        {
            errors.Add(path, $"must have at least {least} {(least.GetInt32() == 1 ? "entry" : "entries")}");
        }

        if (schema.TryGetProperty("maxItems", out var most) && length > most.GetInt32())
        {
            errors.Add(path, $"has {length} entries, more than {most}");
            return;
        }

        var index = 0;
        var seen = schema.TryGetProperty("uniqueItems", out var unique) && unique.GetBoolean() ? new HashSet<string>() : null;
        foreach (var item in value.EnumerateArray())
        {
            var at = string.Create(CultureInfo.InvariantCulture, $"{path}[{index++}]");
            Check(schema.GetProperty("items"), item, at, errors);
            if (seen is not null && !seen.Add(item.GetRawText()))
            {
                errors.Add(at, $"{Shown(item)} is there twice");
            }
        }
    }

    private static void CheckString(JsonElement schema, string value, string path, CatalogErrors errors)
    {
        if (schema.TryGetProperty("minLength", out var least) && value.Length < least.GetInt32())
        {
            errors.Add(path, "must not be empty");
        }
        else if (schema.TryGetProperty("maxLength", out var most) && value.EnumerateRunes().Count() > most.GetInt32())
        {
            errors.Add(path, $"is longer than {most} characters");
        }
        else if (schema.TryGetProperty("pattern", out var pattern) && !RegexOf(pattern.GetString()!).IsMatch(value))
        {
            errors.Add(path, $"'{Shorten(value)}' is not {schema.GetProperty("title")}");
        }
        else if (schema.TryGetProperty("format", out _) && !IsInstant(value))
        {
            errors.Add(path, $"'{Shorten(value)}' is not an instant such as 2026-01-31T00:00:00Z");
        }
    }

    private static void CheckNumber(JsonElement schema, JsonElement value, string path, CatalogErrors errors)
    {
        if (!value.TryGetDecimal(out var number))
        {
            errors.Add(path, $"{Shorten(value.GetRawText())} is too large");
        }
        else if (schema.TryGetProperty("minimum", out var least) && number < least.GetDecimal())
        {
            errors.Add(path, $"must be at least {least}, not {number}");
        }
        else if (schema.TryGetProperty("exclusiveMinimum", out var below) && number <= below.GetDecimal())
        {
            errors.Add(path, $"must be more than {below}, not {number}");
        }
        else if (schema.TryGetProperty("maximum", out var most) && number > most.GetDecimal())
        {
            errors.Add(path, $"must be at most {most}, not {number}");
        }
    }

    private static bool HasType(JsonElement type, JsonElement value) =>
        type.ValueKind == JsonValueKind.Array ? type.EnumerateArray().Any(t => HasType(t.GetString()!, value)) : HasType(type.GetString()!, value);

    private static bool HasType(string type, JsonElement value) => type switch
    {
        "object" => value.ValueKind == JsonValueKind.Object,
        "array" => value.ValueKind == JsonValueKind.Array,
        "string" => value.ValueKind == JsonValueKind.String,
        "number" => value.ValueKind == JsonValueKind.Number,
        "integer" => value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out _),
        "boolean" => value.ValueKind is JsonValueKind.True or JsonValueKind.False,
        "null" => value.ValueKind == JsonValueKind.Null,
        _ => throw new InvalidOperationException($"schema.json uses the type '{type}', which is unknown here."),
    };

    private static string TypeNames(JsonElement type)
    {
        var names = type.ValueKind == JsonValueKind.Array ? type.EnumerateArray().Select(t => t.GetString()!) : [type.GetString()!];
        return string.Join(" or ", names.Select(name => name switch
        {
            "integer" => "a whole number",
            "boolean" => "true or false",
            "null" => "null",
            "object" or "array" => $"an {name}",
            _ => $"a {name}",
        }));
    }

    // ECMAScript's $ is the very end; .NET's would let a line break follow.
    private static Regex RegexOf(string pattern) => Patterns.GetOrAdd(pattern, p => new Regex(
        p.EndsWith('$') ? p[..^1] + @"\z" : p, RegexOptions.CultureInvariant, TimeSpan.FromSeconds(1)));

    private static bool IsInstant(string text) =>
        text.Contains('T') && (text.EndsWith('Z') || text.Length >= 25) && DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.None, out _);

    private static string Join(string path, string name) => path.Length == 0 ? Shorten(name) : $"{path}.{Shorten(name)}";

    private static string Shown(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Object => "an object",
        JsonValueKind.Array => "an array",
        JsonValueKind.String => $"'{Shorten(value.GetString()!)}'",
        _ => Shorten(value.GetRawText()),
    };

    private static string Shorten(string text) => text.Length <= 80 ? text : text[..79] + "…";
}
