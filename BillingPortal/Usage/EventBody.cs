using System.Text.Json;
using BillingPortal.Primitives;
using BillingPortal.Rating;

namespace BillingPortal.Usage;

/// <summary>Reads the body of <c>POST /usage/events</c>: the plain form, or CloudEvents 1.0. Each event is taken or refused by itself.</summary>
internal static class EventBody
{
    private const int MostEvents = 1_000;
    private static readonly JsonDocumentOptions Strict = new() { MaxDepth = 8, AllowDuplicateProperties = false };

    private enum Form { Unknown, Plain, CloudEvents, OneCloudEvent }

    /// <returns>The events that could be read and those that could not; or the refusal of the whole.</returns>
    public static async Task<(List<UsageEvent> Events, List<RejectedEvent> Rejected, Refusal? Refusal)> ReadAsync(HttpRequest request, CancellationToken ct)
    {
        var form = FormOf(request.ContentType);
        if (form == Form.Unknown)
        {
            return ([], [], new(ErrorCode.UnsupportedMediaType, "Send the events as application/json, application/cloudevents-batch+json or application/cloudevents+json. Nothing was done."));
        }

        try
        {
            using var document = await JsonDocument.ParseAsync(request.Body, Strict, ct);
            return Read(document.RootElement, form);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            // The document has no other way to say it, for names that are no Unicode neither.
            return ([], [], Refusal.Invalid("body", "The body is not well-formed JSON, names a field twice or is nested too deeply. Nothing was done."));
        }
    }

    private static (List<UsageEvent>, List<RejectedEvent>, Refusal?) Read(JsonElement root, Form form)
    {
        var list = root;
        if (form == Form.Plain && (root.ValueKind != JsonValueKind.Object || !root.TryGetProperty("events", out list) || root.EnumerateObject().Count() > 1))
        {
            return ([], [], Refusal.Invalid("events", "The body must be an object with events and nothing else. Nothing was done."));
        }

        if (form != Form.OneCloudEvent && list.ValueKind != JsonValueKind.Array)
        {
            return ([], [], Refusal.Invalid("events", "The events must be an array. Nothing was done."));
        }

        JsonElement[] items = form == Form.OneCloudEvent ? [list] : [.. list.EnumerateArray()];
        if (items.Length is 0 or > MostEvents)
        {
            return ([], [], Refusal.Invalid("events", "A request holds 1 to 1,000 events. Nothing was done."));
        }

        var (events, rejected) = (new List<UsageEvent>(items.Length), new List<RejectedEvent>());
        for (var i = 0; i < items.Length; i++)
        {
            var flaw = new Flaw();
            var read = form == Form.Plain ? Plain(items[i], i, flaw) : Cloud(items[i], i, flaw);
            Check(read, flaw);
            if (flaw.Text is { } wrong)
            {
                rejected.Add(new(i, ErrorCode.InvalidRequest.Name, wrong));
            }
            else
            {
                events.Add(read);
            }
        }

        return (events, rejected, null);
    }

    private static UsageEvent Plain(JsonElement json, int index, Flaw flaw)
    {
        var fields = new EventFields(json, flaw);
        var read = Measured(index, fields.Required("account"), fields, fields, flaw);
        fields.RefuseOthers();
        return read;
    }

    /// <summary>The subject is the account and the type the meter, unless the data say otherwise. Attributes that are not known are let be, as CloudEvents has them.</summary>
    private static UsageEvent Cloud(JsonElement json, int index, Flaw flaw)
    {
        var fields = new EventFields(json, flaw);
        if (fields.Required("specversion") is not "1.0")
        {
            flaw.Add("specversion", "Must be 1.0.");
        }

        var (type, subject, data) = (fields.Required("type"), fields.Text("subject"), fields.Object("data"));
        if (data is null)
        {
            flaw.Add("data", "Is required.");
            return new(index, "", "", "");
        }

        var account = data.Text("account") ?? subject ?? fields.Required("subject");
        var read = Measured(index, account, fields, data, flaw);
        read = read with { Properties = read.Properties ?? data.Rest() };
        return read.Meter is null && read.Tokens is null ? read with { Meter = type } : read;
    }

    /// <param name="envelope">Says what the event is known by, and when it happened.</param>
    /// <param name="fields">Say what was used; where they do not, their properties do.</param>
    private static UsageEvent Measured(int index, string account, EventFields envelope, EventFields fields, Flaw flaw)
    {
        var (source, id, time) = (envelope.Required("source"), envelope.Required("id"), envelope.Time("time"));
        var (meter, quantity, value) = (fields.Text("meter"), fields.Number("quantity"), fields.Number("value"));
        var inner = fields.Object("properties");
        var tokens = Tokens(fields.Object("tokens") ?? inner?.Object("tokens"), flaw);
        return new(index, account, source, id)
        {
            Time = time,
            Meter = meter,
            // With a meter but no quantity, the tokens are what is counted.
            Quantity = quantity ?? (meter is not null && value is null ? tokens?.Total : null),
            Value = value,
            Provider = Text("provider"),
            Model = Text("model"),
            Tool = Text("tool"),
            Member = Text("member"),
            Agent = Text("agent"),
            Run = Text("run") ?? Text("job"),
            Byok = fields.Flag("byok") ?? inner?.Flag("byok") ?? false,
            Tokens = tokens,
            Properties = inner?.Rest(),
        };

        string? Text(string name) => fields.Text(name) ?? inner?.Text(name);
    }

    private static TokenCounts? Tokens(EventFields? fields, Flaw flaw)
    {
        if (fields is null)
        {
            return null;
        }

        var counts = new TokenCounts(fields.Count("input"), fields.Count("output"), fields.Count("cached_input"), fields.Count("cache_write"), fields.Count("reasoning"));
        fields.RefuseOthers("tokens.");
        if (counts.Total == 0)
        {
            flaw.Add("tokens", "Must name at least one token.");
        }

        return counts;
    }

    private static void Check(UsageEvent read, Flaw flaw)
    {
        if (read.Meter is null && (read.Tokens is null || read.Model is null))
        {
            flaw.Add("meter", "Is required, or a model with its tokens.");
        }
        else if (read.Meter is null && (read.Quantity ?? read.Value) is not null)
        {
            flaw.Add("quantity", "Goes with a meter only.");
        }
        else if (read is { Quantity: not null, Value: not null })
        {
            flaw.Add("value", "Goes without a quantity: a level is set or changed.");
        }
    }

    private static Form FormOf(string? contentType) => contentType?.Split(';')[0].Trim().ToLowerInvariant() switch
    {
        "application/json" => Form.Plain,
        "application/cloudevents-batch+json" => Form.CloudEvents,
        "application/cloudevents+json" => Form.OneCloudEvent,
        _ => Form.Unknown,
    };
}
