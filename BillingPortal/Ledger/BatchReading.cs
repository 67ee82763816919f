using BillingPortal.Catalog;
using BillingPortal.Primitives;
using Npgsql;
using NpgsqlTypes;

namespace BillingPortal.Ledger;

/// <summary>Reads what a batch of operations has to see: heads first (locked, in account order), everything else by later statements of the same pipeline.</summary>
/// <remarks>READ COMMITTED gives each statement a snapshot of its own; one statement that locks and reads at once would see the rows of before the lock.</remarks>
internal static class BatchReading
{
    private const string Heads = """
        select account_id, plan, status, grace_until, low_balance_policy, overdraft_limit, currency, period_anchor, period_start, period_end, advanced_at, total_uses, overrides, has_budgets, has_levels
        from ledger_heads where account_id = any($1)
        """;

    private const string LockHeads = Heads + " order by account_id for no key update";

    private const string OpenHeads = """
        insert into ledger_heads (account_id, plan, status, period_anchor, period_start, period_end, advanced_at, total_uses)
        select id, $2, 'Active', t, t, t, t, 0 from unnest($1::uuid[]) id, (select coalesce($3, clock_timestamp()) as t) clock order by id
        on conflict (account_id) do nothing
        """;

    private const string Clock = "select clock_timestamp()";

    private const string Wallets = "select account_id, unit, balance, held, debt, used_in_period, seq, last_hash from wallets where account_id = any($1)";

    private const string GrantColumns = "select account_id, id, unit, source, amount, remaining, reserved, is_open, priority, effective_at, expires_at, created_at, reference from grants ";

    private const string OpenGrants = GrantColumns + "where account_id = any($1) and is_open";

    private const string GrantsById = GrantColumns + "where account_id = $1 and id = any($2)";

    private const string Operations = """
        select o.account_id, o.origin, o.key, o.id, o.kind, o.body_hash, o.moved, o.created_at
        from unnest($1::uuid[], $2::text[], $3::text[]) as asked (account_id, origin, key)
        join operations o on o.account_id = asked.account_id and o.origin = asked.origin and o.key = asked.key
        """;

    /// <summary>Adds the commands that lock and read; <see cref="ReadAsync"/> reads their results in the same order.</summary>
    /// <param name="toOpen">Accounts that may have no head yet, in order.</param>
    /// <param name="clock">The time to go by; null: the database's own.</param>
    public static void AddCommands(NpgsqlBatch batch, Guid[] accounts, Guid[] toOpen, IReadOnlyList<Operation> operations, CatalogDocument catalog, DateTimeOffset? clock)
    {
        if (toOpen.Length > 0)
        {
            batch.Add(OpenHeads, Array(toOpen, NpgsqlDbType.Uuid), new() { Value = catalog.DefaultPlan, NpgsqlDbType = NpgsqlDbType.Text },
                new() { Value = clock is { } now ? now.UtcDateTime : DBNull.Value, NpgsqlDbType = NpgsqlDbType.TimestampTz });
        }

        batch.Add(LockHeads, Array(accounts, NpgsqlDbType.Uuid));
        AddReading(batch, accounts);
        var recorded = operations.Where(o => o.IsRecorded).ToArray();
        batch.Add(Operations,
            Array(System.Array.ConvertAll(recorded, o => o.Account.Value), NpgsqlDbType.Uuid),
            Array(System.Array.ConvertAll(recorded, o => o.Origin.Name()), NpgsqlDbType.Text),
            Array(System.Array.ConvertAll(recorded, o => o.Key), NpgsqlDbType.Text));
        HoldReading.AddNamed(batch, operations);
    }

