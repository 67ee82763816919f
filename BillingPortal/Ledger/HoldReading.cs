using BillingPortal.Primitives;
using Npgsql;
using NpgsqlTypes;

namespace BillingPortal.Ledger;

/// <summary>How holds are read back.</summary>
internal static class HoldReading
{
    public const string Columns = "h.account_id, h.id, h.created_at, h.on_expiry, h.enforcement, h.would_refuse, h.member, h.agent, h.run, h.status, h.expires_at, h.asked, h.state";

    /// <summary>By the partial index that closed holds are not in: an account without open ones costs one look.</summary>
    private const string Open = $"select {Columns} from holds h where h.account_id = any($1) and h.status = 'Open'";

    private const string ById = $"select {Columns} from unnest($1::uuid[], $2::uuid[]) as asked (account_id, id) join holds h on h.account_id = asked.account_id and h.id = asked.id";

    private const string Changes = """
        select c.account_id, c.hold_id, c.operation_id, c.created_at, c.status, c.expires_at, c.state
        from unnest($1::uuid[], $2::uuid[], $3::uuid[]) as asked (account_id, hold_id, operation_id)
        join hold_changes c on c.account_id = asked.account_id and c.hold_id = asked.hold_id and c.operation_id = asked.operation_id
        """;

    public static void AddOpen(NpgsqlBatch batch, Guid[] accounts) => batch.Add(Open, Ids(accounts));

    /// <summary>Holds that operations name, closed ones too; nothing is added where none is named.</summary>
    public static void AddNamed(NpgsqlBatch batch, IReadOnlyList<Operation> operations)
    {
        Operation[] named = [.. operations.Where(o => o.HoldToLoad is not null)];
        if (named.Length > 0)
        {
            batch.Add(ById, Ids(Array.ConvertAll(named, o => o.Account.Value)), Ids(Array.ConvertAll(named, o => o.HoldToLoad!.Value)));
        }
    }

    public static void AddChanges(NpgsqlBatch batch, (AccountId Account, Guid Hold, Guid Operation)[] asked) => batch.Add(
        Changes, Ids(Array.ConvertAll(asked, a => a.Account.Value)), Ids(Array.ConvertAll(asked, a => a.Hold)), Ids(Array.ConvertAll(asked, a => a.Operation)));

    public static async Task ReadAsync(NpgsqlDataReader reader, Dictionary<AccountId, AccountState> states, CancellationToken ct)
    {
        while (await reader.ReadAsync(ct))
        {
            if (states.TryGetValue(new(reader.GetGuid(0)), out var state))
            {
                state.Add(ReadHold(reader));
            }
        }
    }

    public static async Task<List<HoldChange>> ReadChangesAsync(NpgsqlDataReader reader, CancellationToken ct)
    {
        var changes = new List<HoldChange>();
        while (await reader.ReadAsync(ct))
        {
            changes.Add(new()
            {
                AccountId = new(reader.GetGuid(0)),
                HoldId = reader.GetGuid(1),
                OperationId = reader.GetGuid(2),
                CreatedAt = reader.GetFieldValue<DateTimeOffset>(3),
                Status = Enum.Parse<HoldStatus>(reader.GetString(4)),
                ExpiresAt = reader.GetFieldValue<DateTimeOffset>(5),
                StateJson = reader.GetString(6),
            });
        }

        return changes;
    }

    public static Hold ReadHold(NpgsqlDataReader reader)
    {
        string? Text(int column) => reader.IsDBNull(column) ? null : reader.GetString(column);
        return new()
        {
            AccountId = new(reader.GetGuid(0)),
            Id = reader.GetGuid(1),
            CreatedAt = reader.GetFieldValue<DateTimeOffset>(2),
            OnExpiry = Enum.Parse<HoldExpiry>(reader.GetString(3)),
            Enforcement = Enum.Parse<EnforcementMode>(reader.GetString(4)),
            WouldRefuse = Text(5),
            Member = Text(6),
            Agent = Text(7),
            Run = Text(8),
            Status = Enum.Parse<HoldStatus>(reader.GetString(9)),
            ExpiresAt = reader.GetFieldValue<DateTimeOffset>(10),
            AskedJson = reader.GetString(11),
            StateJson = reader.GetString(12),
        };
    }

    private static NpgsqlParameter Ids(Guid[] ids) => new() { Value = ids, NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Uuid };
}
