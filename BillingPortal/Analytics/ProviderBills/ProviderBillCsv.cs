using System.Globalization;
using System.Text;
using BillingPortal.Primitives;

namespace BillingPortal.Analytics.ProviderBills;

/// <summary>One line of a bill.</summary>
public sealed record BilledLine(DateOnly Day, string Provider, string Model, string TokenKind, long Tokens, decimal Cost);

/// <summary>Reads a provider's bill: CSV with the header <see cref="Header"/>, one line for each day, model and kind of tokens. All of it or nothing. Pure.</summary>
/// <remarks>Fields may stand in double quotes, a quote within doubled. Days are of UTC; tokens are whole numbers; costs are in the catalog's currency, below zero for a credit note.</remarks>
public static class ProviderBillCsv
{
    public const string Header = "day,provider,model,token_kind,tokens,cost";
    public const int MostLines = 50_000;
    public const int LongestName = 200;
    /// <summary>As the catalog's prices name them; <c>other</c>: what is billed by no token, such as searches or storage.</summary>
    public static readonly IReadOnlyList<string> TokenKinds = ["input", "output", "cached_input", "cache_write", "reasoning", "other"];

    /// <returns>The lines as they stand; a refusal that names the first line that cannot be read, and why.</returns>
    public static Result<List<BilledLine>> Read(string text)
    {
        var rows = text.TrimStart('\uFEFF').Split('\n').Select(row => row.TrimEnd('\r')).ToArray();
        if (!string.Equals(rows[0].Trim(), Header, StringComparison.OrdinalIgnoreCase))
        {
            return At(1, $"is not the header {Header}");
        }

        var lines = new List<BilledLine>();
        for (var i = 1; i < rows.Length; i++)
        {
            if (rows[i].Length == 0)
            {
                continue;
            }

            if (lines.Count == MostLines)
            {
                return At(i + 1, $"is one more than {MostLines:#,0}: import the bill in parts");
            }

            if (!ReadLine(rows[i]).TryGet(out var line, out var why))
            {
                return At(i + 1, why.Detail);
            }

            lines.Add(line);
        }

        if (lines.Count == 0)
        {
            return At(2, "is missing: the bill has no lines");
        }

        return lines;
    }

    private static Result<BilledLine> ReadLine(string row)
    {
        if (Fields(row) is not { } fields)
        {
            return Why("has a quote that is not closed");
        }

        if (fields is not [var day, var provider, var model, var kind, var tokens, var cost])
        {
            return Why($"has {fields.Count} fields instead of 6");
        }

        if (!DateOnly.TryParseExact(day, "yyyy-MM-dd", CultureInfo.InvariantCulture, DateTimeStyles.None, out var on) || on.Year is < 2000 or > 2199)
        {
            return Why($"day: '{Short(day)}' is not a day such as 2026-11-20");
        }

        if (!PlainText.IsValid(provider, LongestName) || !PlainText.IsValid(model, LongestName))
        {
            return Why($"{(PlainText.IsValid(provider, LongestName) ? "model" : "provider")}: must be a name of 1 to {LongestName} characters");
        }

        if (!TokenKinds.Contains(kind))
        {
            return Why($"token_kind: '{Short(kind)}' is not one of {string.Join(", ", TokenKinds)}");
        }

        if (!long.TryParse(tokens, NumberStyles.None, CultureInfo.InvariantCulture, out var count) || count > 1_000_000_000_000_000)
        {
            return Why($"tokens: '{Short(tokens)}' is not a whole number from 0 to 10¹⁵");
        }

        return decimal.TryParse(cost, NumberStyles.AllowDecimalPoint | NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var amount) && Math.Abs(amount) <= Amount.RequestLimit && Amount.TryOf(amount, out _)
            ? new BilledLine(on, provider, model, kind, count, amount)
            : Why($"cost: '{Short(cost)}' is not an amount with at most six decimals");
    }

    /// <returns>Null: a quote is not closed.</returns>
    private static List<string>? Fields(string row)
    {
        var (fields, field, isQuoted) = (new List<string>(6), new StringBuilder(), false);
        for (var i = 0; i < row.Length; i++)
        {
            if (row[i] == '"')
            {
                if (isQuoted && i + 1 < row.Length && row[i + 1] == '"')
                {
                    field.Append(row[i++]);
                }
                else
                {
                    isQuoted = !isQuoted;
                }
            }
            else if (row[i] == ',' && !isQuoted)
            {
                fields.Add(field.ToString().Trim());
                field.Clear();
            }
            else
            {
                field.Append(row[i]);
            }
        }

        fields.Add(field.ToString().Trim());
        return isQuoted ? null : fields;
    }

    private static Refusal At(int line, string why) => Refusal.Invalid($"line {line.ToString(CultureInfo.InvariantCulture)}", $"Line {line.ToString(CultureInfo.InvariantCulture)} {why}. Nothing was imported.");

    private static Refusal Why(string why) => new(ErrorCode.InvalidRequest, why);

    private static string Short(string text) => text.Length <= 40 ? text : text[..39] + "…";
}
