using System.Text.Json;
using BillingPortal.Catalog;
using BillingPortal.Charging;
using BillingPortal.Ledger;
using BillingPortal.Primitives;
using BillingPortal.Rating;

namespace BillingPortal.Gating;

/// <summary>The body of a charge, check, estimate, hold or capture (API.md, Gating): one of four forms, with labels. Unknown and repeated fields are refused.</summary>
internal struct ChargeBody
{
    private const int LongestName = 100;
    private const int LongestLabel = 200;
    private const int LongestReason = 500;
    private const int MostMetadata = 20;

    private readonly ChargeForm form;
    private long seen;
    private string? account, action, meter, provider, model, tool, feature, member, agent, run, reason, key;
    private Amount? quantity, amount;
    private Unit? unit;
    private TokenCounts? tokens;
    private Outcome? outcome;
    private bool byok;
    private DateTimeOffset? occurredAt;
    private List<KeyValuePair<string, string>>? metadata;
    private long? expiresIn;
    private HoldExpiry? onExpiry;
    private bool? isFinal;
    private OverHold? overHold;

    private ChargeBody(ChargeForm form) => this.form = form;

    /// <param name="json">Stands on the object's start; left on its end.</param>
    /// <param name="key">The item's own <c>idempotency_key</c>, which batches alone have.</param>
    /// <returns>Null with <paramref name="errors"/> when the body is not a charge.</returns>
    public static ChargeRequest? Read(ref Utf8JsonReader json, bool inBatch, FieldErrors errors, out string? key)
    {
        var body = Read(ref json, inBatch ? ChargeForm.BatchItem : ChargeForm.Charge, errors);
        key = body.key;
        return errors.Any ? null : body.ToRequest();
    }

    /// <returns>Null with <paramref name="errors"/> when the body is not a hold.</returns>
    public static HoldRequest? ReadHold(ref Utf8JsonReader json, FieldErrors errors)
    {
        var body = Read(ref json, ChargeForm.Hold, errors);
        return errors.Any ? null : new(body.ToRequest(), TimeSpan.FromSeconds(body.expiresIn ?? HoldBodies.DefaultSeconds), body.onExpiry ?? HoldExpiry.Release);
    }

    /// <returns>Null with <paramref name="errors"/> when the body is not a capture.</returns>
    public static CaptureRequest? ReadCapture(ref Utf8JsonReader json, FieldErrors errors)
    {
        var body = Read(ref json, ChargeForm.Capture, errors);
        return errors.Any ? null : new(body.ToRequest(), body.quantity is not null, body.isFinal ?? true, body.overHold ?? OverHold.Cap);
    }

    private static ChargeBody Read(ref Utf8JsonReader json, ChargeForm form, FieldErrors errors)
    {
        var body = new ChargeBody(form);
        body.ReadFields(ref json, errors);
        body.CheckForm(errors);
        return body;
    }

    private void ReadFields(ref Utf8JsonReader json, FieldErrors errors)
    {
        if (json.TokenType != JsonTokenType.StartObject)
        {
            json.Skip();
            errors.Add("body", "Must be a JSON object.");
            return;
        }

        while (json.Read() && json.TokenType == JsonTokenType.PropertyName)
        {
            var field = ChargeFields.Find(ref json, form);
            if (field == ChargeField.Unknown)
            {
                var name = BodyValues.NameOf(ref json);
                json.Read();
                json.Skip();
                errors.Add(name, "Unknown field.");
                continue;
            }

            if ((seen & (1L << (int)field)) != 0)
            {
                errors.Add(BodyValues.NameOf(ref json), "Named twice.");
            }

            seen |= 1L << (int)field;
            json.Read();
            ReadField(ref json, field, errors);
        }
    }

