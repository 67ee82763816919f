using BillingPortal.Catalog;
using BillingPortal.Data;
using BillingPortal.Ledger;
using BillingPortal.Primitives;
using Npgsql;

namespace BillingPortal.Usage;

/// <summary>Use of a meter in one hour or day.</summary>
public sealed record UsageStep(DateTimeOffset At, decimal Quantity);

/// <summary>One meter over a stretch of time; the quota fields are those of the present period.</summary>
/// <param name="Overage">What was used beyond the allowance.</param>
/// <param name="Projected">Where the period is likely to end; null: too early to say.</param>
/// <param name="Cost">What the use came to, by unit.</param>
/// <param name="Price">What one more costs beyond the allowance; null: nothing is sold.</param>
public sealed record MeterUsage(string Meter, string Name, decimal Quantity, Amount? Included, decimal? Remaining, decimal? Overage, decimal? Percent, decimal? Projected,
    IReadOnlyList<UnitAmount> Cost, OveragePrice? Price, DateTimeOffset ResetsAt, IReadOnlyList<UsageStep> Series);

/// <summary>Calls of one model, tokens of each kind apart.</summary>
public sealed record ModelUsage(string Provider, string Model, long Events, decimal InputTokens, decimal OutputTokens, decimal CachedInputTokens, decimal CacheWriteTokens, decimal ReasoningTokens, IReadOnlyList<UnitAmount> Cost);

/// <summary>Uses of one action.</summary>
public sealed record ActionUsage(string Action, decimal Quantity, long Events, IReadOnlyList<UnitAmount> Cost);

/// <summary>What an account used, from its rollups. Whole hours of UTC.</summary>
public sealed record UsageSummary(DateTimeOffset From, DateTimeOffset To, IReadOnlyList<MeterUsage> Data, IReadOnlyList<ModelUsage> Models, IReadOnlyList<ActionUsage> Actions);

/// <summary>Reads use from the rollups; raw events and past charges are never scanned for it.</summary>
public sealed class UsageReads(Tenants tenants, LedgerReads ledger, CatalogSnapshot catalog, TimeProvider time)
{
    /// <param name="from">Null: the present period's start.</param>
    /// <param name="to">Exclusive; null: now.</param>
    /// <param name="meter">Only this one; null: all of the plan and all that were used.</param>
    public async Task<UsageSummary> SummaryAsync(AccountId account, DateTimeOffset? from, DateTimeOffset? to, bool hourly, string? meter, CancellationToken ct = default)
    {
        var (now, standing, wallets) = (time.Now(), await ledger.StandingAsync(account, ct), await ledger.WalletsAsync(account, ct));
        var (start, end) = (Hour(from ?? standing.PeriodStart), to ?? now.AddHours(1));
        var lookback = Day(now.AddDays(-Projection.Lookback)); // whole days: a part of one would say too little of its weekday
        var rows = await RowsAsync(account, start < lookback ? start : lookback, end > now ? end : now.AddHours(1), ct);
        var asked = rows.FindAll(r => r.Hour >= start && r.Hour < end);
        var plan = standing.PlanIn(catalog.Current);
        var meters = new List<MeterUsage>();
        foreach (var known in catalog.Current.Meters.Where(m => m.Kind == MeterKind.Counter && (meter is null || m.Id == meter)))
        {
            var own = asked.FindAll(r => r.IsOf(known.Id));
            var allowance = plan.AllowanceOf(known.Id);
            if (own.Count > 0 || allowance is not null || meter is not null)
            {
                var used = wallets.FirstOrDefault(w => w.Unit == known.Unit)?.UsedInPeriod.Value ?? 0m;
                meters.Add(Of(known, allowance, used, own, rows.FindAll(r => r.IsOf(known.Id)), standing, now, hourly));
            }
        }

        return new(start, end, meters, meter is null ? Models(asked) : [], meter is null ? Actions(asked) : []);
    }

    /// <summary>Where each counted allowance is likely to end, by meter; null: too early to say.</summary>
    public async Task<IReadOnlyDictionary<string, decimal?>> ProjectedAsync(AccountId account, CancellationToken ct = default) =>
        await ProjectedAsync(await ledger.StandingAsync(account, ct), await ledger.WalletsAsync(account, ct), ct);

    /// <summary>The same, where the account's standing was read already.</summary>
    public async Task<IReadOnlyDictionary<string, decimal?>> ProjectedAsync(Standing standing, IReadOnlyList<WalletView> wallets, CancellationToken ct = default)
    {
        var now = time.Now();
        var counted = standing.PlanIn(catalog.Current).Allowances.Where(a => catalog.Current.FindMeter(a.Meter) is { Kind: MeterKind.Counter }).Select(a => a.Meter).ToList();
        var days = counted.Count == 0 ? [] : await DaysAsync(standing.Account, now, ct);
        return counted.ToDictionary(m => m, m => Projected(wallets.FirstOrDefault(w => w.Unit.Code == m)?.UsedInPeriod.Value ?? 0m, days.FindAll(r => r.IsOf(m)), m, standing, now));
    }

    private static MeterUsage Of(Meter meter, Allowance? allowance, decimal used, List<Row> asked, List<Row> all, Standing standing, DateTimeOffset now, bool hourly)
    {
        var included = allowance?.Included;
        var series = asked.GroupBy(r => hourly ? r.Hour : Day(r.Hour)).OrderBy(g => g.Key).Select(g => new UsageStep(g.Key, g.Sum(r => r.Of(meter.Id)))).ToList();
        return new(meter.Id, meter.Name, asked.Sum(r => r.Of(meter.Id)), included,
            included is { } whole ? Shortest(Math.Max(0m, whole.Value - used)) : null, included is { } limit ? Shortest(Math.Max(0m, used - limit.Value)) : null,
            included is { IsPositive: true } part ? decimal.Round(100m * used / part.Value, 1) : null, Projected(used, all, meter.Id, standing, now),
            Cost(asked), allowance?.Overage, standing.PeriodEnd, series);
    }

