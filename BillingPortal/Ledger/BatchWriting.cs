using Npgsql;
using NpgsqlTypes;

namespace BillingPortal.Ledger;

/// <summary>Writes what a batch decided: one statement per table, whole columns as arrays, all in one round trip.</summary>
internal static class BatchWriting
{
    /// <param name="states">Accounts that have something to write.</param>
    /// <param name="operations">What took effect.</param>
    public static void AddCommands(NpgsqlBatch batch, IReadOnlyCollection<AccountState> states, IReadOnlyCollection<RecordedOperation> operations, IReadOnlyCollection<OperationDetails> details)
    {
        AddOperations(batch, operations);
        AddDetails(batch, details);
        Charge[] charges = [.. states.SelectMany(s => s.PendingCharges)];
        AddCharges(batch, charges);
        AddUncounted(batch, charges);
        AddRefunds(batch, [.. states.SelectMany(s => s.PendingRefunds)]);
        AddTransfers(batch, [.. states.SelectMany(s => s.PendingTransfers)]);
        HoldWriting.AddCommands(batch, states);
        AddNewGrants(batch, [.. states.SelectMany(s => s.NewGrants)]);
        UpdateGrants(batch, [.. states.SelectMany(s => s.TouchedGrants.Except(s.NewGrants))]);
        AddNewWallets(batch, [.. states.SelectMany(s => s.TouchedWallets.Where(w => w.IsNew))]);
        UpdateWallets(batch, [.. states.SelectMany(s => s.TouchedWallets.Where(w => !w.IsNew))]);
        AddSuspense(batch, [.. states.SelectMany(s => s.PendingSuspense)]);
        AddOverages(batch, [.. states.SelectMany(s => s.PendingOverages)]);
        BudgetWriting.AddCommands(batch, states);
        LevelReading.AddWriting(batch, states);
        UpdateClocks(batch, [.. states.Where(s => !s.HeadTouched)]);
        UpdateHeads(batch, [.. states.Where(s => s.HeadTouched)]);
    }

    private static void AddOperations(NpgsqlBatch batch, IReadOnlyCollection<RecordedOperation> rows)
    {
        if (rows.Count > 0)
        {
            batch.Add("""
                insert into operations (account_id, origin, key, id, kind, body_hash, moved, created_at)
                select * from unnest($1::uuid[], $2::text[], $3::text[], $4::uuid[], $5::text[], $6::bytea[], $7::text[], $8::timestamptz[])
                """,
                Column(rows, o => o.AccountId.Value, NpgsqlDbType.Uuid), Column(rows, o => o.Origin.Name(), NpgsqlDbType.Text), Column(rows, o => o.Key, NpgsqlDbType.Text),
                Column(rows, o => o.Id, NpgsqlDbType.Uuid), Column(rows, o => o.Kind, NpgsqlDbType.Text), Column(rows, o => o.BodyHash, NpgsqlDbType.Bytea),
                Column(rows, o => o.Moved, NpgsqlDbType.Text), Column(rows, o => o.CreatedAt.UtcDateTime, NpgsqlDbType.TimestampTz));
        }
    }

    private static void AddDetails(NpgsqlBatch batch, IReadOnlyCollection<OperationDetails> rows)
    {
        if (rows.Count > 0)
        {
            batch.Add("insert into operation_details (account_id, operation_id, salt, details) select * from unnest($1::uuid[], $2::uuid[], $3::bytea[], $4::text[])",
                Column(rows, d => d.AccountId.Value, NpgsqlDbType.Uuid), Column(rows, d => d.OperationId, NpgsqlDbType.Uuid),
                Column(rows, d => d.Salt, NpgsqlDbType.Bytea), Column(rows, d => d.Details, NpgsqlDbType.Text));
        }
    }

