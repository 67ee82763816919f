using BillingPortal.Data;
using BillingPortal.Primitives;
using Npgsql;
using NpgsqlTypes;

namespace BillingPortal.Components.AccountParts;

/// <summary>One account in a list of many.</summary>
/// <param name="Credits">Balance of credits; null: no wallet yet.</param>
public sealed record AccountRow(AccountId Id, string ExternalId, string? Name, string? Email, string? Plan, string? Status, decimal? Credits, DateTimeOffset CreatedAt)
{
    public string Title => Name ?? Email ?? ExternalId;
}

/// <summary>Finds accounts for staff as they type: by the beginning of external id, e-mail or name, or by the whole shown id.</summary>
public sealed class AccountSearch(Tenants tenants)
{
    private const string Columns = """
        select a.account_id, a.external_id, a.name, a.email, h.plan, h.status, w.balance, a.created_at
        from (select * from accounts a where {0}) a
        left join ledger_heads h on h.account_id = a.account_id
        left join wallets w on w.account_id = a.account_id and w.unit = 'credit'
        order by a.created_at desc
        """;

    /// <param name="text">Blank: the newest accounts.</param>
    /// <param name="limit">1 to 200.</param>
    public async Task<IReadOnlyList<AccountRow>> FindAsync(string? text, int limit, CancellationToken ct = default)
    {
        await using var scope = await tenants.ForStaffAsync(ct);
        var search = text?.Trim() ?? "";
        var where = search.Length == 0 ? "true order by a.created_at desc limit $1"
            : AccountId.TryParse(search, out _) ? "a.account_id = $2 limit $1"
            : "a.external_id like $2 or a.search_email like lower($2) or a.search_name like lower($2) limit $1";
        await using var command = scope.Command(Columns.Replace("{0}", where, StringComparison.Ordinal));
        command.Parameters.Add(new() { Value = limit });
        if (search.Length > 0)
        {
            command.Parameters.Add(AccountId.TryParse(search, out var id)
                ? new NpgsqlParameter { Value = id.Value }
                : new NpgsqlParameter { Value = Escape(search) + "%", NpgsqlDbType = NpgsqlDbType.Text });
        }

        await using var reader = await command.ExecuteReaderAsync(ct);
        var rows = new List<AccountRow>();
        while (await reader.ReadAsync(ct))
        {
            string? Text(int column) => reader.IsDBNull(column) ? null : reader.GetString(column);
            rows.Add(new(new(reader.GetGuid(0)), reader.GetString(1), Text(2), Text(3), Text(4), Text(5), reader.IsDBNull(6) ? null : reader.GetDecimal(6), reader.GetFieldValue<DateTimeOffset>(7)));
        }

        return rows;
    }

    private static string Escape(string text) => text.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("%", "\\%", StringComparison.Ordinal).Replace("_", "\\_", StringComparison.Ordinal);
}
