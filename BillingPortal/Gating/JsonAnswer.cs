using System.Buffers;
using System.Text.Json;
using Microsoft.AspNetCore.Http.Json;
using Microsoft.Extensions.Options;

namespace BillingPortal.Gating;

/// <summary>A JSON answer of the hot path: written whole, with its length, and sent together with the headers; one that is written in pieces costs a second send and a way to break off.</summary>
/// <param name="location">Where what was made is found; null: nothing was made.</param>
internal sealed class JsonAnswer<T>(int status, T value, string? location = null) : IResult
{
    [ThreadStatic]
    private static ArrayBufferWriter<byte>? text;
    [ThreadStatic]
    private static Utf8JsonWriter? json;

    public Task ExecuteAsync(HttpContext httpContext)
    {
        var options = httpContext.RequestServices.GetRequiredService<IOptions<JsonOptions>>().Value.SerializerOptions;
        text ??= new(1024);
        json ??= new(text, new() { Encoder = options.Encoder, SkipValidation = true });
        text.ResetWrittenCount();
        json.Reset(text);
        JsonSerializer.Serialize(json, value, options.GetTypeInfo(typeof(T)));
        var response = httpContext.Response;
        response.StatusCode = status;
        response.ContentType = "application/json; charset=utf-8";
        response.ContentLength = text.WrittenCount;
        if (location is not null)
        {
            response.Headers.Location = location;
        }

        response.BodyWriter.Write(text.WrittenSpan);
        return Task.CompletedTask;
    }
}
