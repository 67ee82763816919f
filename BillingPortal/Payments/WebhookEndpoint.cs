using System.Text;
using BillingPortal.Observability;
using BillingPortal.Payments.Stripe;
using BillingPortal.Primitives;

namespace BillingPortal.Payments;

/// <summary><c>POST /webhooks/stripe</c>: believe, store, answer; processing comes after. Stripe repeats whatever is not answered with 200.</summary>
internal static class WebhookEndpoint
{
    public const string Path = "/webhooks/stripe";
    /// <summary>Bytes; Stripe's events are far smaller.</summary>
    private const int MostBody = 1_000_000;
    private static readonly UTF8Encoding StrictUtf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    private sealed record Receipt(bool Received);

    public static void MapWebhook(this WebApplication app) =>
        app.MapPost(Path, ReceiveAsync).AllowAnonymous().DisableAntiforgery().ExcludeFromDescription();

    private static async Task<IResult> ReceiveAsync(
        HttpRequest request, IStripeConnection connection, WebhookInbox inbox, StripeEventHandlers handlers, SignatureFaults faults, TimeProvider time, CancellationToken ct)
    {
        if (await ReadAsync(request, ct) is not { } body)
        {
            return new Refusal(ErrorCode.TooLarge, "An event is at most 1 MB.").ToProblem();
        }

        var current = connection.Current;
        var fault = WebhookSignature.Check(request.Headers[WebhookSignature.Header], body, current.WebhookSecrets, time.GetUtcNow());
        var thin = StripeEvent.ReadThin(body);
        var received = thin ?? StripeEvent.Read(body);
        if (fault == SignatureFault.None && received is not null && received.Livemode != current.IsLive)
        {
            fault = SignatureFault.OtherMode;
        }

        if (fault != SignatureFault.None)
        {
            faults.Count(SignatureFaults.Likely(fault, received, current));
            return new Refusal(ErrorCode.InvalidRequest, "The signature does not fit this endpoint, or is too old. Nothing was stored.").ToProblem();
        }

        if (received is null || !TryDecode(body, out var payload))
        {
            return new Refusal(ErrorCode.InvalidRequest, "The body is no event that is taken here. Nothing was stored.").ToProblem();
        }

        // A thin event has no version; where nothing handles it, a person must see it.
        var parked = thin is null ? received.WhyParked : handlers.Handles(thin.Type) ? null : "Stripe refused meter events. What and why stands with this event in Stripe's dashboard (Developers, Events).";
        await inbox.StoreAsync(received, payload, parked, ct);
        return TypedResults.Ok(new Receipt(true));
    }

    private static bool TryDecode(byte[] body, out string payload)
    {
        try
        {
            payload = StrictUtf8.GetString(body);
            // PostgreSQL's text cannot hold it, and no event of Stripe's has it.
            return !payload.Contains('\0', StringComparison.Ordinal);
        }
        catch (DecoderFallbackException)
        {
            payload = "";
            return false;
        }
    }

    /// <returns>The raw bytes; null when there are too many.</returns>
    private static async Task<byte[]?> ReadAsync(HttpRequest request, CancellationToken ct)
    {
        if (request.ContentLength > MostBody)
        {
            return null;
        }

        using var body = new MemoryStream();
        var buffer = new byte[16 * 1024];
        int read;
        while ((read = await request.Body.ReadAsync(buffer, ct)) > 0)
        {
            body.Write(buffer, 0, read);
            if (body.Length > MostBody)
            {
                return null;
            }
        }

        return body.ToArray();
    }
}
