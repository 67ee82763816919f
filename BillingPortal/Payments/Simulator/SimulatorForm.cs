using System.Globalization;
using System.Text.Json.Nodes;

namespace BillingPortal.Payments.Simulator;

/// <summary>The parameters of a request, by their bracketed names; <c>a[]</c> is read as <c>a[0]</c>, <c>a[1]</c>…</summary>
internal sealed class SimulatorForm
{
    private readonly SortedDictionary<string, string> values = new(StringComparer.Ordinal);

    public SimulatorForm(IEnumerable<KeyValuePair<string, Microsoft.Extensions.Primitives.StringValues>> sent)
    {
        foreach (var (name, given) in sent)
        {
            for (var i = 0; i < given.Count; i++)
            {
                values[name.Replace("[]", $"[{i.ToString(CultureInfo.InvariantCulture)}]", StringComparison.Ordinal)] = given[i] ?? "";
            }
        }
    }

    public IEnumerable<KeyValuePair<string, string>> All => values;

    public bool Has(string name) => values.ContainsKey(name) || values.Keys.Any(k => k.StartsWith(name + "[", StringComparison.Ordinal));

    /// <returns>Null when absent or empty.</returns>
    public string? Text(string name) => values.TryGetValue(name, out var value) && value.Length > 0 ? value : null;

    public string Required(string name) => Text(name) ?? throw SimulatorError.Invalid("parameter_missing", $"Missing required param: {name}.", name);

    /// <param name="most">The largest magnitude that makes sense; by default that of an instant in Unix seconds.</param>
    public long? Integer(string name, long most = 99_999_999_999) => Text(name) is not { } text ? null
        : long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var value) && value >= -most && value <= most ? value
        : throw SimulatorError.Invalid("parameter_invalid_integer", $"Invalid integer: {text}", name);

    public bool? Flag(string name) => Text(name) switch
    {
        null => null,
        "true" => true,
        "false" => false,
        var other => throw SimulatorError.Invalid(null, $"Invalid boolean: {other}", name),
    };

    public string? OneOf(string name, params string[] allowed) => Text(name) is not { } text ? null
        : allowed.Contains(text) ? text
        : throw SimulatorError.Invalid(null, $"Invalid {name}: must be one of {string.Join(", ", allowed)}", name);

    /// <summary>The prefixes of a list's items: <c>items[0]</c>, <c>items[1]</c>…</summary>
    public IEnumerable<string> Items(string name)
    {
        for (var i = 0; Has($"{name}[{i.ToString(CultureInfo.InvariantCulture)}]"); i++)
        {
            yield return $"{name}[{i.ToString(CultureInfo.InvariantCulture)}]";
        }
    }

    public IEnumerable<string> Texts(string name) => Items(name).Select(Required);

    /// <summary>Merges <c>metadata[k]=v</c> into what is there; an empty value removes.</summary>
    public JsonObject Metadata(JsonObject? present = null, string name = "metadata")
    {
        var merged = present?.DeepClone().AsObject() ?? [];
        foreach (var (key, value) in values.Where(v => v.Key.StartsWith(name + "[", StringComparison.Ordinal)))
        {
            var field = key[(name.Length + 1)..^1];
            if (value.Length == 0)
            {
                merged.Remove(field);
            }
            else
            {
                merged[field] = value;
            }
        }

        return merged;
    }

    /// <summary>Stripe refuses parameters that it does not know.</summary>
    public void AllowOnly(IReadOnlyCollection<string> known)
    {
        foreach (var name in values.Keys)
        {
            var top = name.Split('[')[0];
            if (top == "payment_method_types")
            {
                throw SimulatorError.Invalid("payment_method_types_no_longer_supported", "payment_method_types is no longer supported; use allowed_payment_method_types.", top);
            }

            if (top != "expand" && !known.Contains(top))
            {
                throw SimulatorError.Invalid("parameter_unknown", $"Received unknown parameter: {top}", top);
            }
        }
    }
}
