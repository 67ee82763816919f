using System.Globalization;
using BillingPortal.Primitives;

namespace BillingPortal.Gating;

/// <summary><c>limit</c> (1–200, default 50) and <c>cursor</c> of a list that is read newest first by id.</summary>
internal readonly record struct ListQuery(int Limit, Guid? Before)
{
    private const int DefaultLimit = 50;
    private const int MostRows = 200;

    /// <returns>Null with the query; else what is wrong with it.</returns>
    public static Refusal? Read(HttpRequest request, out ListQuery query) => Read(request.Query["limit"], request.Query["cursor"], out query);

    /// <param name="limit">As it stands in the query; null: not sent.</param>
    /// <param name="cursor">As it stands in the query; null: not sent.</param>
    /// <returns>Null with the query; else what is wrong with it.</returns>
    public static Refusal? Read(string? limit, string? cursor, out ListQuery query)
    {
        query = new(DefaultLimit, null);
        if (limit is not null)
        {
            if (!int.TryParse(limit, NumberStyles.None, CultureInfo.InvariantCulture, out var rows) || rows is < 1 or > MostRows)
            {
                return Refusal.Invalid("limit", "Must be a whole number from 1 to 200.");
            }

            query = query with { Limit = rows };
        }

        if (cursor is not null)
        {
            if (!Guid.TryParseExact(cursor, "N", out var before))
            {
                return Refusal.Invalid("cursor", "Must be a next_cursor of this list.");
            }

            query = query with { Before = before };
        }

        return null;
    }

    public string? Next<T>(IReadOnlyList<T> rows, Func<T, Guid> id) => rows.Count < Limit ? null : id(rows[^1]).ToString("N");
}

/// <summary>One page of a list.</summary>
internal sealed record ListAnswer<T>(IReadOnlyList<T> Data, string? NextCursor)
{
    // Always there, also when null: a reader of the list looks for it.
    [System.Text.Json.Serialization.JsonIgnore(Condition = System.Text.Json.Serialization.JsonIgnoreCondition.Never)]
    public string? NextCursor { get; init; } = NextCursor;
}