    private static void AddCharges(NpgsqlBatch batch, Charge[] rows)
    {
        if (rows.Length > 0)
        {
            batch.Add("""
                insert into charges (account_id, id, created_at, occurred_at, action, meter, provider, model, tool, feature, member, agent, run, quantity,
                    input_tokens, output_tokens, cached_input_tokens, outcome, enforcement, would_refuse, receipt, cache_write_tokens, reasoning_tokens, cost)
                select account_id, id, created_at, occurred_at, action, meter, provider, model, tool, feature, member, agent, run, quantity,
                    input_tokens, output_tokens, cached_input_tokens, outcome, enforcement, would_refuse, receipt::jsonb, cache_write_tokens, reasoning_tokens, cost
                from unnest($1::uuid[], $2::uuid[], $3::timestamptz[], $4::timestamptz[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[], $10::text[], $11::text[],
                    $12::text[], $13::text[], $14::numeric[], $15::bigint[], $16::bigint[], $17::bigint[], $18::text[], $19::text[], $20::text[], $21::text[],
                    $22::bigint[], $23::bigint[], $24::numeric[])
                    as r (account_id, id, created_at, occurred_at, action, meter, provider, model, tool, feature, member, agent, run, quantity,
                    input_tokens, output_tokens, cached_input_tokens, outcome, enforcement, would_refuse, receipt, cache_write_tokens, reasoning_tokens, cost)
                """,
                Column(rows, c => c.AccountId.Value, NpgsqlDbType.Uuid), Column(rows, c => c.Id, NpgsqlDbType.Uuid), Column(rows, c => c.CreatedAt.UtcDateTime, NpgsqlDbType.TimestampTz),
                Column(rows, c => c.OccurredAt?.UtcDateTime, NpgsqlDbType.TimestampTz), Text(rows, c => c.Action), Text(rows, c => c.Meter), Text(rows, c => c.Provider),
                Text(rows, c => c.Model), Text(rows, c => c.Tool), Text(rows, c => c.Feature), Text(rows, c => c.Member), Text(rows, c => c.Agent), Text(rows, c => c.Run),
                Column(rows, c => c.Quantity, NpgsqlDbType.Numeric), Column(rows, c => c.InputTokens, NpgsqlDbType.Bigint), Column(rows, c => c.OutputTokens, NpgsqlDbType.Bigint),
                Column(rows, c => c.CachedInputTokens, NpgsqlDbType.Bigint), Text(rows, c => c.Outcome), Text(rows, c => c.Enforcement.ToString()), Text(rows, c => c.WouldRefuse),
                Text(rows, c => c.ReceiptJson), Column(rows, c => c.CacheWriteTokens, NpgsqlDbType.Bigint), Column(rows, c => c.ReasoningTokens, NpgsqlDbType.Bigint),
                Column(rows, c => c.Cost?.Value, NpgsqlDbType.Numeric));
        }
    }

    private static void AddUncounted(NpgsqlBatch batch, Charge[] rows)
    {
        if (rows.Length > 0)
        {
            batch.Add("insert into uncounted_charges (account_id, charge_id) select * from unnest($1::uuid[], $2::uuid[])",
                Column(rows, c => c.AccountId.Value, NpgsqlDbType.Uuid), Column(rows, c => c.Id, NpgsqlDbType.Uuid));
        }
    }

    private static void AddSuspense(NpgsqlBatch batch, SuspenseCharge[] rows)
    {
        if (rows.Length > 0)
        {
            batch.Add("""
                insert into suspense_charges (account_id, charge_id, created_at, provider, model, tokens, state)
                select *, 'Open' from unnest($1::uuid[], $2::uuid[], $3::timestamptz[], $4::text[], $5::text[], $6::bigint[])
                """,
                Column(rows, s => s.AccountId.Value, NpgsqlDbType.Uuid), Column(rows, s => s.ChargeId, NpgsqlDbType.Uuid), Column(rows, s => s.CreatedAt.UtcDateTime, NpgsqlDbType.TimestampTz),
                Text(rows, s => s.Provider), Text(rows, s => s.Model), Column(rows, s => s.Tokens, NpgsqlDbType.Bigint));
        }
    }

    private static void AddOverages(NpgsqlBatch batch, Overage[] rows)
    {
        if (rows.Length > 0)
        {
            batch.Add("""
                with closed as (
                    insert into overages (account_id, meter, seq, amount, plan, price, per, currency, closed_at, "end")
                    select * from unnest($1::uuid[], $2::text[], $3::bigint[], $4::numeric[], $5::text[], $6::numeric[], $7::integer[], $8::text[], $9::timestamptz[], $10::text[])
                    returning account_id)
                insert into overage_marks (account_id, id) select account_id, gen_random_uuid() from (select distinct account_id from closed) c
                """,
                Column(rows, o => o.AccountId.Value, NpgsqlDbType.Uuid), Text(rows, o => o.Meter.Code), Column(rows, o => o.Seq, NpgsqlDbType.Bigint), Column(rows, o => o.Amount.Value, NpgsqlDbType.Numeric),
                Text(rows, o => o.Plan), Column(rows, o => o.Price, NpgsqlDbType.Numeric), Column(rows, o => o.Per, NpgsqlDbType.Integer), Text(rows, o => o.Currency.Code),
                Column(rows, o => o.ClosedAt.UtcDateTime, NpgsqlDbType.TimestampTz), Text(rows, o => o.End.ToString()));
        }
    }

