using System.Text.Encodings.Web;
using System.Text.Json;

namespace BillingPortal.Components.Shared;

/// <summary>Machine text, made readable.</summary>
public static class Pretty
{
    private static readonly JsonSerializerOptions indented = new() { WriteIndented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <returns>The JSON indented; as it is when it is no JSON; null for null. Razor encodes it when it is shown.</returns>
    public static string? Json(string? text)
    {
        if (text is null)
        {
            return null;
        }

        try
        {
            using var document = JsonDocument.Parse(text);
            return JsonSerializer.Serialize(document.RootElement, indented);
        }
        catch (JsonException)
        {
            return text;
        }
    }
}
