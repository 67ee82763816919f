using BillingPortal.Data;
using BillingPortal.Primitives;

namespace BillingPortal.Analytics;

/// <summary>What customers hold and owe in one unit.</summary>
/// <param name="Outstanding">Sum of the balances above zero: what we owe.</param>
/// <param name="Held">Reserved by open holds.</param>
/// <param name="Debt">Sum of what balances are below zero: what is owed to us.</param>
public sealed record ReserveLine(Unit Unit, long Accounts, long InDebt, Amount Outstanding, Amount Held, Amount Debt);

/// <summary>Balances of credits and money over all accounts (D10). Reads every wallet once: for a person who asks.</summary>
public sealed class ReserveSummary(Tenants tenants)
{
    public async Task<IReadOnlyList<ReserveLine>> ReadAsync(CancellationToken ct = default)
    {
        await using var scope = await tenants.ForStaffAsync(ct);
        await using var command = scope.Command("""
            select unit, count(*), count(*) filter (where balance < 0), coalesce(sum(balance) filter (where balance > 0), 0), coalesce(sum(held), 0), coalesce(-sum(balance) filter (where balance < 0), 0)
            from wallets where unit = 'credit' or length(unit) = 3 group by unit order by unit
            """);
        await using var reader = await command.ExecuteReaderAsync(ct);
        List<ReserveLine> lines = [];
        while (await reader.ReadAsync(ct))
        {
            lines.Add(new(Unit.Of(reader.GetString(0)), reader.GetInt64(1), reader.GetInt64(2), Amount.Of(reader.GetDecimal(3)), Amount.Of(reader.GetDecimal(4)), Amount.Of(reader.GetDecimal(5))));
        }

        return lines;
    }
}