    private static void AddRefunds(NpgsqlBatch batch, IReadOnlyCollection<ChargeRefund> rows)
    {
        if (rows.Count > 0)
        {
            batch.Add("""
                with given as (
                    insert into charge_refunds (account_id, charge_id, id, units, amounts, created_at, price)
                    select account_id, charge_id, id, units::text[], amounts::numeric[], created_at, price
                    from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::text[], $6::timestamptz[], $7::numeric[]) as r (account_id, charge_id, id, units, amounts, created_at, price)
                    returning account_id, id)
                insert into uncounted_charges (account_id, charge_id) select account_id, id from given on conflict do nothing
                """,
                Column(rows, r => r.AccountId.Value, NpgsqlDbType.Uuid), Column(rows, r => r.ChargeId, NpgsqlDbType.Uuid), Column(rows, r => r.Id, NpgsqlDbType.Uuid),
                Text(rows, r => Literal(r.Units)), Text(rows, r => Literal(r.Amounts)), Column(rows, r => r.CreatedAt.UtcDateTime, NpgsqlDbType.TimestampTz),
                Column(rows, r => r.Price?.Value, NpgsqlDbType.Numeric));
        }
    }

    private static void AddTransfers(NpgsqlBatch batch, IReadOnlyCollection<Transfer> rows)
    {
        if (rows.Count > 0)
        {
            batch.Add("""
                insert into transfers (account_id, unit, seq, id, is_credit, amount, balance_after, kind, book, operation_id, charge_id, grant_ids, grant_amounts, created_at, details_digest, hash)
                select account_id, unit, seq, id, is_credit, amount, balance_after, kind, book, operation_id, charge_id, grant_ids::uuid[], grant_amounts::numeric[], created_at, details_digest, hash
                from unnest($1::uuid[], $2::text[], $3::bigint[], $4::uuid[], $5::boolean[], $6::numeric[], $7::numeric[], $8::text[], $9::text[], $10::uuid[], $11::uuid[],
                    $12::text[], $13::text[], $14::timestamptz[], $15::bytea[], $16::bytea[])
                    as r (account_id, unit, seq, id, is_credit, amount, balance_after, kind, book, operation_id, charge_id, grant_ids, grant_amounts, created_at, details_digest, hash)
                """,
                Column(rows, t => t.AccountId.Value, NpgsqlDbType.Uuid), Text(rows, t => t.Unit.Code), Column(rows, t => t.Seq, NpgsqlDbType.Bigint), Column(rows, t => t.Id.Value, NpgsqlDbType.Uuid),
                Column(rows, t => t.IsCredit, NpgsqlDbType.Boolean), Column(rows, t => t.Amount.Value, NpgsqlDbType.Numeric), Column(rows, t => t.BalanceAfter.Value, NpgsqlDbType.Numeric),
                Text(rows, t => t.Kind.ToString()), Text(rows, t => t.Book.ToString()), Column(rows, t => t.OperationId, NpgsqlDbType.Uuid), Column(rows, t => t.ChargeId, NpgsqlDbType.Uuid),
                Text(rows, t => Literal(t.GrantIds)), Text(rows, t => Literal(t.GrantAmounts)), Column(rows, t => t.CreatedAt.UtcDateTime, NpgsqlDbType.TimestampTz),
                Column(rows, t => t.DetailsDigest, NpgsqlDbType.Bytea), Column(rows, t => t.Hash, NpgsqlDbType.Bytea));
        }
    }

