using System.Text.Json;
using System.Text.Json.Nodes;

namespace BillingPortal.Payments.Simulator;

/// <summary>Short ways to read a simulated object's fields.</summary>
internal static class JsonFields
{
    public static string? Text(this JsonObject o, string name) => o[name] is JsonValue v && v.GetValueKind() == JsonValueKind.String ? v.GetValue<string>() : null;

    /// <returns>0 when the field is absent or null.</returns>
    public static long Number(this JsonObject o, string name) => o.NumberOrNull(name) ?? 0;

    public static long? NumberOrNull(this JsonObject o, string name) => o[name] is JsonValue v && v.GetValueKind() == JsonValueKind.Number ? long.Parse(v.ToJsonString(), System.Globalization.CultureInfo.InvariantCulture) : null;

    public static bool Flag(this JsonObject o, string name) => o[name] is JsonValue v && v.GetValueKind() == JsonValueKind.True;

    public static JsonObject Child(this JsonObject o, string name) => o[name]!.AsObject();

    public static IEnumerable<JsonObject> Items(this JsonObject o, string name) =>
        o[name] is JsonObject list ? list["data"]!.AsArray().Select(i => i!.AsObject()) : [];

    /// <summary>As Stripe would answer it: a copy without the simulator's own fields.</summary>
    public static JsonObject Public(this JsonObject o)
    {
        var copy = o.DeepClone().AsObject();
        Strip(copy);
        return copy;
    }

    private static void Strip(JsonNode? node)
    {
        switch (node)
        {
            case JsonObject o:
                foreach (var name in o.Select(p => p.Key).Where(k => k.StartsWith('_')).ToList())
                {
                    o.Remove(name);
                }

                foreach (var (_, child) in o)
                {
                    Strip(child);
                }

                break;
            case JsonArray a:
                foreach (var child in a)
                {
                    Strip(child);
                }

                break;
        }
    }

    public static JsonObject ListOf(IEnumerable<JsonObject> data, string url, bool hasMore = false) => new()
    {
        ["object"] = "list",
        ["data"] = new JsonArray([.. data.Select(o => (JsonNode)o)]),
        ["has_more"] = hasMore,
        ["url"] = url,
    };
}
