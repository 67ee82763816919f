using System.Text.Json;
using BillingPortal.Payments.Stripe;

namespace BillingPortal.Payments;

/// <summary>A snapshot event's envelope: what happened, to which object. A hint: handlers read the object afresh.</summary>
/// <param name="ObjectId">Null for objects without one, such as an upcoming invoice.</param>
/// <param name="Customer">The customer the object names, or is.</param>
public sealed record StripeEvent(string Id, string Type, string? ApiVersion, DateTimeOffset Created, bool Livemode, string? ObjectId, string? Customer)
{
    /// <summary>The longest id or type that is kept.</summary>
    private const int MostText = 255;
    private const string MeterErrors = "v1.billing.meter.";

    /// <summary>Events of one customer, or about one object, are handled one at a time.</summary>
    public string Queue => Customer ?? ObjectId ?? Id;

    /// <summary>Whether Stripe tells of this by thin events only.</summary>
    public static bool IsThin(string type) => type.StartsWith(MeterErrors, StringComparison.Ordinal);

    /// <summary>Why it is not to be processed: an event of another train may have its fields elsewhere, so it is kept for a person and not guessed at. Null: it is.</summary>
    public string? WhyParked => StripeVersion.IsCompatible(ApiVersion)
        ? null
        : $"Made for API version {ApiVersion ?? "(none)"}, and this portal reads {StripeVersion.Pinned}: give the webhook endpoint that version, then replay.";

    /// <summary>Reads the envelope of a delivery.</summary>
    /// <returns>Null when it is no snapshot event: not JSON, no id or type, or a thin event.</returns>
    public static StripeEvent? Read(ReadOnlyMemory<byte> body)
    {
        try
        {
            using var json = JsonDocument.Parse(body, new JsonDocumentOptions { MaxDepth = 64 });
            return Read(json.RootElement);
        }
        catch (JsonException)
        {
            return null;
        }
    }

    /// <summary>Reads a thin event: no data, only which object it is about. Stripe tells of errors in meter events this way and no other (https://docs.stripe.com/event-destinations).</summary>
    /// <returns>Null when it is none about meters.</returns>
    public static StripeEvent? ReadThin(ReadOnlyMemory<byte> body)
    {
        try
        {
            using var json = JsonDocument.Parse(body, new JsonDocumentOptions { MaxDepth = 64 });
            var root = json.RootElement;
            if (root.ValueKind != JsonValueKind.Object || Text(root, "object") != "v2.core.event" || Text(root, "id") is not { Length: > 0 and <= MostText } id
                || Text(root, "type") is not { Length: <= MostText } type || !type.StartsWith(MeterErrors, StringComparison.Ordinal))
            {
                return null;
            }

            var created = root.TryGetProperty("created", out var c) && c.ValueKind == JsonValueKind.String && c.TryGetDateTimeOffset(out var at) ? at.ToUniversalTime() : DateTimeOffset.UnixEpoch;
            var about = root.TryGetProperty("related_object", out var related) && related.ValueKind == JsonValueKind.Object ? Text(related, "id") : null;
            return new(id, type, null, created, root.TryGetProperty("livemode", out var l) && l.ValueKind == JsonValueKind.True, Short(about, MostText), null);
        }
        catch (JsonException)
        {
            return null;
        }
    }

    public static StripeEvent? Read(JsonElement root)
    {
        if (root.ValueKind != JsonValueKind.Object || Text(root, "object") != "event"
            || Text(root, "id") is not { Length: > 0 and <= MostText } id || Text(root, "type") is not { Length: > 0 and <= MostText } type
            || !root.TryGetProperty("data", out var data) || data.ValueKind != JsonValueKind.Object
            || !data.TryGetProperty("object", out var about) || about.ValueKind != JsonValueKind.Object)
        {
            return null;
        }

        var created = root.TryGetProperty("created", out var c) && c.ValueKind == JsonValueKind.Number && c.TryGetInt64(out var seconds) && seconds is >= 0 and < 253_402_300_800
            ? DateTimeOffset.FromUnixTimeSeconds(seconds)
            : DateTimeOffset.UnixEpoch;
        var livemode = root.TryGetProperty("livemode", out var l) && l.ValueKind == JsonValueKind.True;
        var customer = Text(about, "object") == "customer" ? Text(about, "id") : Text(about, "customer");
        return new(id, type, Short(Text(root, "api_version"), 60), created, livemode, Short(Text(about, "id"), MostText), Short(customer, MostText));
    }

    private static string? Text(JsonElement element, string name) =>
        element.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;

    private static string? Short(string? text, int most) => text is null || text.Length <= most ? text : null;
}