    private static void AddNewGrants(NpgsqlBatch batch, IReadOnlyCollection<Grant> rows)
    {
        if (rows.Count > 0)
        {
            batch.Add("""
                insert into grants (account_id, id, unit, source, amount, remaining, reserved, is_open, priority, effective_at, expires_at, created_at, reference)
                select * from unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::numeric[], $6::numeric[], $7::numeric[], $8::boolean[], $9::integer[],
                    $10::timestamptz[], $11::timestamptz[], $12::timestamptz[], $13::text[])
                """,
                Column(rows, g => g.AccountId.Value, NpgsqlDbType.Uuid), Column(rows, g => g.Id.Value, NpgsqlDbType.Uuid), Text(rows, g => g.Unit.Code), Text(rows, g => g.Source.ToString()),
                Column(rows, g => g.Amount.Value, NpgsqlDbType.Numeric), Column(rows, g => g.Remaining.Value, NpgsqlDbType.Numeric), Column(rows, g => g.Reserved.Value, NpgsqlDbType.Numeric),
                Column(rows, g => g.IsOpen, NpgsqlDbType.Boolean), Column(rows, g => g.Priority, NpgsqlDbType.Integer), Column(rows, g => g.EffectiveAt.UtcDateTime, NpgsqlDbType.TimestampTz),
                Column(rows, g => g.ExpiresAt?.UtcDateTime, NpgsqlDbType.TimestampTz), Column(rows, g => g.CreatedAt.UtcDateTime, NpgsqlDbType.TimestampTz), Text(rows, g => g.Reference));
        }
    }

    private static void UpdateGrants(NpgsqlBatch batch, IReadOnlyCollection<Grant> rows)
    {
        if (rows.Count > 0)
        {
            batch.Add("""
                update grants g set remaining = r.remaining, reserved = r.reserved, is_open = r.is_open
                from unnest($1::uuid[], $2::uuid[], $3::numeric[], $4::numeric[], $5::boolean[]) as r (account_id, id, remaining, reserved, is_open)
                where g.account_id = r.account_id and g.id = r.id
                """,
                Column(rows, g => g.AccountId.Value, NpgsqlDbType.Uuid), Column(rows, g => g.Id.Value, NpgsqlDbType.Uuid), Column(rows, g => g.Remaining.Value, NpgsqlDbType.Numeric),
                Column(rows, g => g.Reserved.Value, NpgsqlDbType.Numeric), Column(rows, g => g.IsOpen, NpgsqlDbType.Boolean));
        }
    }

    private static void AddNewWallets(NpgsqlBatch batch, IReadOnlyCollection<Wallet> rows)
    {
        if (rows.Count > 0)
        {
            batch.Add("""
                insert into wallets (account_id, unit, balance, held, debt, used_in_period, seq, last_hash)
                select * from unnest($1::uuid[], $2::text[], $3::numeric[], $4::numeric[], $5::numeric[], $6::numeric[], $7::bigint[], $8::bytea[])
                """,
                WalletColumns(rows));
        }
    }

    private static void UpdateWallets(NpgsqlBatch batch, IReadOnlyCollection<Wallet> rows)
    {
        if (rows.Count > 0)
        {
            batch.Add("""
                update wallets w set balance = r.balance, held = r.held, debt = r.debt, used_in_period = r.used_in_period, seq = r.seq, last_hash = r.last_hash
                from unnest($1::uuid[], $2::text[], $3::numeric[], $4::numeric[], $5::numeric[], $6::numeric[], $7::bigint[], $8::bytea[])
                    as r (account_id, unit, balance, held, debt, used_in_period, seq, last_hash)
                where w.account_id = r.account_id and w.unit = r.unit
                """,
                WalletColumns(rows));
        }
    }

    private static NpgsqlParameter[] WalletColumns(IReadOnlyCollection<Wallet> rows) =>
    [
        Column(rows, w => w.AccountId.Value, NpgsqlDbType.Uuid), Text(rows, w => w.Unit.Code), Column(rows, w => w.Balance.Value, NpgsqlDbType.Numeric),
        Column(rows, w => w.Held.Value, NpgsqlDbType.Numeric), Column(rows, w => w.Debt.Value, NpgsqlDbType.Numeric), Column(rows, w => w.UsedInPeriod.Value, NpgsqlDbType.Numeric),
        Column(rows, w => w.Seq, NpgsqlDbType.Bigint), Column(rows, w => w.LastHash, NpgsqlDbType.Bytea),
    ];