    private void ReadField(ref Utf8JsonReader json, ChargeField field, FieldErrors errors)
    {
        switch (field)
        {
            case ChargeField.Account: account = BodyValues.Text(ref json, "account", LongestLabel, errors); break;
            case ChargeField.Action: action = BodyValues.Text(ref json, "action", LongestName, errors); break;
            case ChargeField.Meter: meter = BodyValues.Text(ref json, "meter", LongestName, errors); break;
            case ChargeField.Quantity: quantity = BodyValues.Quantity(ref json, "quantity", errors, signed: true); break;
            case ChargeField.Provider: provider = BodyValues.Text(ref json, "provider", LongestName, errors); break;
            case ChargeField.Model: model = BodyValues.Text(ref json, "model", LongestName, errors); break;
            case ChargeField.Tool: tool = BodyValues.Text(ref json, "tool", LongestName, errors); break;
            case ChargeField.Feature: feature = BodyValues.Text(ref json, "feature", LongestName, errors); break;
            case ChargeField.Byok: byok = BodyValues.Flag(ref json, "byok", errors) ?? false; break;
            case ChargeField.Tokens: tokens = ReadTokens(ref json, errors); break;
            case ChargeField.Unit: unit = BodyValues.UnitOf(ref json, "unit", errors); break;
            case ChargeField.Amount: amount = BodyValues.Quantity(ref json, "amount", errors); break;
            case ChargeField.Reason: reason = BodyValues.Text(ref json, "reason", LongestReason, errors); break;
            case ChargeField.Outcome: outcome = ReadOutcome(ref json, errors); break;
            case ChargeField.Member: member = BodyValues.Text(ref json, "member", LongestLabel, errors); break;
            case ChargeField.Agent: agent = BodyValues.Text(ref json, "agent", LongestLabel, errors); break;
            case ChargeField.Run: run = BodyValues.Text(ref json, "run", LongestLabel, errors); break;
            case ChargeField.Metadata: metadata = ReadMetadata(ref json, errors); break;
            case ChargeField.OccurredAt: occurredAt = BodyValues.Instant(ref json, "occurred_at", errors); break;
            case ChargeField.IdempotencyKey: key = BodyValues.Text(ref json, "idempotency_key", IdempotencyKey.MaxLength, errors); break;
            case ChargeField.ExpiresIn: expiresIn = HoldBodies.Seconds(ref json, "expires_in", errors); break;
            case ChargeField.OnExpiry: onExpiry = HoldBodies.Expiry(ref json, "on_expiry", errors); break;
            case ChargeField.Final: isFinal = BodyValues.Flag(ref json, "final", errors); break;
            case ChargeField.OverHold: overHold = HoldBodies.Over(ref json, "over_hold", errors); break;
            case ChargeField.Unknown: break;
        }
    }

    private static TokenCounts? ReadTokens(ref Utf8JsonReader json, FieldErrors errors)
    {
        if (json.TokenType == JsonTokenType.Null)
        {
            return null;
        }

        if (json.TokenType != JsonTokenType.StartObject)
        {
            json.Skip();
            errors.Add("tokens", "Must be an object with input, output, cached_input, cache_write and reasoning.");
            return null;
        }

        Span<long?> counts = [null, null, null, null, null];
        while (json.Read() && json.TokenType == JsonTokenType.PropertyName)
        {
            var kind = KindOfTokens(ref json);
            if (kind < 0)
            {
                var name = BodyValues.NameOf(ref json);
                json.Read();
                json.Skip();
                errors.Add($"tokens.{name}", "Unknown field.");
                continue;
            }

            var field = TokenFields[kind];
            if (counts[kind] is not null)
            {
                errors.Add(field, "Named twice.");
            }

            json.Read();
            counts[kind] = BodyValues.Count(ref json, field, errors);
        }

        var tokens = new TokenCounts(counts[0] ?? 0, counts[1] ?? 0, counts[2] ?? 0, counts[3] ?? 0, counts[4] ?? 0);
        if (tokens.Total == 0)
        {
            errors.AddAmount("tokens", "Must name at least one token.");
        }

        return tokens;
    }

    private static readonly string[] TokenFields = ["tokens.input", "tokens.output", "tokens.cached_input", "tokens.cache_write", "tokens.reasoning"];

    private static int KindOfTokens(ref Utf8JsonReader json) =>
        json.ValueTextEquals("input"u8) ? 0 : json.ValueTextEquals("output"u8) ? 1 : json.ValueTextEquals("cached_input"u8) ? 2
            : json.ValueTextEquals("cache_write"u8) ? 3 : json.ValueTextEquals("reasoning"u8) ? 4 : -1;

