using Npgsql;
using NpgsqlTypes;

namespace BillingPortal.Ledger;

/// <summary>Writes what a batch decided of holds; no statement where no hold was touched.</summary>
internal static class HoldWriting
{
    public static void AddCommands(NpgsqlBatch batch, IReadOnlyCollection<AccountState> states)
    {
        AddNew(batch, [.. states.SelectMany(s => s.NewHolds)]);
        Update(batch, [.. states.SelectMany(s => s.ChangedHolds)]);
        AddChanges(batch, [.. states.SelectMany(s => s.HoldChanges)]);
        EndGrants(batch, [.. states.SelectMany(s => s.EndedGrants)]);
    }

    private static void AddNew(NpgsqlBatch batch, Hold[] rows)
    {
        if (rows.Length > 0)
        {
            batch.Add("""
                insert into holds (account_id, id, created_at, on_expiry, enforcement, would_refuse, member, agent, run, status, expires_at, asked, state)
                select account_id, id, created_at, on_expiry, enforcement, would_refuse, member, agent, run, status, expires_at, asked::jsonb, state::jsonb
                from unnest($1::uuid[], $2::uuid[], $3::timestamptz[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[], $10::text[], $11::timestamptz[], $12::text[], $13::text[])
                    as r (account_id, id, created_at, on_expiry, enforcement, would_refuse, member, agent, run, status, expires_at, asked, state)
                """,
                Column(rows, h => h.AccountId.Value, NpgsqlDbType.Uuid), Column(rows, h => h.Id, NpgsqlDbType.Uuid), Column(rows, h => h.CreatedAt.UtcDateTime, NpgsqlDbType.TimestampTz),
                Text(rows, h => h.OnExpiry.ToString()), Text(rows, h => h.Enforcement.ToString()), Text(rows, h => h.WouldRefuse), Text(rows, h => h.Member), Text(rows, h => h.Agent),
                Text(rows, h => h.Run), Text(rows, h => h.Status.ToString()), Column(rows, h => h.ExpiresAt.UtcDateTime, NpgsqlDbType.TimestampTz), Text(rows, h => h.AskedJson), Text(rows, h => h.StateJson));
        }
    }

    private static void Update(NpgsqlBatch batch, Hold[] rows)
    {
        if (rows.Length > 0)
        {
            batch.Add("""
                update holds h set status = r.status, expires_at = r.expires_at, state = r.state::jsonb
                from unnest($1::uuid[], $2::uuid[], $3::text[], $4::timestamptz[], $5::text[]) as r (account_id, id, status, expires_at, state)
                where h.account_id = r.account_id and h.id = r.id
                """,
                Column(rows, h => h.AccountId.Value, NpgsqlDbType.Uuid), Column(rows, h => h.Id, NpgsqlDbType.Uuid), Text(rows, h => h.Status.ToString()),
                Column(rows, h => h.ExpiresAt.UtcDateTime, NpgsqlDbType.TimestampTz), Text(rows, h => h.StateJson));
        }
    }

    private static void AddChanges(NpgsqlBatch batch, HoldChange[] rows)
    {
        if (rows.Length > 0)
        {
            batch.Add("""
                insert into hold_changes (account_id, hold_id, operation_id, created_at, status, expires_at, state)
                select account_id, hold_id, operation_id, created_at, status, expires_at, state::jsonb
                from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::timestamptz[], $5::text[], $6::timestamptz[], $7::text[])
                    as r (account_id, hold_id, operation_id, created_at, status, expires_at, state)
                """,
                Column(rows, c => c.AccountId.Value, NpgsqlDbType.Uuid), Column(rows, c => c.HoldId, NpgsqlDbType.Uuid), Column(rows, c => c.OperationId, NpgsqlDbType.Uuid),
                Column(rows, c => c.CreatedAt.UtcDateTime, NpgsqlDbType.TimestampTz), Text(rows, c => c.Status.ToString()),
                Column(rows, c => c.ExpiresAt.UtcDateTime, NpgsqlDbType.TimestampTz), Text(rows, c => c.StateJson));
        }
    }

    /// <summary>Apart from what every charge writes of its grants: the end of one moves almost never, and stands in an index.</summary>
    private static void EndGrants(NpgsqlBatch batch, Grant[] rows)
    {
        if (rows.Length > 0)
        {
            batch.Add("""
                update grants g set expires_at = r.expires_at from unnest($1::uuid[], $2::uuid[], $3::timestamptz[]) as r (account_id, id, expires_at)
                where g.account_id = r.account_id and g.id = r.id
                """,
                Column(rows, g => g.AccountId.Value, NpgsqlDbType.Uuid), Column(rows, g => g.Id.Value, NpgsqlDbType.Uuid), Column(rows, g => g.ExpiresAt?.UtcDateTime, NpgsqlDbType.TimestampTz));
        }
    }

    private static NpgsqlParameter<string?[]> Text<T>(T[] rows, Converter<T, string?> value) => Column(rows, value, NpgsqlDbType.Text);

    private static NpgsqlParameter<TValue[]> Column<T, TValue>(T[] rows, Converter<T, TValue> value, NpgsqlDbType type) =>
        new() { TypedValue = Array.ConvertAll(rows, value), NpgsqlDbType = NpgsqlDbType.Array | type };
}