    private static void UpdateClocks(NpgsqlBatch batch, IReadOnlyCollection<AccountState> rows)
    {
        if (rows.Count > 0)
        {
            batch.Add("""
                update ledger_heads h set advanced_at = r.advanced_at, total_uses = r.total_uses
                from unnest($1::uuid[], $2::timestamptz[], $3::bigint[]) as r (account_id, advanced_at, total_uses) where h.account_id = r.account_id
                """,
                Column(rows, s => s.Account.Value, NpgsqlDbType.Uuid), Column(rows, s => s.Now.UtcDateTime, NpgsqlDbType.TimestampTz), Column(rows, s => s.Head.TotalUses, NpgsqlDbType.Bigint));
        }
    }

    private static void UpdateHeads(NpgsqlBatch batch, IReadOnlyCollection<AccountState> rows)
    {
        if (rows.Count > 0)
        {
            batch.Add("""
                update ledger_heads h set advanced_at = r.advanced_at, total_uses = r.total_uses, plan = r.plan, status = r.status, grace_until = r.grace_until,
                    low_balance_policy = r.low_balance_policy, overdraft_limit = r.overdraft_limit, currency = r.currency,
                    period_anchor = r.period_anchor, period_start = r.period_start, period_end = r.period_end, overrides = r.overrides::jsonb, has_budgets = r.has_budgets, has_levels = r.has_levels
                from unnest($1::uuid[], $2::timestamptz[], $3::bigint[], $4::text[], $5::text[], $6::timestamptz[], $7::text[], $8::numeric[], $9::text[],
                    $10::timestamptz[], $11::timestamptz[], $12::timestamptz[], $13::text[], $14::boolean[], $15::boolean[])
                    as r (account_id, advanced_at, total_uses, plan, status, grace_until, low_balance_policy, overdraft_limit, currency, period_anchor, period_start, period_end, overrides, has_budgets, has_levels)
                where h.account_id = r.account_id
                """,
                Column(rows, s => s.Account.Value, NpgsqlDbType.Uuid), Column(rows, s => s.Now.UtcDateTime, NpgsqlDbType.TimestampTz), Column(rows, s => s.Head.TotalUses, NpgsqlDbType.Bigint),
                Text(rows, s => s.Head.Plan), Text(rows, s => s.Head.Status.ToString()), Column(rows, s => s.Head.GraceUntil?.UtcDateTime, NpgsqlDbType.TimestampTz),
                Text(rows, s => s.Head.LowBalancePolicy?.ToString()), Column(rows, s => s.Head.OverdraftLimit?.Value, NpgsqlDbType.Numeric), Text(rows, s => s.Head.Currency?.Code),
                Column(rows, s => s.Head.PeriodAnchor.UtcDateTime, NpgsqlDbType.TimestampTz), Column(rows, s => s.Head.PeriodStart.UtcDateTime, NpgsqlDbType.TimestampTz),
                Column(rows, s => s.Head.PeriodEnd.UtcDateTime, NpgsqlDbType.TimestampTz), Text(rows, s => s.Head.Overrides), Column(rows, s => s.Head.HasBudgets, NpgsqlDbType.Boolean),
                Column(rows, s => s.Head.HasLevels, NpgsqlDbType.Boolean));
        }
    }

    private static NpgsqlParameter<string?[]> Text<T>(IReadOnlyCollection<T> rows, Func<T, string?> value) => Column(rows, value, NpgsqlDbType.Text);

    private static NpgsqlParameter<TValue[]> Column<T, TValue>(IReadOnlyCollection<T> rows, Func<T, TValue> value, NpgsqlDbType type)
    {
        var column = new TValue[rows.Count];
        var i = 0;
        foreach (var row in rows)
        {
            column[i++] = value(row);
        }

        return new NpgsqlParameter<TValue[]> { TypedValue = column, NpgsqlDbType = NpgsqlDbType.Array | type };
    }

    // unnest() flattens arrays of arrays, so an array inside a row travels as its literal. Ids, units and numbers need no quoting.
    private static string Literal<T>(T[] values) where T : IFormattable =>
        "{" + string.Join(',', values.Select(v => v.ToString(null, System.Globalization.CultureInfo.InvariantCulture))) + "}";

    private static string Literal(string[] units) => "{" + string.Join(',', units) + "}";
}
