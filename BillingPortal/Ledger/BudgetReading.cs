using BillingPortal.Primitives;
using Npgsql;
using NpgsqlTypes;

namespace BillingPortal.Ledger;

/// <summary>Reads the budgets of the accounts that have any, in a round trip of their own; those that have none pay nothing for it.</summary>
internal static class BudgetReading
{
    private const string Budgets = """
        select b.account_id, b.id, b.scope, b.unit, b.amount, b.time_window, b.counts_from, a.time_zone
        from budgets b join accounts a on a.account_id = b.account_id where b.account_id = any($1) order by b.account_id, b.id
        """;

    private const string Uses = """
        select u.account_id, u.budget_id, u.subject, u.run, u.window_start, u.used, u.touched_at
        from unnest($1::uuid[], $2::text[], $3::text[]) as asked (account_id, subject, run)
        join budgets b on b.account_id = asked.account_id
        join budget_uses u on u.account_id = b.account_id and u.budget_id = b.id and u.subject = asked.subject and u.run = asked.run
        """;

    /// <param name="connection">The transaction that holds the accounts' locks, or none for a look.</param>
    /// <param name="states">The accounts that have budgets, or will look for them.</param>
    /// <param name="spenders">Who may spend in what is to be decided.</param>
    public static async Task ReadAsync(NpgsqlConnection connection, IReadOnlyList<AccountState> states, IEnumerable<(AccountId Account, Spender Spender)> spenders, CancellationToken ct)
    {
        var byAccount = states.ToDictionary(s => s.Account);
        (Guid Account, BudgetSubject Subject)[] subjects = [.. spenders.Where(s => byAccount.ContainsKey(s.Account)).SelectMany(s => SubjectsOf(s.Spender), (s, subject) => (s.Account.Value, subject)).Distinct()];
        await using var batch = new NpgsqlBatch(connection);
        batch.Add(Budgets, Array([.. byAccount.Keys.Select(a => a.Value)], NpgsqlDbType.Uuid));
        batch.Add(Uses, Array(System.Array.ConvertAll(subjects, s => s.Account), NpgsqlDbType.Uuid),
            Array(System.Array.ConvertAll(subjects, s => s.Subject.Name), NpgsqlDbType.Text), Array(System.Array.ConvertAll(subjects, s => s.Subject.Run), NpgsqlDbType.Text));
        await using var reader = await batch.ExecuteReaderAsync(ct);
        while (await reader.ReadAsync(ct))
        {
            var state = byAccount[new(reader.GetGuid(0))];
            state.Zone = Zones.Find(reader.GetString(7));
            state.Add(new Budget
            {
                AccountId = state.Account,
                Id = reader.GetString(1),
                Scope = reader.GetString(2),
                Unit = Unit.Of(reader.GetString(3)),
                Limit = Amount.Of(reader.GetDecimal(4)),
                Window = Enum.Parse<BudgetWindow>(reader.GetString(5)),
                CountsFrom = reader.GetFieldValue<DateTimeOffset>(6),
            });
        }

        await reader.NextResultAsync(ct);
        while (await reader.ReadAsync(ct))
        {
            byAccount[new(reader.GetGuid(0))].Add(new BudgetUse
            {
                AccountId = new(reader.GetGuid(0)),
                BudgetId = reader.GetString(1),
                Subject = reader.GetString(2),
                Run = reader.GetString(3),
                WindowStart = reader.GetFieldValue<DateTimeOffset>(4),
                Used = Amount.Of(reader.GetDecimal(5)),
                TouchedAt = reader.GetFieldValue<DateTimeOffset>(6),
            });
        }
    }

    // Every line that a budget of whatever scope and window could count a spender on.
    private static IEnumerable<BudgetSubject> SubjectsOf(Spender spender)
    {
        foreach (var name in (string?[])[spender.Member is { } member ? $"member:{member}" : null, spender.Agent is { } agent ? $"agent:{agent}" : null, spender.Run is { } itself ? $"run:{itself}" : null])
        {
            if (name is null)
            {
                continue;
            }

            yield return new(name, "");
            if (spender.Run is { } run)
            {
                yield return new(name, run);
            }
        }
    }

    private static NpgsqlParameter Array<T>(T[] values, NpgsqlDbType type) => new() { Value = values, NpgsqlDbType = NpgsqlDbType.Array | type };
}
