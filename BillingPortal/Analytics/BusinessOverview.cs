using BillingPortal.Data;
using BillingPortal.Primitives;
using Npgsql;

namespace BillingPortal.Analytics;

/// <summary>An amount of one unit.</summary>
public sealed record UnitTotal(Unit Unit, Amount Amount);

/// <summary>How much was refused, and why.</summary>
public sealed record RefusalCount(string ErrorCode, long Times);

/// <summary>One day of the portal: credits by what happened to them.</summary>
/// <param name="Day">Its beginning, in UTC.</param>
public sealed record DayOfCredits(DateTimeOffset Day, decimal Sold, decimal Granted, decimal Used);

/// <summary>The figures of the last days, today among them.</summary>
/// <param name="Accounts">All there are.</param>
/// <param name="NewAccounts">Made in the period.</param>
/// <param name="ActiveSubscriptions">Active, in trial or past due.</param>
/// <param name="MonthlyRecurringRevenue">Of subscriptions that are paid, yearly ones as a twelfth, by currency.</param>
/// <param name="TopUps">What was bought into wallets in the period, by unit; money is revenue received in advance.</param>
/// <param name="Granted">Granted without payment in the period.</param>
/// <param name="Used">Charged less refunded in the period.</param>
/// <param name="Outstanding">What accounts hold now, less what they owe.</param>
/// <param name="Refusals">Refused charges and checks of the period.</param>
/// <param name="Days">Credits day by day, oldest first, days without any included.</param>
public sealed record Overview(
    DateTimeOffset From, DateTimeOffset To, long Accounts, long NewAccounts, long ActiveSubscriptions, IReadOnlyList<UnitTotal> MonthlyRecurringRevenue,
    IReadOnlyList<UnitTotal> TopUps, IReadOnlyList<UnitTotal> Granted, IReadOnlyList<UnitTotal> Used, IReadOnlyList<UnitTotal> Outstanding, IReadOnlyList<RefusalCount> Refusals, IReadOnlyList<DayOfCredits> Days);

/// <summary>Reads the overview: rows of the period by their time index, wallets and subscriptions whole.</summary>
public sealed class BusinessOverview(Tenants tenants, TimeProvider time) : IDisposable
{
    /// <summary>What the staff's first page shows, in days.</summary>
    public const int Window = 30;
    private static readonly TimeSpan goodFor = TimeSpan.FromSeconds(60);

    private readonly SemaphoreSlim reading = new(1, 1);
    private Overview? latest;

    /// <summary>The last <see cref="Window"/> days, shared for a minute by everybody who looks.</summary>
    public async Task<Overview> RecentAsync(CancellationToken ct)
    {
        if (Fresh is { } known)
        {
            return known;
        }

        await reading.WaitAsync(ct);
        try
        {
            return Fresh ?? (latest = await ReadAsync(Window, ct));
        }
        finally
        {
            reading.Release();
        }
    }

    /// <param name="days">1 to 366; today, in UTC, is the last.</param>
    public async Task<Overview> ReadAsync(int days, CancellationToken ct = default)
    {
        var to = time.Now();
        var from = new DateTimeOffset(to.UtcDateTime.Date, TimeSpan.Zero).AddDays(1 - days);
        await using var scope = await tenants.ForStaffAsync(ct);
        var (accounts, fresh, subscriptions) = await CountAsync(scope, from, ct);
        return new(
            from, to, accounts, fresh, subscriptions,
            await TotalsAsync(scope, "select currency, sum(case when interval = 'year' then round(price / 12, 6) else price end) from subscriptions where status in ('active', 'past_due') group by 1 order by 1", null, ct),
            await MovedAsync(scope, "kind = 'TopUp'", "amount", from, ct),
            await MovedAsync(scope, "kind = 'Grant'", "amount", from, ct),
            await MovedAsync(scope, "kind in ('Charge', 'Refund')", "case when is_credit then -amount else amount end", from, ct),
            await TotalsAsync(scope, "select unit, sum(balance) from wallets where unit = 'credit' or length(unit) = 3 group by 1 order by 1", null, ct),
            await RefusalsAsync(scope, from, ct),
            await DaysAsync(scope, from, days, ct));
    }

