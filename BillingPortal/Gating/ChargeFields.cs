using System.Text.Json;

namespace BillingPortal.Gating;

internal enum ChargeField
{
    Unknown, Account, Action, Meter, Quantity, Provider, Model, Tool, Feature, Byok, Tokens, Unit, Amount, Reason, Outcome, Member, Agent, Run, Metadata, OccurredAt, IdempotencyKey,
}

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
    ];

    public static ChargeField Find(ref Utf8JsonReader json)
    {
        foreach (var (name, field) in Names)
        {
            if (json.ValueTextEquals(name))
            {
                return field;
            }
        }

        return ChargeField.Unknown;
    }
}
