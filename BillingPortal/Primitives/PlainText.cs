namespace BillingPortal.Primitives;

/// <summary>Text that can be stored, shown and logged: well-formed, without control characters.</summary>
public static class PlainText
{
    /// <param name="text">What was sent.</param>
    /// <param name="longest">In UTF-16 units.</param>
    /// <returns>False for null and for empty text, too.</returns>
    public static bool IsValid(string? text, int longest)
    {
        if (text is not { Length: >= 1 } || text.Length > longest)
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
}
