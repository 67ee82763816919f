using System.Text.Json;

namespace BillingPortal.Gating;

/// <summary>Walks over the fields of one object: names each, refuses a second one of the same name.</summary>
internal sealed class BodyFields(FieldErrors errors)
{
    private readonly HashSet<string> seen = [];
    private bool isObject;

    /// <returns>True with the reader on the field's value; false at the object's end.</returns>
    public bool Next(ref Utf8JsonReader json, out string field)
    {
        field = "";
        if (!isObject)
        {
            if (json.TokenType != JsonTokenType.StartObject)
            {
                json.Skip();
                errors.Add("body", "Must be a JSON object.");
                return false;
            }

            isObject = true;
        }

        if (!json.Read() || json.TokenType != JsonTokenType.PropertyName)
        {
            return false;
        }

        field = BodyValues.NameOf(ref json);
        json.Read();
        if (!seen.Add(field))
        {
            errors.Add(field, "Named twice.");
        }

        return true;
    }

    public static void Unknown(ref Utf8JsonReader json, string field, FieldErrors errors)
    {
        json.Skip();
        errors.Add(field, "Unknown field.");
    }

    /// <summary>Says that a field is missing, unless it was there and wrong.</summary>
    public void Require(string field, object? value)
    {
        if (isObject && value is null && !(errors.Any && seen.Contains(field)))
        {
            errors.Add(field, "Is required.");
        }
    }
}
