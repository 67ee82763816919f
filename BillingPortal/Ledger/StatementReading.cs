using BillingPortal.Data;
using BillingPortal.Primitives;

namespace BillingPortal.Ledger;

/// <summary>One wallet over a stretch of time.</summary>
public sealed record StatementWallet(Unit Unit, Amount Opening, Amount Closing, IReadOnlyList<StatementLine> Lines);

/// <summary>What moved on one day for one reason, added up.</summary>
/// <param name="Amount">With the wallet's sign.</param>
public sealed record StatementLine(DateOnly Day, TransferKind Kind, long Count, Amount Amount);

/// <summary>Adds an account's movements up by day and reason; credits and money only.</summary>
public static class StatementReading
{
    /// <param name="scope">The account's own.</param>
    /// <param name="to">Not included.</param>
    public static async Task<IReadOnlyList<StatementWallet>> ReadAsync(TenantScope scope, AccountId account, DateTimeOffset from, DateTimeOffset to, CancellationToken ct)
    {
        var wallets = new List<StatementWallet>();
        foreach (var (code, (after, before)) in await AccountTransfers.BoundsAsync(scope, account, new TransferFilter(From: from, To: to), ct))
        {
            if (!Unit.TryParse(code, out var unit) || !(unit.IsCurrency || unit == Unit.Credit))
            {
                continue;
            }

            var (opening, closing) = (await BalanceAsync(scope, account, unit, after, ct), await BalanceAsync(scope, account, unit, before, ct));
            var lines = before > after ? await LinesAsync(scope, account, unit, after, before, ct) : [];
            if (lines.Count > 0 || opening != Amount.Zero)
            {
                wallets.Add(new(unit, opening, closing, lines));
            }
        }

        return [.. wallets.OrderBy(w => w.Unit.Code, StringComparer.Ordinal)];
    }

    private static async Task<Amount> BalanceAsync(TenantScope scope, AccountId account, Unit unit, long seq, CancellationToken ct)
    {
        await using var command = scope.Command("select balance_after from transfers where account_id = $1 and unit = $2 and seq = $3");
        foreach (var value in new object[] { account.Value, unit.Code, seq })
        {
            command.Parameters.Add(new() { Value = value });
        }

        return await command.ExecuteScalarAsync(ct) is decimal balance ? Amount.Of(balance) : Amount.Zero;
    }

    private static async Task<List<StatementLine>> LinesAsync(TenantScope scope, AccountId account, Unit unit, long after, long before, CancellationToken ct)
    {
        await using var command = scope.Command(
            """
            select (created_at at time zone 'UTC')::date, kind, count(*), sum(case when is_credit then amount else -amount end)
            from transfers where account_id = $1 and unit = $2 and seq > $3 and seq <= $4 group by 1, 2 order by 1, 2
            """);
        foreach (var value in new object[] { account.Value, unit.Code, after, before })
        {
            command.Parameters.Add(new() { Value = value });
        }

        var lines = new List<StatementLine>();
        await using var row = await command.ExecuteReaderAsync(ct);
        while (await row.ReadAsync(ct))
        {
            lines.Add(new(row.GetFieldValue<DateOnly>(0), Enum.Parse<TransferKind>(row.GetString(1)), row.GetInt64(2), Amount.Of(row.GetDecimal(3))));
        }

        return lines;
    }
}
