using BillingPortal.Catalog;
using BillingPortal.Data;
using BillingPortal.Primitives;
using NpgsqlTypes;

namespace BillingPortal.Analytics;

/// <summary>What use is summed up by.</summary>
public enum CostGrouping { Model, Provider, Action, Account, Day }

/// <summary>What some use cost us and what was charged for it.</summary>
/// <param name="Provider">The field of a grouping that was not asked for is null; empty: the use has none.</param>
/// <param name="Cost">What it cost us, in the catalog's currency, as far as that is known.</param>
/// <param name="Price">What was charged for it and not given back, in the catalog's currency.</param>
/// <param name="Credits">What was charged for it in credits and not given back.</param>
/// <param name="Margin">Price less the cost of the very charges that were priced in money; null where nothing was.</param>
/// <param name="MarginPercent">The margin's share of the price, in percent; null where the price is zero.</param>
public sealed record UsageCost(string? Provider, string? Model, string? Action, string? Account, string? Name, DateOnly? Day,
    long Events, decimal Quantity, decimal InputTokens, decimal OutputTokens, decimal CachedInputTokens, decimal CacheWriteTokens, decimal ReasoningTokens,
    decimal Cost, decimal Price, decimal Credits, decimal? Margin, decimal? MarginPercent);

/// <summary>Cost, price and margin of all customers' use (D10), from the rollups: whole hours of UTC, complete to within a minute.</summary>
public sealed class UsageCosts(Tenants tenants, CatalogSnapshot catalog)
{
    /// <summary>Most rows that one question answers.</summary>
    public const int Most = 1_000;

    private static readonly Dictionary<CostGrouping, string> Columns = new()
    {
        [CostGrouping.Model] = "r.provider, r.model",
        [CostGrouping.Provider] = "r.provider",
        [CostGrouping.Action] = "r.action",
        [CostGrouping.Account] = "r.account_id",
        [CostGrouping.Day] = "(r.hour at time zone 'UTC')::date",
    };

    /// <param name="by">In any order; none: one row for everything.</param>
    /// <param name="to">Exclusive.</param>
    /// <returns>Dearest first, at most <see cref="Most"/>.</returns>
    public async Task<IReadOnlyList<UsageCost>> ReadAsync(IReadOnlySet<CostGrouping> by, DateTimeOffset from, DateTimeOffset to, CancellationToken ct = default)
    {
        string Field(CostGrouping grouping, string column, string missing) => by.Contains(grouping) ? column : missing;
        var model = by.Contains(CostGrouping.Model);
        var provider = model || by.Contains(CostGrouping.Provider) ? "r.provider" : "null";
        var groups = by.Count == 0 ? "" : "group by " + string.Join(", ", by.Where(g => !(model && g == CostGrouping.Provider)).Select(g => Columns[g]));
        await using var scope = await tenants.ForStaffAsync(ct);
        await using var command = scope.Command($"""
            select s.*, a.external_id, coalesce(a.name, a.email) from (
                select {provider} as provider, {Field(CostGrouping.Model, "r.model", "null")} as model, {Field(CostGrouping.Action, "r.action", "null")} as action,
                    {Field(CostGrouping.Account, "r.account_id", "null::uuid")} as account_id, {Field(CostGrouping.Day, Columns[CostGrouping.Day], "null::date")} as day,
                    coalesce(sum(r.events), 0)::bigint as events, coalesce(sum(r.quantity), 0) as quantity, coalesce(sum(r.input_tokens), 0), coalesce(sum(r.output_tokens), 0),
                    coalesce(sum(r.cached_input_tokens), 0), coalesce(sum(r.cache_write_tokens), 0), coalesce(sum(r.reasoning_tokens), 0),
                    coalesce(sum(r.cost), 0) as cost, coalesce(sum(r.price) filter (where r.price_unit = $3), 0) as price, coalesce(sum(r.price) filter (where r.price_unit = 'credit'), 0) as credits,
                    sum(r.price - r.cost) filter (where r.price_unit = $3) as margin
                from usage_rollups r where r.hour >= $1 and r.hour < $2 {groups}) s
            left join accounts a on a.account_id = s.account_id
            order by s.cost desc, s.price desc, s.credits desc, s.events desc limit {Most}
            """);
        command.Parameters.Add(new() { Value = from.UtcDateTime, NpgsqlDbType = NpgsqlDbType.TimestampTz });
        command.Parameters.Add(new() { Value = to.UtcDateTime, NpgsqlDbType = NpgsqlDbType.TimestampTz });
        command.Parameters.Add(new() { Value = catalog.Current.Currency.Code });
        await using var reader = await command.ExecuteReaderAsync(ct);
        List<UsageCost> rows = [];
        while (await reader.ReadAsync(ct))
        {
            string? Text(int column) => reader.IsDBNull(column) ? null : reader.GetString(column);
            decimal Number(int column) => reader.GetDecimal(column) / 1.0000000000000000000000000000m; // without the column's zeros
            var (price, margin) = (Number(13), reader.IsDBNull(15) ? (decimal?)null : Number(15));
            rows.Add(new(Text(0), Text(1), Text(2), Text(16), Text(17), reader.IsDBNull(4) ? null : reader.GetFieldValue<DateOnly>(4),
                reader.GetInt64(5), Number(6), Number(7), Number(8), Number(9), Number(10), Number(11), Number(12), price, Number(14),
                margin, margin is { } earned && price > 0m ? decimal.Round(100m * earned / price, 1) : null));
        }

        return rows;
    }
}
