using BillingPortal.Primitives;

namespace BillingPortal.Gating;

/// <summary>The Idempotency-Key header: required on everything that moves or reserves value.</summary>
internal static class KeyHeader
{
    public const string Replayed = "Idempotent-Replayed";

    /// <returns>Null with the key; else why there is none.</returns>
    public static Refusal? Read(HttpContext context, out IdempotencyKey key)
    {
        var header = context.Request.Headers[IdempotencyKey.Header];
        if (header.Count == 1 && IdempotencyKey.TryParse(header[0], out key))
        {
            return null;
        }

        key = default;
        return header.Count == 0
            ? Refusal.Invalid(IdempotencyKey.Header, "Send an Idempotency-Key header: with the same key a repeat is taken once. Nothing was done.")
            : Refusal.Invalid(IdempotencyKey.Header, "An Idempotency-Key is one header of 1 to 255 visible ASCII characters without spaces. Nothing was done.");
    }
}
