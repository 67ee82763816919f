using System.Buffers;
using System.Text.Json;
using BillingPortal.Primitives;

namespace BillingPortal.Gating;

/// <summary>Makes a value of a body, or fills in what is wrong with it.</summary>
/// <param name="json">Stands on the first token; is left on the last.</param>
/// <returns>Null when there are errors.</returns>
internal delegate T? BodyParser<T>(ref Utf8JsonReader json, FieldErrors errors) where T : class;

/// <summary>Reads a JSON body whole and hands it to its parser, without reflection and without a copy.</summary>
internal static class RequestBody
{
    /// <summary>Enough for every body that means something; deeper nesting is refused before it costs anything.</summary>
    private const int Depth = 8;

    public static async ValueTask<(T? Value, Refusal? Refusal)> ReadAsync<T>(HttpContext context, BodyParser<T> parse) where T : class
    {
        if (!context.Request.HasJsonContentType())
        {
            return (null, new(ErrorCode.UnsupportedMediaType, "Send the body as application/json. Nothing was done."));
        }

        var reader = context.Request.BodyReader;
        while (true)
        {
            var read = await reader.ReadAsync(context.RequestAborted);
            if (read.IsCompleted)
            {
                var parsed = Parse(read.Buffer, parse);
                reader.AdvanceTo(read.Buffer.End);
                return parsed;
            }

            reader.AdvanceTo(read.Buffer.Start, read.Buffer.End);
        }
    }

    internal static (T? Value, Refusal? Refusal) Parse<T>(ReadOnlySequence<byte> body, BodyParser<T> parse) where T : class
    {
        var errors = new FieldErrors();
        var options = new JsonReaderOptions { MaxDepth = Depth };
        var json = body.IsSingleSegment ? new Utf8JsonReader(body.FirstSpan, options) : new Utf8JsonReader(body, options);
        try
        {
            json.Read();
            var value = parse(ref json, errors);
            json.Read(); // nothing may follow; the reader says so by exception
            return errors.Any ? (null, errors.ToRefusal()) : (value, null);
        }
        catch (JsonException)
        {
            // The reader has no other way to say it. Its message would quote the body.
            return (null, Refusal.Invalid("body", "The body is not well-formed JSON, or is nested too deeply. Nothing was done."));
        }
    }
}
