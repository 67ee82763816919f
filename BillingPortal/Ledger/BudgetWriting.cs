using Npgsql;
using NpgsqlTypes;

namespace BillingPortal.Ledger;

/// <summary>Writes what a batch changed of budgets; adds nothing where it changed none.</summary>
internal static class BudgetWriting
{
    public static void AddCommands(NpgsqlBatch batch, IReadOnlyCollection<AccountState> states)
    {
        foreach (var state in states)
        {
            foreach (var id in state.RestartedBudgets)
            {
                batch.Add("delete from budget_uses where account_id = $1 and budget_id = $2", new() { Value = state.Account.Value }, new() { Value = id });
            }

            foreach (var id in state.TouchedBudgets)
            {
                Add(batch, state, id);
            }
        }

        AddUses(batch, [.. states.SelectMany(s => s.TouchedUses)]);
    }

    private static void Add(NpgsqlBatch batch, AccountState state, string id)
    {
        if (state.FindBudget(id) is not { } budget)
        {
            batch.Add("delete from budgets where account_id = $1 and id = $2", new() { Value = state.Account.Value }, new() { Value = id });
            return;
        }

        batch.Add("""
            insert into budgets (account_id, id, scope, unit, amount, time_window, counts_from) values ($1, $2, $3, $4, $5, $6, $7)
            on conflict (account_id, id) do update set scope = excluded.scope, unit = excluded.unit, amount = excluded.amount, time_window = excluded.time_window, counts_from = excluded.counts_from
            """,
            new() { Value = budget.AccountId.Value }, new() { Value = budget.Id }, new() { Value = budget.Scope }, new() { Value = budget.Unit.Code }, new() { Value = budget.Limit.Value },
            new() { Value = budget.Window.ToString() }, new() { Value = budget.CountsFrom.UtcDateTime, NpgsqlDbType = NpgsqlDbType.TimestampTz });
    }

    private static void AddUses(NpgsqlBatch batch, BudgetUse[] rows)
    {
        if (rows.Length == 0)
        {
            return;
        }

        batch.Add("""
            insert into budget_uses (account_id, budget_id, subject, run, window_start, used, touched_at)
            select * from unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::timestamptz[], $6::numeric[], $7::timestamptz[])
            on conflict (account_id, budget_id, subject, run) do update set window_start = excluded.window_start, used = excluded.used, touched_at = excluded.touched_at
            """,
            Column(u => u.AccountId.Value, NpgsqlDbType.Uuid), Column(u => u.BudgetId, NpgsqlDbType.Text), Column(u => u.Subject, NpgsqlDbType.Text), Column(u => u.Run, NpgsqlDbType.Text),
            Column(u => u.WindowStart.UtcDateTime, NpgsqlDbType.TimestampTz), Column(u => u.Used.Value, NpgsqlDbType.Numeric), Column(u => u.TouchedAt.UtcDateTime, NpgsqlDbType.TimestampTz));

        NpgsqlParameter Column<T>(Converter<BudgetUse, T> value, NpgsqlDbType type) => new() { Value = Array.ConvertAll(rows, value), NpgsqlDbType = NpgsqlDbType.Array | type };
    }
}