    private static Outcome? ReadOutcome(ref Utf8JsonReader json, FieldErrors errors)
    {
        if (BodyValues.Text(ref json, "outcome", LongestName, errors) is not { } name)
        {
            return null;
        }

        if (OutcomeNames.Find(name) is { } outcome)
        {
            return outcome;
        }

        errors.Add("outcome", "Must be success, provider_error, client_abort, timeout or filtered.");
        return null;
    }

    private static List<KeyValuePair<string, string>>? ReadMetadata(ref Utf8JsonReader json, FieldErrors errors)
    {
        if (json.TokenType == JsonTokenType.Null)
        {
            return null;
        }

        if (json.TokenType != JsonTokenType.StartObject)
        {
            json.Skip();
            errors.Add("metadata", "Must be an object of strings.");
            return null;
        }

        var pairs = new List<KeyValuePair<string, string>>();
        while (json.Read() && json.TokenType == JsonTokenType.PropertyName)
        {
            var name = BodyValues.Text(ref json, "metadata", LongestName, errors, JsonTokenType.PropertyName);
            json.Read();
            var isText = json.TokenType == JsonTokenType.String;
            var value = BodyValues.Text(ref json, "metadata", LongestReason, errors);
            if (name is not null && value is not null)
            {
                if (pairs.Exists(p => p.Key == name))
                {
                    errors.Add("metadata", $"Names '{name}' twice.");
                }

                pairs.Add(new(name, value));
            }
            else if (!isText && !errors.Any)
            {
                errors.Add("metadata", "Must be an object of strings.");
            }

            if (pairs.Count > MostMetadata)
            {
                errors.Add("metadata", $"Must have at most {MostMetadata} pairs.");
                pairs.Clear();
            }
        }

        return pairs;
    }

    private readonly void CheckForm(FieldErrors errors)
    {
        if (account is null && form != ChargeForm.Capture && !errors.Any)
        {
            errors.Add("account", "Is required.");
        }

        var isRaw = unit is not null || amount is not null;
        var forms = (action is null ? 0 : 1) + (meter is null ? 0 : 1) + (tokens is null ? 0 : 1) + (isRaw ? 1 : 0);
        if (errors.Any)
        {
            return;
        }

        if (form == ChargeForm.Capture)
        {
            CheckCapture(forms, isRaw, errors);
        }
        else if (forms != 1)
        {
            errors.Add(model is not null && forms == 0 ? "tokens" : "body", "Must name exactly one of: action; meter; model with tokens; unit with amount.");
        }
        else if (tokens is not null && model is null)
        {
            errors.Add("model", "Is required with tokens.");
        }
        else if (isRaw && (unit is null || amount is null))
        {
            errors.Add(unit is null ? "unit" : "amount", "Unit and amount go together.");
        }
        else if (quantity is not null && (isRaw || tokens is not null))
        {
            errors.Add("quantity", "Goes with an action or a meter only.");
        }
        else if (quantity is { IsNegative: true } && meter is null)
        {
            errors.AddAmount("quantity", "Must be above zero; only a meter that stands at a level goes down.");
        }
    }

    /// <summary>The hold says what it is for: a quantity, tokens or an amount alone will do, or nothing at all.</summary>
    private readonly void CheckCapture(int forms, bool isRaw, FieldErrors errors)
    {
        if (forms > 1)
        {
            errors.Add("body", "Must name at most one of: action; meter; tokens; amount.");
        }
        else if (isRaw && amount is null)
        {
            errors.Add("amount", "Unit and amount go together.");
        }
        else if (quantity is not null && (isRaw || tokens is not null))
        {
            errors.Add("quantity", "Goes with an action or a meter only.");
        }
    }

    private readonly ChargeRequest ToRequest() => new(new ChargeSubject
    {
        Action = action,
        Meter = meter,
        Quantity = quantity?.Value ?? 1m,
        Provider = provider,
        Model = model,
        Tool = tool,
        Feature = feature,
        Byok = byok,
        Tokens = tokens,
        Unit = unit,
        Amount = amount,
        Outcome = outcome ?? Outcome.Success,
    })
    {
        Account = account ?? "",
        Member = member,
        Agent = agent,
        Run = run,
        Reason = reason,
        Metadata = metadata is { } pairs ? pairs : [],
        OccurredAt = occurredAt,
    };
}