    public void Dispose() => reading.Dispose();

    private Overview? Fresh => latest is { } known && time.GetUtcNow() - known.To < goodFor ? known : null;

    private static async Task<(long All, long Fresh, long Subscriptions)> CountAsync(TenantScope scope, DateTimeOffset from, CancellationToken ct)
    {
        await using var command = scope.Command("""
            select (select count(*) from accounts), (select count(*) from accounts where created_at >= $1),
                (select count(*) from subscriptions where status in ('active', 'trialing', 'past_due'))
            """);
        command.Parameters.Add(new() { Value = from });
        await using var reader = await command.ExecuteReaderAsync(ct);
        await reader.ReadAsync(ct);
        return (reader.GetInt64(0), reader.GetInt64(1), reader.GetInt64(2));
    }

    private static Task<IReadOnlyList<UnitTotal>> MovedAsync(TenantScope scope, string which, string amount, DateTimeOffset from, CancellationToken ct) =>
        TotalsAsync(scope, $"select unit, sum({amount}) from transfers where created_at >= $1 and {which} group by 1 order by 1", from, ct);

    private static async Task<IReadOnlyList<UnitTotal>> TotalsAsync(TenantScope scope, string sql, DateTimeOffset? from, CancellationToken ct)
    {
        await using var command = scope.Command(sql);
        if (from is { } start)
        {
            command.Parameters.Add(new() { Value = start });
        }

        await using var reader = await command.ExecuteReaderAsync(ct);
        List<UnitTotal> totals = [];
        while (await reader.ReadAsync(ct))
        {
            totals.Add(new(Unit.Of(reader.GetString(0)), Amount.Round(reader.GetDecimal(1))));
        }

        return totals;
    }

    private static async Task<IReadOnlyList<DayOfCredits>> DaysAsync(TenantScope scope, DateTimeOffset from, int days, CancellationToken ct)
    {
        await using var command = scope.Command("""
            select date_trunc('day', created_at, 'UTC'),
                coalesce(sum(amount) filter (where is_credit and kind = 'TopUp'), 0),
                coalesce(sum(amount) filter (where is_credit and kind = 'Grant'), 0),
                coalesce(sum(case when is_credit then -amount else amount end) filter (where kind in ('Charge', 'Refund')), 0)
            from transfers where created_at >= $1 and unit = $2 group by 1
            """);
        command.Parameters.Add(new() { Value = from });
        command.Parameters.Add(new() { Value = Unit.Credit.Code });
        var found = new Dictionary<DateTimeOffset, DayOfCredits>();
        await using var reader = await command.ExecuteReaderAsync(ct);
        while (await reader.ReadAsync(ct))
        {
            var day = reader.GetFieldValue<DateTimeOffset>(0).ToUniversalTime();
            found[day] = new(day, reader.GetDecimal(1), reader.GetDecimal(2), Math.Max(0m, reader.GetDecimal(3)));
        }

        return [.. Enumerable.Range(0, days).Select(i => found.GetValueOrDefault(from.AddDays(i)) ?? new(from.AddDays(i), 0m, 0m, 0m))];
    }

    private static async Task<IReadOnlyList<RefusalCount>> RefusalsAsync(TenantScope scope, DateTimeOffset from, CancellationToken ct)
    {
        await using var command = scope.Command("select error_code, sum(times) from checks where created_at >= $1 and not allowed and error_code is not null group by 1 order by 2 desc");
        command.Parameters.Add(new NpgsqlParameter { Value = from });
        await using var reader = await command.ExecuteReaderAsync(ct);
        List<RefusalCount> refusals = [];
        while (await reader.ReadAsync(ct))
        {
            refusals.Add(new(reader.GetString(0), reader.GetInt64(1)));
        }

        return refusals;
    }
}
