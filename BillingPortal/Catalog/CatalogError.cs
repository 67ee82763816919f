namespace BillingPortal.Catalog;

/// <summary>What is wrong with a catalog file, and where.</summary>
/// <param name="Path">The wrong value's place, e.g. <c>plans[2].allowances[0].meter</c>; empty for the file as a whole.</param>
/// <param name="Message">What is wrong with it.</param>
public sealed record CatalogError(string Path, string Message)
{
    public override string ToString() => Path.Length == 0 ? Message : $"{Path}: {Message}";
}

/// <summary>The errors of one file, at most <see cref="Limit"/>: who has that many learns little from more.</summary>
internal sealed class CatalogErrors
{
    public const int Limit = 100;

    private readonly List<CatalogError> list = [];

    public IReadOnlyList<CatalogError> List => list;

    public void Add(string path, string message)
    {
        if (list.Count < Limit)
        {
            list.Add(new(path, message));
        }
    }

    /// <summary>" (did you mean 'x'?)" where one of the known names is at most two letters away.</summary>
    public static string Suggest(string wrong, IEnumerable<string> known)
    {
        var nearest = known.Select(name => (name, Distance: Distance(wrong, name))).Where(n => n.Distance <= 2 && n.Distance < wrong.Length).OrderBy(n => n.Distance).FirstOrDefault();
        return nearest.name is null ? "" : $" (did you mean '{nearest.name}'?)";
    }

    // Levenshtein's distance, one row at a time.
    private static int Distance(string a, string b)
    {
        if (Math.Abs(a.Length - b.Length) > 2)
        {
            return int.MaxValue;
        }

        var row = Enumerable.Range(0, b.Length + 1).ToArray();
        for (var i = 1; i <= a.Length; i++)
        {
            var diagonal = row[0];
            row[0] = i;
            for (var j = 1; j <= b.Length; j++)
            {
                var above = row[j];
                row[j] = Math.Min(Math.Min(above, row[j - 1]) + 1, diagonal + (a[i - 1] == b[j - 1] ? 0 : 1));
                diagonal = above;
            }
        }

        return row[b.Length];
    }
}