    private static decimal? Projected(decimal used, List<Row> rows, string meter, Standing standing, DateTimeOffset now)
    {
        var daily = rows.GroupBy(r => DateOnly.FromDateTime(r.Hour.UtcDateTime)).ToDictionary(g => g.Key, g => g.Sum(r => r.Of(meter)));
        return daily.Count > 0 && Projection.Of(used, daily, daily.Keys.Min(), now, standing.PeriodEnd) is { } projected ? Shortest(projected) : null;
    }

    private static List<ModelUsage> Models(List<Row> rows) => [.. rows.Where(r => r.Model.Length > 0).GroupBy(r => (r.Provider, r.Model)).OrderBy(g => g.Key).Select(g => new ModelUsage(
        g.Key.Provider, g.Key.Model, g.Sum(r => r.Events), g.Sum(r => r.Tokens[0]), g.Sum(r => r.Tokens[1]), g.Sum(r => r.Tokens[2]), g.Sum(r => r.Tokens[3]), g.Sum(r => r.Tokens[4]), Cost(g)))];

    private static List<ActionUsage> Actions(List<Row> rows) => [.. rows.Where(r => r.Action.Length > 0).GroupBy(r => r.Action).OrderBy(g => g.Key, StringComparer.Ordinal)
        .Select(g => new ActionUsage(g.Key, g.Sum(r => r.Quantity), g.Sum(r => r.Events), Cost(g)))];

    private static List<UnitAmount> Cost(IEnumerable<Row> rows) => [.. rows.Where(r => r.PriceUnit.Length > 0).GroupBy(r => r.PriceUnit).OrderBy(g => g.Key, StringComparer.Ordinal)
        .Select(g => new UnitAmount(Unit.Of(g.Key), Amount.Of(g.Sum(r => r.Price))))];

    /// <summary>What a projection looks back on: by day, and by nothing that it does not ask for.</summary>
    private async Task<List<Row>> DaysAsync(AccountId account, DateTimeOffset now, CancellationToken ct)
    {
        await using var scope = await tenants.ForAccountAsync(account, ct);
        await using var command = scope.Command($"select date_trunc('day', hour, 'UTC'), meter, price_unit, sum(quantity), sum(price) from ({ChargedParts.Current}) r group by 1, 2, 3");
        command.Parameters.Add(new() { Value = account.Value });
        command.Parameters.Add(new() { Value = Day(now.AddDays(-Projection.Lookback)) });
        command.Parameters.Add(new() { Value = now.AddHours(1) });
        await using var reader = await command.ExecuteReaderAsync(ct);
        var days = new List<Row>();
        while (await reader.ReadAsync(ct))
        {
            days.Add(new(reader.GetFieldValue<DateTimeOffset>(0), reader.GetString(1), "", "", "", reader.GetString(2), Shortest(reader.GetDecimal(3)), 0, Shortest(reader.GetDecimal(4)), []));
        }

        return days;
    }

    private async Task<List<Row>> RowsAsync(AccountId account, DateTimeOffset from, DateTimeOffset to, CancellationToken ct)
    {
        await using var scope = await tenants.ForAccountAsync(account, ct);
        await using var command = scope.Command($"""
            select hour, meter, action, provider, model, price_unit, sum(quantity), sum(events)::bigint, sum(price), sum(input_tokens), sum(output_tokens), sum(cached_input_tokens), sum(cache_write_tokens), sum(reasoning_tokens)
            from ({ChargedParts.Current}) r group by 1, 2, 3, 4, 5, 6
            """);
        command.Parameters.Add(new() { Value = account.Value });
        command.Parameters.Add(new() { Value = Hour(from) });
        command.Parameters.Add(new() { Value = to });
        await using var reader = await command.ExecuteReaderAsync(ct);
        var rows = new List<Row>();
        while (await reader.ReadAsync(ct))
        {
            rows.Add(new(reader.GetFieldValue<DateTimeOffset>(0), reader.GetString(1), reader.GetString(2), reader.GetString(3), reader.GetString(4), reader.GetString(5),
                Shortest(reader.GetDecimal(6)), reader.GetInt64(7), Shortest(reader.GetDecimal(8)), [.. Enumerable.Range(9, 5).Select(i => Shortest(reader.GetDecimal(i)))]));
        }

        return rows;
    }

    // 12.000000 as 12, as people and programs expect a count.
    private static decimal Shortest(decimal value) => value / 1.000000000000000000000000000000m;

    private static DateTimeOffset Hour(DateTimeOffset at) => new(at.UtcDateTime.Date.AddHours(at.UtcDateTime.Hour), TimeSpan.Zero);

    private static DateTimeOffset Day(DateTimeOffset at) => new(at.UtcDateTime.Date, TimeSpan.Zero);

    private sealed record Row(DateTimeOffset Hour, string Meter, string Action, string Provider, string Model, string PriceUnit, decimal Quantity, long Events, decimal Price, decimal[] Tokens)
    {
        public bool IsOf(string meter) => Meter == meter || PriceUnit == meter;

        /// <summary>What counts for a meter: its own quantity, or what a rate card counts of a model or action in it.</summary>
        public decimal Of(string meter) => Meter == meter ? Quantity : PriceUnit == meter ? Price : 0m;
    }
}
