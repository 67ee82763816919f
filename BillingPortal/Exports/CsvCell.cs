namespace BillingPortal.Exports;

/// <summary>How text stands in a CSV file (RFC 4180) so that no spreadsheet takes it for a formula: what would begin one gets an apostrophe before it.</summary>
public static class CsvCell
{
    public static string Of(string? text)
    {
        if (string.IsNullOrEmpty(text))
        {
            return "";
        }

        // Spreadsheets skip blanks before they look for a formula.
        var first = text.AsSpan().TrimStart(' ');
        var safe = !first.IsEmpty && first[0] is '=' or '+' or '-' or '@' or '\t' or '\r' or '\n' ? "'" + text : text;
        return safe.AsSpan().IndexOfAny("\",\r\n") >= 0 ? $"\"{safe.Replace("\"", "\"\"", StringComparison.Ordinal)}\"" : safe;
    }
}