    /// <summary>Reads accounts as they stand, their levels too, without locking; in the transaction of the connection where it has one. Accounts without a ledger are not among them.</summary>
    /// <param name="clock">The time to go by; null: the database's own.</param>
    public static async Task<Dictionary<AccountId, AccountState>> ReadUnlockedAsync(NpgsqlConnection connection, Guid[] accounts, CatalogDocument catalog, DateTimeOffset? clock, CancellationToken ct)
    {
        Dictionary<AccountId, AccountState> states;
        await using (var batch = new NpgsqlBatch(connection))
        {
            batch.Add(Heads, Array(accounts, NpgsqlDbType.Uuid));
            AddReading(batch, accounts);
            await using var reader = await batch.ExecuteReaderAsync(ct);
            states = await ReadAccountsAsync(reader, catalog, clock, ct);
        }

        AccountState[] levelled = [.. states.Values.Where(state => state.Head.HasLevels)];
        if (levelled.Length > 0)
        {
            await LevelReading.ReadAsync(connection, levelled, ct);
        }

        return states;
    }

    private static void AddReading(NpgsqlBatch batch, Guid[] accounts)
    {
        batch.Add(Clock);
        batch.Add(Wallets, Array(accounts, NpgsqlDbType.Uuid));
        batch.Add(OpenGrants, Array(accounts, NpgsqlDbType.Uuid));
        HoldReading.AddOpen(batch, accounts);
    }

    /// <summary>Reads heads, clock, wallets, open grants and open holds from a reader that stands on the heads.</summary>
    public static async Task<Dictionary<AccountId, AccountState>> ReadAccountsAsync(NpgsqlDataReader reader, CatalogDocument catalog, DateTimeOffset? clock, CancellationToken ct)
    {
        var heads = new List<LedgerHead>();
        while (await reader.ReadAsync(ct))
        {
            heads.Add(ReadHead(reader));
        }

        await reader.NextResultAsync(ct);
        await reader.ReadAsync(ct);
        var now = clock ?? reader.GetFieldValue<DateTimeOffset>(0);
        var states = new Dictionary<AccountId, AccountState>(heads.Count);
        foreach (var head in heads)
        {
            states.Add(head.AccountId, new AccountState(head, catalog, now));
        }

        await reader.NextResultAsync(ct);
        while (await reader.ReadAsync(ct))
        {
            if (states.TryGetValue(new(reader.GetGuid(0)), out var state))
            {
                state.Add(ReadWallet(reader, state.Account));
            }
        }

        await reader.NextResultAsync(ct);
        while (await reader.ReadAsync(ct))
        {
            if (states.TryGetValue(new(reader.GetGuid(0)), out var state))
            {
                state.Add(ReadGrant(reader));
            }
        }

        await reader.NextResultAsync(ct);
        await HoldReading.ReadAsync(reader, states, ct);
        return states;
    }

    public static async Task<Dictionary<OperationName, RecordedOperation>> ReadOperationsAsync(NpgsqlDataReader reader, CancellationToken ct)
    {
        var recorded = new Dictionary<OperationName, RecordedOperation>();
        while (await reader.ReadAsync(ct))
        {
            var operation = new RecordedOperation
            {
                AccountId = new(reader.GetGuid(0)),
                Origin = OriginNames.Parse(reader.GetString(1)),
                Key = reader.GetString(2),
                Id = reader.GetGuid(3),
                Kind = reader.GetString(4),
                BodyHash = reader.GetFieldValue<byte[]>(5),
                Moved = reader.GetString(6),
                CreatedAt = reader.GetFieldValue<DateTimeOffset>(7),
            };
            recorded[new(operation.AccountId, operation.Origin, operation.Key)] = operation;
        }

        return recorded;
    }

    /// <summary>Reads grants that are perhaps no longer open, because a refund may refill them.</summary>
    public static async Task<List<Grant>> GrantsAsync(NpgsqlConnection connection, AccountId account, Guid[] ids, CancellationToken ct)
    {
        await using var command = new NpgsqlCommand(GrantsById, connection) { Parameters = { new() { Value = account.Value }, Array(ids, NpgsqlDbType.Uuid) } };
        await using var reader = await command.ExecuteReaderAsync(ct);
        var grants = new List<Grant>();
        while (await reader.ReadAsync(ct))
        {
            grants.Add(ReadGrant(reader));
        }

        return grants;
    }

