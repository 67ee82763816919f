using System.Text.Json;
using BillingPortal.Charging;
using BillingPortal.Ledger;
using BillingPortal.Primitives;

namespace BillingPortal.Gating;

internal sealed record ExtendBody(TimeSpan ExpiresIn, Amount? Amount);

/// <summary>The fields that holds have beside those of charges, and the bodies of extensions and releases.</summary>
internal static class HoldBodies
{
    public const long DefaultSeconds = 600;
    private const long MostSeconds = 86_400;

    public static long? Seconds(ref Utf8JsonReader json, string field, FieldErrors errors)
    {
        if (json.TokenType == JsonTokenType.Null)
        {
            return null;
        }

        if (json.TokenType == JsonTokenType.Number && json.TryGetInt64(out var seconds) && seconds is >= 1 and <= MostSeconds)
        {
            return seconds;
        }

        json.Skip();
        errors.Add(field, "Must be whole seconds, from 1 to 86,400.");
        return null;
    }

    public static HoldExpiry? Expiry(ref Utf8JsonReader json, string field, FieldErrors errors) => BodyValues.Text(ref json, field, 20, errors) switch
    {
        null => null,
        "release" => HoldExpiry.Release,
        "capture" => HoldExpiry.Capture,
        _ => Wrong<HoldExpiry>(field, "Must be release or capture.", errors),
    };

    public static OverHold? Over(ref Utf8JsonReader json, string field, FieldErrors errors) => BodyValues.Text(ref json, field, 20, errors) switch
    {
        null => null,
        "cap" => OverHold.Cap,
        "charge" => OverHold.Charge,
        _ => Wrong<OverHold>(field, "Must be cap or charge.", errors),
    };

    public static ExtendBody? ReadExtend(ref Utf8JsonReader json, FieldErrors errors)
    {
        long? expiresIn = null;
        Amount? amount = null;
        var fields = new BodyFields(errors);
        while (fields.Next(ref json, out var field))
        {
            switch (field)
            {
                case "expires_in": expiresIn = Seconds(ref json, field, errors); break;
                case "amount": amount = BodyValues.Quantity(ref json, field, errors); break;
                default: BodyFields.Unknown(ref json, field, errors); break;
            }
        }

        return errors.Any ? null : new(TimeSpan.FromSeconds(expiresIn ?? DefaultSeconds), amount);
    }

    public static HoldStatus? StatusOf(string? name) => name switch
    {
        "open" => HoldStatus.Open,
        "captured" => HoldStatus.Captured,
        "released" => HoldStatus.Released,
        "expired" => HoldStatus.Expired,
        _ => null,
    };

    private static T? Wrong<T>(string field, string message, FieldErrors errors) where T : struct
    {
        errors.Add(field, message);
        return null;
    }
}
