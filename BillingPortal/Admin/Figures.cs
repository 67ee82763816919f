using BillingPortal.Data;
using BillingPortal.Primitives;
using NpgsqlTypes;

namespace BillingPortal.Admin;

/// <summary>One day of the portal: credits by what happened to them.</summary>
public sealed record DayOfCredits(DateTimeOffset Day, decimal Sold, decimal Granted, decimal Used);

/// <summary>What the staff's overview shows, read at one moment.</summary>
/// <param name="Outstanding">Credits in all wallets, debts taken off.</param>
/// <param name="Refusals">Charges and checks refused within the window.</param>
public sealed record PortalFigures(long Accounts, long NewAccounts, decimal Outstanding, decimal Sold, decimal Granted, decimal Used, long Refusals,
    IReadOnlyList<DayOfCredits> Days, IReadOnlyList<(string Code, long Times)> RefusalsByCode, DateTimeOffset At);

/// <summary>Reads the overview's figures for the last thirty days. Shared by everybody who looks, for a minute: they are sums over many rows, found by time.</summary>
public sealed class Figures(Tenants tenants, TimeProvider time) : IDisposable
{
    public const int Window = 30;
    private static readonly TimeSpan goodFor = TimeSpan.FromSeconds(60);

    private readonly SemaphoreSlim reading = new(1, 1);
    private PortalFigures? latest;

    public async Task<PortalFigures> NowAsync(CancellationToken ct)
    {
        if (Fresh is { } known)
        {
            return known;
        }

        await reading.WaitAsync(ct);
        try
        {
            return Fresh ?? (latest = await ReadAsync(ct));
        }
        finally
        {
            reading.Release();
        }
    }

    public void Dispose() => reading.Dispose();

    private PortalFigures? Fresh => latest is { } known && time.GetUtcNow() - known.At < goodFor ? known : null;

    private async Task<PortalFigures> ReadAsync(CancellationToken ct)
    {
        var now = time.GetUtcNow();
        var since = new DateTimeOffset(now.UtcDateTime.Date, TimeSpan.Zero).AddDays(1 - Window);
        await using var scope = await tenants.ForStaffAsync(ct);
        var (accounts, fresh) = await PairAsync(scope, "select count(*), count(*) filter (where created_at >= $1) from accounts", since, ct);
        var (outstanding, _) = await PairAsync(scope, "select coalesce(sum(balance), 0), $1::timestamptz from wallets where unit = 'credit'", since, ct);
        var days = await DaysAsync(scope, since, ct);
        var refusals = await RefusalsAsync(scope, since, ct);
        return new((long)accounts, (long)fresh, outstanding, days.Sum(d => d.Sold), days.Sum(d => d.Granted), days.Sum(d => d.Used), refusals.Sum(r => r.Times), days, refusals, now);
    }

    private static async Task<(decimal, decimal)> PairAsync(TenantScope scope, string sql, DateTimeOffset since, CancellationToken ct)
    {
        await using var command = scope.Command(sql);
        command.Parameters.Add(new() { Value = since });
        await using var reader = await command.ExecuteReaderAsync(ct);
        await reader.ReadAsync(ct);
        decimal Number(int column) => reader.GetValue(column) switch { long count => count, decimal sum => sum, _ => 0m };
        return (Number(0), Number(1));
    }

    private static async Task<List<DayOfCredits>> DaysAsync(TenantScope scope, DateTimeOffset since, CancellationToken ct)
    {
        await using var command = scope.Command("""
            select date_trunc('day', created_at, 'UTC'),
                coalesce(sum(amount) filter (where is_credit and kind = 'TopUp'), 0),
                coalesce(sum(amount) filter (where is_credit and kind = 'Grant'), 0),
                coalesce(sum(case when is_credit then -amount else amount end) filter (where kind in ('Charge', 'Refund')), 0)
            from transfers where created_at >= $1 and unit = $2 group by 1
            """);
        command.Parameters.Add(new() { Value = since });
        command.Parameters.Add(new() { Value = Unit.Credit.Code, NpgsqlDbType = NpgsqlDbType.Text });
        var found = new Dictionary<DateTimeOffset, DayOfCredits>();
        await using var reader = await command.ExecuteReaderAsync(ct);
        while (await reader.ReadAsync(ct))
        {
            var day = reader.GetFieldValue<DateTimeOffset>(0).ToUniversalTime();
            found[day] = new(day, reader.GetDecimal(1), reader.GetDecimal(2), Math.Max(0m, reader.GetDecimal(3)));
        }

        return [.. Enumerable.Range(0, Window).Select(i => found.GetValueOrDefault(since.AddDays(i)) ?? new(since.AddDays(i), 0m, 0m, 0m))];
    }

    private static async Task<List<(string Code, long Times)>> RefusalsAsync(TenantScope scope, DateTimeOffset since, CancellationToken ct)
    {
        await using var command = scope.Command("select coalesce(error_code, 'other'), sum(times)::bigint from checks where created_at >= $1 and not allowed group by 1 order by 2 desc limit 6");
        command.Parameters.Add(new() { Value = since });
        await using var reader = await command.ExecuteReaderAsync(ct);
        var rows = new List<(string, long)>();
        while (await reader.ReadAsync(ct))
        {
            rows.Add((reader.GetString(0), reader.GetInt64(1)));
        }

        return rows;
    }
}
