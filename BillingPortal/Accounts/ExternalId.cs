using BillingPortal.Primitives;

namespace BillingPortal.Accounts;

/// <summary>The product's own id for its customer: 1–200 characters of well-formed text without control characters.</summary>
public static class ExternalId
{
    public const int MaxLength = 200;

    public static bool IsValid(string? text)
    {
        if (text is not { Length: >= 1 and <= MaxLength })
        {
            return false;
        }

        for (var i = 0; i < text.Length; i++)
        {
            if (char.IsControl(text[i]))
            {
                return false;
            }

            if (char.IsSurrogate(text[i]))
            {
                // PostgreSQL keeps UTF-8, which has no halves of pairs.
                if (i + 1 >= text.Length || !char.IsSurrogatePair(text[i], text[i + 1]))
                {
                    return false;
                }

                i++;
            }
        }

        return true;
    }

    /// <summary>Whether an account may be made under it. What looks like a shown id would be mistaken for one.</summary>
    public static bool MayBeNew(string? text) => IsValid(text) && !text!.StartsWith(AccountId.Prefix, StringComparison.Ordinal) && text.Trim().Length == text.Length;
}
