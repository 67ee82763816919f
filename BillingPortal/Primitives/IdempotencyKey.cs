namespace BillingPortal.Primitives;

/// <summary>A caller's name for one act: 1–255 visible ASCII characters, one name space per account.</summary>
public readonly record struct IdempotencyKey
{
    public const int MaxLength = 255;
    public const string Header = "Idempotency-Key";

    private IdempotencyKey(string value) => Value = value;

    public string Value { get; }

    public static bool TryParse(string? text, out IdempotencyKey key)
    {
        key = default;
        if (text is not { Length: >= 1 and <= MaxLength })
        {
            return false;
        }

        foreach (var c in text)
        {
            if (c is < '!' or > '~')
            {
                return false;
            }
        }

        key = new(text);
        return true;
    }

    public override string ToString() => Value;
}
