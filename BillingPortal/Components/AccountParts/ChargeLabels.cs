using BillingPortal.Catalog;
using BillingPortal.Data;
using BillingPortal.Ledger;
using BillingPortal.Primitives;
using NpgsqlTypes;

namespace BillingPortal.Components.AccountParts;

/// <summary>Names what was charged, for lists of ledger rows: the action, meter or model instead of a bare "use".</summary>
public sealed class ChargeLabels(Tenants tenants, CatalogSnapshot catalog)
{
    /// <summary>One look-up for all rows of a list; rows of one account are read under that account's scope.</summary>
    public async Task<IReadOnlyDictionary<TransferId, string>> OfAsync(IReadOnlyList<TransferView> rows, CancellationToken ct = default)
    {
        ChargeId[] charges = [.. rows.Where(r => r.Charge is not null && r.Reason is null).Select(r => r.Charge!.Value).Distinct()];
        if (charges.Length == 0)
        {
            return new Dictionary<TransferId, string>();
        }

        await using var scope = charges.All(c => c.Account == charges[0].Account) ? await tenants.ForAccountAsync(charges[0].Account, ct) : await tenants.ForStaffAsync(ct);
        await using var command = scope.Command("""
            select c.id, coalesce(c.action, c.model, c.meter) from unnest($1::uuid[], $2::uuid[]) as asked (account_id, id)
            join charges c on c.account_id = asked.account_id and c.id = asked.id
            """);
        command.Parameters.Add(new() { Value = Array.ConvertAll(charges, c => c.Account.Value), NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Uuid });
        command.Parameters.Add(new() { Value = Array.ConvertAll(charges, c => c.Value), NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Uuid });
        var names = new Dictionary<Guid, string>();
        await using (var reader = await command.ExecuteReaderAsync(ct))
        {
            while (await reader.ReadAsync(ct))
            {
                if (!reader.IsDBNull(1))
                {
                    names[reader.GetGuid(0)] = Name(catalog.Current, reader.GetString(1));
                }
            }
        }

        return rows.Where(r => r.Charge is { } c && names.ContainsKey(c.Value)).ToDictionary(r => r.Id, r => names[r.Charge!.Value.Value]);
    }

    /// <summary>The catalog's name for an id of an action, model or meter; the id itself when it knows none.</summary>
    public static string Name(CatalogDocument catalog, string id) =>
        catalog.FindAction(id)?.Name ?? catalog.FindModel(id)?.Name ?? catalog.FindMeter(id)?.Name ?? id;
}
