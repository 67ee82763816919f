using System.Text.Json;

namespace BillingPortal.Gating;

internal enum ChargeField
{
    Unknown, Account, Action, Meter, Quantity, Provider, Model, Tool, Feature, Byok, Tokens, Unit, Amount, Reason, Outcome, Member, Agent, Run, Metadata, OccurredAt, IdempotencyKey,
    ExpiresIn, OnExpiry, Final, OverHold,
}

/// <summary>What a body is for; each has fields of its own beside those of a charge.</summary>
internal enum ChargeForm { Charge, BatchItem, Hold, Capture }

/// <summary>Finds a field by its name in the body, without making a string of it.</summary>
internal static class ChargeFields
{
    private static readonly (byte[] Name, ChargeField Field)[] Names =
    [
        ("account"u8.ToArray(), ChargeField.Account),
        ("action"u8.ToArray(), ChargeField.Action),
        ("quantity"u8.ToArray(), ChargeField.Quantity),
        ("meter"u8.ToArray(), ChargeField.Meter),
        ("provider"u8.ToArray(), ChargeField.Provider),
        ("model"u8.ToArray(), ChargeField.Model),
        ("tokens"u8.ToArray(), ChargeField.Tokens),
        ("unit"u8.ToArray(), ChargeField.Unit),
        ("amount"u8.ToArray(), ChargeField.Amount),
        ("reason"u8.ToArray(), ChargeField.Reason),
        ("outcome"u8.ToArray(), ChargeField.Outcome),
        ("member"u8.ToArray(), ChargeField.Member),
        ("agent"u8.ToArray(), ChargeField.Agent),
        ("run"u8.ToArray(), ChargeField.Run),
        ("metadata"u8.ToArray(), ChargeField.Metadata),
        ("tool"u8.ToArray(), ChargeField.Tool),
        ("feature"u8.ToArray(), ChargeField.Feature),
        ("byok"u8.ToArray(), ChargeField.Byok),
        ("occurred_at"u8.ToArray(), ChargeField.OccurredAt),
        ("idempotency_key"u8.ToArray(), ChargeField.IdempotencyKey),
        ("expires_in"u8.ToArray(), ChargeField.ExpiresIn),
        ("on_expiry"u8.ToArray(), ChargeField.OnExpiry),
        ("final"u8.ToArray(), ChargeField.Final),
        ("over_hold"u8.ToArray(), ChargeField.OverHold),
    ];

    public static ChargeField Find(ref Utf8JsonReader json, ChargeForm form)
    {
        foreach (var (name, field) in Names)
        {
            if (json.ValueTextEquals(name))
            {
                return IsOf(field, form) ? field : ChargeField.Unknown;
            }
        }

        return ChargeField.Unknown;
    }

    private static bool IsOf(ChargeField field, ChargeForm form) => field switch
    {
        ChargeField.IdempotencyKey => form == ChargeForm.BatchItem,
        ChargeField.ExpiresIn or ChargeField.OnExpiry => form == ChargeForm.Hold,
        ChargeField.Final or ChargeField.OverHold => form == ChargeForm.Capture,
        _ => true,
    };
}
