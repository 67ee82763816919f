using BillingPortal.Data;
using BillingPortal.Primitives;
using Npgsql;

namespace BillingPortal.Analytics;

/// <summary>An amount of one unit.</summary>
public sealed record UnitTotal(Unit Unit, Amount Amount);

/// <summary>How much was refused, and why.</summary>
public sealed record RefusalCount(string ErrorCode, long Times);

/// <summary>The figures of the last days (C9, first form).</summary>
/// <param name="Accounts">All there are.</param>
/// <param name="NewAccounts">Made in the period.</param>
/// <param name="ActiveSubscriptions">Active, in trial or past due.</param>
/// <param name="MonthlyRecurringRevenue">Of subscriptions that are paid, yearly ones as a twelfth, by currency.</param>
/// <param name="TopUps">What was bought into wallets in the period, by unit; money is revenue received in advance.</param>
/// <param name="Granted">Granted without payment in the period.</param>
/// <param name="Used">Charged less refunded in the period.</param>
/// <param name="Outstanding">What accounts hold now.</param>
/// <param name="Refusals">Refused charges and checks of the period.</param>
public sealed record Overview(
    DateTimeOffset From, DateTimeOffset To, long Accounts, long NewAccounts, long ActiveSubscriptions, IReadOnlyList<UnitTotal> MonthlyRecurringRevenue,
    IReadOnlyList<UnitTotal> TopUps, IReadOnlyList<UnitTotal> Granted, IReadOnlyList<UnitTotal> Used, IReadOnlyList<UnitTotal> Outstanding, IReadOnlyList<RefusalCount> Refusals);

/// <summary>Reads the overview: rows of the period by their time index, wallets and subscriptions whole.</summary>
public sealed class BusinessOverview(Tenants tenants, TimeProvider time)
{
    /// <param name="days">1 to 366, back from now.</param>
    public async Task<Overview> ReadAsync(int days, CancellationToken ct = default)
    {
        var to = time.Now();
        var from = to.AddDays(-days);
        await using var scope = await tenants.ForStaffAsync(ct);
        var (accounts, fresh, subscriptions) = await CountAsync(scope, from, ct);
        return new(
            from, to, accounts, fresh, subscriptions,
            await TotalsAsync(scope, "select currency, sum(case when interval = 'year' then round(price / 12, 6) else price end) from subscriptions where status in ('active', 'past_due') group by 1 order by 1", null, ct),
            await MovedAsync(scope, "kind = 'TopUp'", "amount", from, ct),
            await MovedAsync(scope, "kind = 'Grant'", "amount", from, ct),
            await MovedAsync(scope, "kind in ('Charge', 'Refund')", "case when is_credit then -amount else amount end", from, ct),
            await TotalsAsync(scope, "select unit, sum(balance) from wallets where balance > 0 and (unit = 'credit' or length(unit) = 3) group by 1 order by 1", null, ct),
            await RefusalsAsync(scope, from, ct));
    }

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
