using System.Globalization;
using BillingPortal.Primitives;

namespace BillingPortal.Gating;

/// <summary><c>limit</c> (1–200, default 50) and <c>cursor</c> of a list that is read newest first by id.</summary>
internal readonly record struct ListQuery(int Limit, Guid? Before)
{
    private const int DefaultLimit = 50;
    private const int MostRows = 200;

    /// <returns>Null with the query; else what is wrong with it.</returns>
    public static Refusal? Read(HttpRequest request, out ListQuery query)
    {
        query = new(DefaultLimit, null);
        if (request.Query["limit"] is { Count: > 0 } limit)
        {
            if (limit.Count != 1 || !int.TryParse(limit[0], NumberStyles.None, CultureInfo.InvariantCulture, out var rows) || rows is < 1 or > MostRows)
            {
                return Refusal.Invalid("limit", "Must be a whole number from 1 to 200.");
            }

            query = query with { Limit = rows };
        }

        if (request.Query["cursor"] is { Count: > 0 } cursor)
        {
            if (cursor.Count != 1 || !Guid.TryParseExact(cursor[0], "N", out var before))
            {
                return Refusal.Invalid("cursor", "Must be a next_cursor of this list.");
            }

            query = query with { Before = before };
        }

        return null;
    }

    /// <returns>The first value of a filter; null where it is not set.</returns>
    public static string? Filter(HttpRequest request, string name) => request.Query[name] is { Count: > 0 } values && values[0] is { Length: > 0 and <= 200 } value ? value : null;

    public string? Next<T>(IReadOnlyList<T> rows, Func<T, Guid> id) => rows.Count < Limit ? null : id(rows[^1]).ToString("N");
}

/// <summary>One page of a list.</summary>
internal sealed record ListAnswer<T>(IReadOnlyList<T> Data, string? NextCursor)
{
    // Always there, also when null: a reader of the list looks for it.
    [System.Text.Json.Serialization.JsonIgnore(Condition = System.Text.Json.Serialization.JsonIgnoreCondition.Never)]
    public string? NextCursor { get; init; } = NextCursor;
}