    private static NpgsqlParameter Array<T>(T[] values, NpgsqlDbType type) => new() { Value = values, NpgsqlDbType = NpgsqlDbType.Array | type };

    private static LedgerHead ReadHead(NpgsqlDataReader reader) => new()
    {
        AccountId = new(reader.GetGuid(0)),
        Plan = reader.GetString(1),
        Status = Enum.Parse<AccountStatus>(reader.GetString(2)),
        GraceUntil = reader.IsDBNull(3) ? null : reader.GetFieldValue<DateTimeOffset>(3),
        LowBalancePolicy = reader.IsDBNull(4) ? null : Enum.Parse<LowBalancePolicy>(reader.GetString(4)),
        OverdraftLimit = reader.IsDBNull(5) ? null : Amount.Of(reader.GetDecimal(5)),
        Currency = reader.IsDBNull(6) ? null : Unit.Of(reader.GetString(6)),
        PeriodAnchor = reader.GetFieldValue<DateTimeOffset>(7),
        PeriodStart = reader.GetFieldValue<DateTimeOffset>(8),
        PeriodEnd = reader.GetFieldValue<DateTimeOffset>(9),
        AdvancedAt = reader.GetFieldValue<DateTimeOffset>(10),
        TotalUses = reader.GetInt64(11),
        Overrides = reader.IsDBNull(12) ? null : reader.GetString(12),
        HasBudgets = reader.GetBoolean(13),
        HasLevels = reader.GetBoolean(14),
    };

    private static Wallet ReadWallet(NpgsqlDataReader reader, AccountId account) => new()
    {
        AccountId = account,
        Unit = Unit.Of(reader.GetString(1)),
        Balance = Amount.Of(reader.GetDecimal(2)),
        Held = Amount.Of(reader.GetDecimal(3)),
        Debt = Amount.Of(reader.GetDecimal(4)),
        UsedInPeriod = Amount.Of(reader.GetDecimal(5)),
        Seq = reader.GetInt64(6),
        LastHash = reader.GetFieldValue<byte[]>(7),
    };

    private static Grant ReadGrant(NpgsqlDataReader reader) => new()
    {
        AccountId = new(reader.GetGuid(0)),
        Id = new(reader.GetGuid(1)),
        Unit = Unit.Of(reader.GetString(2)),
        Source = Enum.Parse<GrantSource>(reader.GetString(3)),
        Amount = Amount.Of(reader.GetDecimal(4)),
        Remaining = Amount.Of(reader.GetDecimal(5)),
        Reserved = Amount.Of(reader.GetDecimal(6)),
        IsOpen = reader.GetBoolean(7),
        Priority = reader.GetInt32(8),
        EffectiveAt = reader.GetFieldValue<DateTimeOffset>(9),
        ExpiresAt = reader.IsDBNull(10) ? null : reader.GetFieldValue<DateTimeOffset>(10),
        CreatedAt = reader.GetFieldValue<DateTimeOffset>(11),
        Reference = reader.IsDBNull(12) ? null : reader.GetString(12),
    };
}

/// <summary>What makes an operation unique.</summary>
internal readonly record struct OperationName(AccountId Account, Origin Origin, string Key);

internal static class OriginNames
{
    public static string Name(this Origin origin) => origin switch { Origin.Api => nameof(Origin.Api), Origin.Stripe => nameof(Origin.Stripe), Origin.Job => nameof(Origin.Job) };

    public static Origin Parse(string name) => Enum.Parse<Origin>(name);
}

internal static class BatchCommands
{
    public static void Add(this NpgsqlBatch batch, string sql, params ReadOnlySpan<NpgsqlParameter> parameters)
    {
        var command = new NpgsqlBatchCommand(sql);
        foreach (var parameter in parameters)
        {
            command.Parameters.Add(parameter);
        }

        batch.BatchCommands.Add(command);
    }
}
