using BillingPortal.Data;
using BillingPortal.Primitives;
using Microsoft.EntityFrameworkCore;
using NpgsqlTypes;

namespace BillingPortal.Gating;

/// <summary>How often something was let pass that enforcing would have refused.</summary>
/// <param name="At">The hour's or day's start.</param>
/// <param name="Subject">Action, meter or unit.</param>
public sealed record Observed(DateTimeOffset At, string ErrorCode, string Subject, long Times);

/// <summary>What enforcing would have refused while it was observed (B8).</summary>
public sealed class Observations(Tenants tenants)
{
    public static readonly TimeSpan Longest = TimeSpan.FromDays(92);
    private static readonly TimeSpan Hourly = TimeSpan.FromDays(7);

    /// <param name="period">At most <see cref="Longest"/>; up to a week is counted by the hour, else by the day.</param>
    public async Task<IReadOnlyList<Observed>> TotalsAsync(Period period, CancellationToken ct = default)
    {
        await using var scope = await tenants.ForStaffAsync(ct);
        await using var command = scope.Command($"""
            select date_trunc('{(period.End - period.Start <= Hourly ? "hour" : "day")}', created_at, 'UTC') as at, error_code, coalesce(subject, 'tokens'), sum(times)
            from checks where kind = 'observed' and created_at >= $1 and created_at < $2 group by 1, 2, 3 order by 1, 2, 3
            """);
        command.Parameters.Add(new() { Value = period.Start.UtcDateTime, NpgsqlDbType = NpgsqlDbType.TimestampTz });
        command.Parameters.Add(new() { Value = period.End.UtcDateTime, NpgsqlDbType = NpgsqlDbType.TimestampTz });
        await using var reader = await command.ExecuteReaderAsync(ct);
        var observed = new List<Observed>();
        while (await reader.ReadAsync(ct))
        {
            observed.Add(new(reader.GetFieldValue<DateTimeOffset>(0), reader.GetString(1), reader.GetString(2), reader.GetInt64(3)));
        }

        return observed;
    }

    /// <summary>One page, newest first.</summary>
    /// <param name="before">The id that the page before ended with; null: the first page.</param>
    public async Task<IReadOnlyList<CheckRecord>> ListAsync(Period period, Guid? before, int limit, CancellationToken ct = default)
    {
        await using var scope = await tenants.ForStaffAsync(ct);
        var (start, end) = (period.Start.ToUniversalTime(), period.End.ToUniversalTime());
        var rows = scope.Db.Set<CheckRecord>().AsNoTracking().Where(c => c.Kind == "observed" && c.CreatedAt >= start && c.CreatedAt < end);
        rows = before is { } last ? rows.Where(c => c.Id.CompareTo(last) < 0) : rows;
        return await rows.OrderByDescending(c => c.Id).Take(limit).ToListAsync(ct);
    }
}
