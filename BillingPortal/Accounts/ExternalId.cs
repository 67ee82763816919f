using BillingPortal.Primitives;

namespace BillingPortal.Accounts;

/// <summary>The product's own id for its customer: 1–200 characters of well-formed text without control characters.</summary>
public static class ExternalId
{
    public const int MaxLength = 200;

    public static bool IsValid(string? text) => PlainText.IsValid(text, MaxLength);

    /// <summary>Whether an account may be made under it. What looks like a shown id would be mistaken for one.</summary>
    public static bool MayBeNew(string? text) => IsValid(text) && !text!.StartsWith(AccountId.Prefix, StringComparison.Ordinal) && text.Trim().Length == text.Length;
}
