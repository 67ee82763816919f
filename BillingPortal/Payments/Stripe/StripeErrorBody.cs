using System.Net;
using System.Text.Json;

namespace BillingPortal.Payments.Stripe;

/// <summary>Reads Stripe's error body, or makes the best of an answer that has none.</summary>
internal static class StripeErrorBody
{
    private sealed record Envelope(Body? Error);

    private sealed record Body(string? Type, string? Code, string? Message, string? Param, string? DeclineCode, string? AdviceCode, StripePaymentIntent? PaymentIntent);

    public static StripeError Read(HttpStatusCode status, byte[] body, string? requestId)
    {
        Body? error = null;
        try
        {
            error = JsonSerializer.Deserialize<Envelope>(body, StripeJson.Options)?.Error;
        }
        catch (JsonException)
        {
            // A proxy's page, or nothing: the status alone must do.
        }

        return new StripeError(Classify(status, error), error?.Message ?? $"HTTP {(int)status}")
        {
            Status = (int)status,
            Type = error?.Type,
            Code = error?.Code,
            Param = error?.Param,
            DeclineCode = error?.DeclineCode,
            AdviceCode = error?.AdviceCode,
            PaymentIntent = error?.PaymentIntent,
            RequestId = requestId,
        };
    }

    private static StripeFailure Classify(HttpStatusCode status, Body? error) => (int)status switch
    {
        _ when error?.Type == "idempotency_error" => StripeFailure.IdempotencyConflict,
        // 404 for the id in the path, 400 for one named by a parameter.
        _ when error?.Code == "resource_missing" => StripeFailure.Missing,
        401 or 403 => StripeFailure.Unauthorized,
        402 => StripeFailure.Declined,
        404 => StripeFailure.Missing,
        409 or 424 or 429 => StripeFailure.Unavailable,
        >= 500 => StripeFailure.Unknown,
        _ => StripeFailure.Invalid,
    };
}
