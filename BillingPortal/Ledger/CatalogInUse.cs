using BillingPortal.Catalog;
using BillingPortal.Data;
using NpgsqlTypes;

namespace BillingPortal.Ledger;

/// <summary>The plans that accounts stand on, and the meters with use that is not settled yet. What is merely left of an allowance lapses with its meter.</summary>
internal sealed class CatalogInUse : ICatalogUse
{
    public async Task<IReadOnlyList<CatalogUse>> FindAsync(TenantScope scope, IReadOnlyCollection<string> plans, IReadOnlyCollection<string> meters, CancellationToken ct)
    {
        await using var command = scope.Command("""
            select 'plans', plan, count(*), 'on this plan' from ledger_heads where plan = any($1) group by plan
            union all
            select 'meters', unit, count(*), 'not settled: use above the allowance, or a hold, stands on this meter' from wallets where unit = any($2) and (debt > 0 or held > 0) group by unit
            order by 1 desc, 2
            """);
        command.Parameters.Add(new() { Value = plans.ToArray(), NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Text });
        command.Parameters.Add(new() { Value = meters.ToArray(), NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Text });
        await using var reader = await command.ExecuteReaderAsync(ct);
        var uses = new List<CatalogUse>();
        while (await reader.ReadAsync(ct))
        {
            uses.Add(new($"{reader.GetString(0)}[{reader.GetString(1)}]", reader.GetInt64(2), reader.GetString(3)));
        }

        return uses;
    }

    public async Task<bool> HasChargedAsync(TenantScope scope, CancellationToken ct)
    {
        await using var command = scope.Command("select exists (select from charges)");
        return (bool)(await command.ExecuteScalarAsync(ct))!;
    }
}
