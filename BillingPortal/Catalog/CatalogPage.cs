using System.Text.Json.Serialization;
using BillingPortal.Primitives;

namespace BillingPortal.Catalog;

/// <summary>A part of a list of the catalog (API.md, Conventions).</summary>
/// <param name="NextCursor">Asks for what follows; null at the end.</param>
internal sealed record CatalogPage<T>(IReadOnlyList<T> Data, [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] string? NextCursor);

/// <summary>Which part of a list is asked for: <c>limit</c> 1 to 200, by default 50, after the entry that <c>cursor</c> names.</summary>
internal readonly record struct CatalogPaging(int? Limit, string? Cursor)
{
    private const int Most = 200;
    private const int Usual = 50;

    /// <param name="id">What an entry is known by; also its cursor.</param>
    /// <returns>The page, or a refusal that names the wrong parameter.</returns>
    public (CatalogPage<T>? Page, Refusal? Refusal) Of<T>(IReadOnlyList<T> all, Func<T, string> id)
    {
        if (Limit is < 1 or > Most)
        {
            return (null, Refusal.Invalid("limit", $"A page has 1 to {Most} entries."));
        }

        var start = 0;
        if (Cursor is { } cursor)
        {
            start = all.Select(id).ToList().IndexOf(cursor) + 1;
            if (start == 0)
            {
                return (null, Refusal.Invalid("cursor", "Must be a next_cursor of this list."));
            }
        }

        List<T> data = [.. all.Skip(start).Take(Limit ?? Usual)];
        return (new(data, start + data.Count < all.Count ? id(data[^1]) : null), null);
    }
}
