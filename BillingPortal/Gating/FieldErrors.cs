using BillingPortal.Primitives;

namespace BillingPortal.Gating;

/// <summary>What is wrong with a body, by field in the body's own spelling. Costs nothing while nothing is wrong.</summary>
internal sealed class FieldErrors
{
    /// <summary>A body may be wrong in a thousand places; this many are worth saying.</summary>
    private const int Most = 20;

    private Dictionary<string, List<string>>? byField;
    private string? first;
    private bool onlyAmounts = true;

    public bool Any => byField is not null;

    public void Add(string field, string message, bool isAmount = false)
    {
        byField ??= [];
        first ??= $"{field}: {message}";
        onlyAmounts &= isAmount;
        if (byField.TryGetValue(field, out var messages))
        {
            messages.Add(message);
        }
        else if (byField.Count < Most)
        {
            byField[field] = [message];
        }
    }

    /// <summary>An amount that is too large, too fine or not above zero.</summary>
    public void AddAmount(string field, string message) => Add(field, message, isAmount: true);

    public Refusal ToRefusal() => new(onlyAmounts ? ErrorCode.InvalidAmount : ErrorCode.InvalidRequest, $"{first} Nothing was done.")
    {
        Errors = byField!.ToDictionary(e => e.Key, e => e.Value.ToArray()),
    };
}
