using System.Text.Json;
using System.Text.Json.Serialization;

namespace BillingPortal.Observability;

/// <summary>The one JSON style: snake_case, enums as snake_case words, nulls left out, nothing guessed (no numbers in strings, no repeated properties).</summary>
public static class Json
{
    /// <summary>For bodies kept or sent elsewhere in the same style as the API's.</summary>
    public static readonly JsonSerializerOptions Options = Make();

    public static void Apply(JsonSerializerOptions options)
    {
        options.PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower;
        options.PropertyNameCaseInsensitive = false;
        options.NumberHandling = JsonNumberHandling.Strict;
        options.DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull;
        options.AllowDuplicateProperties = false;
        options.RespectNullableAnnotations = true;
        options.MaxDepth = 32;
        options.Converters.Add(new JsonStringEnumConverter(JsonNamingPolicy.SnakeCaseLower, allowIntegerValues: false));
    }

    private static JsonSerializerOptions Make()
    {
        var options = new JsonSerializerOptions(JsonSerializerDefaults.Web);
        Apply(options);
        return options;
    }
}
