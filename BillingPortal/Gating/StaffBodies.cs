using System.Text.Json;
using BillingPortal.Ledger;
using BillingPortal.Primitives;

namespace BillingPortal.Gating;

internal sealed record GrantBody(string Account, GrantTerms Terms, string Reason);

internal sealed record AdjustmentBody(string Account, Unit Unit, Amount Amount, string Reason);

internal sealed record RefundBody(IReadOnlyList<UnitAmount>? Funding, string Reason);

/// <summary>The bodies of grants, adjustments and refunds, read as strictly as charges.</summary>
internal static class StaffBodies
{
    public const int LongestReason = 500;
    private const int LongestAccount = 200;
    private const int MostParts = 20;

    public static GrantBody? ReadGrant(ref Utf8JsonReader json, FieldErrors errors)
    {
        string? account = null, reason = null;
        Amount? amount = null;
        Unit? unit = null;
        DateTimeOffset? expiresAt = null;
        GrantSource? source = null;
        var fields = new BodyFields(errors);
        while (fields.Next(ref json, out var field))
        {
            switch (field)
            {
                case "account": account = BodyValues.Text(ref json, field, LongestAccount, errors); break;
                case "amount": amount = BodyValues.Quantity(ref json, field, errors); break;
                case "unit": unit = BodyValues.UnitOf(ref json, field, errors); break;
                case "reason": reason = BodyValues.Text(ref json, field, LongestReason, errors); break;
                case "expires_at": expiresAt = BodyValues.Instant(ref json, field, errors); break;
                case "source": source = ReadSource(ref json, errors); break;
                default: BodyFields.Unknown(ref json, field, errors); break;
            }
        }

        fields.Require("account", account);
        fields.Require("amount", amount);
        fields.Require("reason", reason);
        return errors.Any ? null : new(account!, new(unit ?? Unit.Credit, amount!.Value, source ?? GrantSource.Promotional) { ExpiresAt = expiresAt }, reason!);
    }

    public static AdjustmentBody? ReadAdjustment(ref Utf8JsonReader json, FieldErrors errors)
    {
        string? account = null, reason = null;
        Amount? amount = null;
        Unit? unit = null;
        var fields = new BodyFields(errors);
        while (fields.Next(ref json, out var field))
        {
            switch (field)
            {
                case "account": account = BodyValues.Text(ref json, field, LongestAccount, errors); break;
                case "amount": amount = BodyValues.Quantity(ref json, field, errors, signed: true); break;
                case "unit": unit = BodyValues.UnitOf(ref json, field, errors); break;
                case "reason": reason = BodyValues.Text(ref json, field, LongestReason, errors); break;
                default: BodyFields.Unknown(ref json, field, errors); break;
            }
        }

        fields.Require("account", account);
        fields.Require("unit", unit);
        fields.Require("amount", amount);
        fields.Require("reason", reason);
        return errors.Any ? null : new(account!, unit!.Value, amount!.Value, reason!);
    }

    public static RefundBody? ReadRefund(ref Utf8JsonReader json, FieldErrors errors)
    {
        string? reason = null;
        List<UnitAmount>? funding = null;
        var fields = new BodyFields(errors);
        while (fields.Next(ref json, out var field))
        {
            switch (field)
            {
                case "reason": reason = BodyValues.Text(ref json, field, LongestReason, errors); break;
                case "funding": funding = ReadFunding(ref json, errors); break;
                default: BodyFields.Unknown(ref json, field, errors); break;
            }
        }

        fields.Require("reason", reason);
        return errors.Any ? null : new(funding, reason!);
    }

    private static GrantSource? ReadSource(ref Utf8JsonReader json, FieldErrors errors)
    {
        if (BodyValues.Text(ref json, "source", 20, errors) is not { } name)
        {
            return null;
        }

        switch (name)
        {
            case "promotional": return GrantSource.Promotional;
            case "bonus": return GrantSource.Bonus;
            case "free": return GrantSource.Free;
            case "purchase": return GrantSource.Purchase;
            default:
                errors.Add("source", "Must be promotional, bonus, free or purchase.");
                return null;
        }
    }

    private static List<UnitAmount>? ReadFunding(ref Utf8JsonReader json, FieldErrors errors)
    {
        if (json.TokenType == JsonTokenType.Null)
        {
            return null;
        }

        if (json.TokenType != JsonTokenType.StartArray)
        {
            json.Skip();
            errors.Add("funding", "Must be an array of unit and amount.");
            return null;
        }

        var parts = new List<UnitAmount>();
        while (json.Read() && json.TokenType != JsonTokenType.EndArray)
        {
            var (unit, amount) = ReadPart(ref json, errors);
            if (unit is not { } of || amount is not { } much)
            {
                continue;
            }

            if (parts.Count == MostParts || parts.Exists(p => p.Unit == of))
            {
                errors.Add("funding", parts.Count == MostParts ? $"Must have at most {MostParts} parts." : $"Names {of} twice.");
                continue;
            }

            parts.Add(new(of, much));
        }

        if (parts.Count == 0 && !errors.Any)
        {
            errors.Add("funding", "Must name at least one part, or be left out.");
        }

        return parts;
    }

    private static (Unit? Unit, Amount? Amount) ReadPart(ref Utf8JsonReader json, FieldErrors errors)
    {
        Unit? unit = null;
        Amount? amount = null;
        var fields = new BodyFields(errors);
        while (fields.Next(ref json, out var field))
        {
            switch (field)
            {
                case "unit": unit = BodyValues.UnitOf(ref json, "funding.unit", errors); break;
                case "amount": amount = BodyValues.Quantity(ref json, "funding.amount", errors); break;
                default: BodyFields.Unknown(ref json, field, errors); break;
            }
        }

        fields.Require("unit", unit);
        fields.Require("amount", amount);
        return (unit, amount);
    }
}
