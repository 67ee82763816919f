using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using System.Text.Unicode;

namespace BillingPortal.Catalog;

/// <summary>The catalog as JSON: read with the place of every error, written so that reading it again gives the same.</summary>
public static class CatalogJson
{
    private static readonly JsonSerializerOptions Options = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        WriteIndented = true,
        Encoder = JavaScriptEncoder.Create(UnicodeRanges.All),
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.SnakeCaseLower), new PlainDecimal() },
    };

    /// <summary>Reads a catalog: its shape by schema.json, then what its parts say of each other. All or nothing.</summary>
    /// <param name="utf8">At most 1 MB over HTTP; nested at most 64 deep.</param>
    public static CatalogReading Read(ReadOnlyMemory<byte> utf8)
    {
        var errors = new CatalogErrors();
        try
        {
            // A mark at the start is what some editors leave in a file.
            using var document = JsonDocument.Parse(utf8.Span.StartsWith("\uFEFF"u8) ? utf8[3..] : utf8, new() { AllowDuplicateProperties = false });
            return Read(document.RootElement, errors);
        }
        catch (JsonException e)
        {
            errors.Add("", $"this is no usable JSON: {e.Message}");
        }
        catch (InvalidOperationException)
        {
            // How System.Text.Json says that an escape such as \ud800 is half a character.
            errors.Add("", "there is text in it that is not valid Unicode");
        }

        return CatalogReading.Wrong(errors.List);
    }

    /// <summary>Reads one customer's overrides: their shape by schema.json, then what they say of the catalog's parts.</summary>
    /// <returns>The overrides, or what is wrong with them and where.</returns>
    internal static (PlanOverrides? Overrides, IReadOnlyList<CatalogError> Errors) ReadOverrides(ReadOnlyMemory<byte> utf8, CatalogDocument catalog) =>
        ReadPart<PlanOverrides>("overrides", utf8, (overrides, errors) => CatalogReferences.Check(catalog, overrides, errors));

    /// <summary>Reads a price list: its shape by schema.json. What it says of a catalog shows when it is applied to one.</summary>
    internal static (PriceList? List, IReadOnlyList<CatalogError> Errors) ReadPriceList(ReadOnlyMemory<byte> utf8) => ReadPart<PriceList>("price_list", utf8, (_, _) => { });

    private static (T? Part, IReadOnlyList<CatalogError> Errors) ReadPart<T>(string definition, ReadOnlyMemory<byte> utf8, Action<T, CatalogErrors> check)
        where T : class
    {
        var errors = new CatalogErrors();
        try
        {
            using var document = JsonDocument.Parse(utf8, new() { AllowDuplicateProperties = false });
            CatalogSchema.Check(definition, document.RootElement, errors);
            if (errors.List.Count == 0)
            {
                var part = document.RootElement.Deserialize<T>(Options)!;
                check(part, errors);
                return (errors.List.Count == 0 ? part : null, errors.List);
            }
        }
        catch (JsonException e)
        {
            errors.Add(PathOf(e), e.Path is null ? $"this is no usable JSON: {e.Message}" : e.Message.Split(" Path:")[0]);
        }
        catch (InvalidOperationException)
        {
            errors.Add("", "there is text in it that is not valid Unicode");
        }

        return (null, errors.List);
    }

    internal static PlanOverrides ParseOverrides(string json) => JsonSerializer.Deserialize<PlanOverrides>(json, Options)!;

    /// <summary>The overrides; fields that say nothing are left out.</summary>
    internal static string Write(PlanOverrides overrides)
    {
        var written = JsonSerializer.SerializeToNode(overrides, Options)!.AsObject();
        LeaveDefaultsOut(CatalogSchema.Root.GetProperty("$defs").GetProperty("overrides"), written);
        return written.ToJsonString(Options);
    }

    private static CatalogReading Read(JsonElement root, CatalogErrors errors)
    {
        CatalogSchema.Check(root, errors);
        if (errors.List.Count > 0)
        {
            return CatalogReading.Wrong(errors.List);
        }

        try
        {
            var catalog = root.Deserialize<CatalogDocument>(Options)!;
            CatalogReferences.Check(catalog, errors);
            return errors.List.Count > 0 ? CatalogReading.Wrong(errors.List) : catalog;
        }
        catch (JsonException e)
        {
            // The one thing that JSON Schema cannot say of a decimal number: how many decimals it has.
            errors.Add(PathOf(e), e.Message.Split(" Path:")[0]);
            return CatalogReading.Wrong(errors.List);
        }
    }

    private static string PathOf(JsonException e) => e.Path is { Length: > 2 } path ? path[2..] : "";

    /// <summary>The whole catalog, every field written out, for comparing.</summary>
    internal static JsonObject ToNode(CatalogDocument catalog) => JsonSerializer.SerializeToNode(catalog, Options)!.AsObject();

    /// <summary>The catalog as a file: fields that hold their default are left out.</summary>
    public static string Write(CatalogDocument catalog)
    {
        var written = ToNode(catalog);
        LeaveDefaultsOut(CatalogSchema.Root, written);
        written.Insert(0, "$schema", "schema.json");
        return written.ToJsonString(Options) + "\n";
    }

    /// <summary>Holds a catalog made in memory to all the rules that a file is held to.</summary>
    internal static CatalogReading Check(CatalogDocument catalog) => Read(Encoding.UTF8.GetBytes(Write(catalog)));

    private static void LeaveDefaultsOut(JsonElement schema, JsonNode node)
    {
        schema = CatalogSchema.Resolve(schema);
        if (node is JsonArray array)
        {
            foreach (var item in array.OfType<JsonNode>())
            {
                LeaveDefaultsOut(schema.GetProperty("items"), item);
            }
        }
        else if (node is JsonObject value)
        {
            foreach (var (name, child) in value.ToArray())
            {
                var known = schema.TryGetProperty("properties", out var properties) && properties.TryGetProperty(name, out var property) ? property : schema.GetProperty("additionalProperties");
                if (known.TryGetProperty("default", out var standard) && JsonNode.DeepEquals(child, JsonNode.Parse(standard.GetRawText())))
                {
                    value.Remove(name);
                }
                else if (child is not null)
                {
                    LeaveDefaultsOut(known, child);
                }
            }
        }
    }

    /// <summary>Decimals without superfluous zeros, so that 0.50 and 0.5 are written alike.</summary>
    private sealed class PlainDecimal : JsonConverter<decimal>
    {
        public override decimal Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) => reader.GetDecimal();

        public override void Write(Utf8JsonWriter writer, decimal value, JsonSerializerOptions options) =>
            writer.WriteRawValue(value.ToString("0.############################", CultureInfo.InvariantCulture), skipInputValidation: true);
    }
}

/// <summary>A catalog, or what is wrong with the file. Closed: one of the two.</summary>
public sealed class CatalogReading
{
    private readonly CatalogDocument? catalog;
    private readonly IReadOnlyList<CatalogError> errors;

    private CatalogReading(CatalogDocument? catalog, IReadOnlyList<CatalogError> errors) => (this.catalog, this.errors) = (catalog, errors);

    public static implicit operator CatalogReading(CatalogDocument catalog) => new(catalog, []);

    internal static CatalogReading Wrong(IReadOnlyList<CatalogError> errors) => new(null, errors);

    public T Match<T>(Func<CatalogDocument, T> whenRead, Func<IReadOnlyList<CatalogError>, T> whenWrong) => catalog is not null ? whenRead(catalog) : whenWrong(errors);
}
