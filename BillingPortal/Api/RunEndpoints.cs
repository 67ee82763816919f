using BillingPortal.Access;
using BillingPortal.Accounts;
using BillingPortal.Charging;
using BillingPortal.Data;
using BillingPortal.Gating;
using BillingPortal.Ledger;
using BillingPortal.Observability;
using BillingPortal.Primitives;
using Microsoft.AspNetCore.Http.HttpResults;
using NpgsqlTypes;

namespace BillingPortal.Api;

/// <summary>What one run came to.</summary>
/// <param name="Spent">By wallet, less what was refunded.</param>
/// <param name="Held">By wallet: what its open holds keep.</param>
/// <param name="Charges">The newest, with their receipts; all of them: <c>GET /accounts/{account}/charges?run=</c>.</param>
/// <param name="Holds">The newest; all of them: <c>GET /accounts/{account}/holds?run=</c>.</param>
internal sealed record RunSummary(string Run, RunUse Usage, IReadOnlyList<UnitAmount> Spent, IReadOnlyList<UnitAmount> Held, IReadOnlyList<ChargeDetail> Charges, IReadOnlyList<HoldAnswer> Holds);

/// <param name="Charges">How many charges there are.</param>
/// <param name="Events">Events and single charges.</param>
internal sealed record RunUse(long Charges, long Events, decimal Quantity, long InputTokens, long OutputTokens, long CachedInputTokens, long CacheWriteTokens, long ReasoningTokens, DateTimeOffset? First, DateTimeOffset? Last);

/// <summary>Everything of one job or run in one place (D5b): use, holds, charges. Usage events are charges, so they are in it.</summary>
internal static class RunEndpoints
{
    private const int Shown = 50;

    private const string Use = """
        select count(*), coalesce(sum(coalesce((receipt->>'events')::integer, 1)), 0)::bigint, coalesce(sum(quantity), 0), coalesce(sum(input_tokens), 0)::bigint, coalesce(sum(output_tokens), 0)::bigint,
            coalesce(sum(cached_input_tokens), 0)::bigint, coalesce(sum(cache_write_tokens), 0)::bigint, coalesce(sum(reasoning_tokens), 0)::bigint, min(coalesce(occurred_at, created_at)), max(coalesce(occurred_at, created_at))
        from charges where account_id = $1 and run = $2
        """;

    private const string Spent = """
        select unit, sum(amount) from (
            select f->>'unit' as unit, (f->>'amount')::numeric as amount from charges c cross join lateral jsonb_array_elements(c.receipt->'funding') f where c.account_id = $1 and c.run = $2
            union all
            select u.unit, -u.amount from charges c join charge_refunds r on r.account_id = c.account_id and r.charge_id = c.id cross join lateral unnest(r.units, r.amounts) as u (unit, amount)
            where c.account_id = $1 and c.run = $2
        ) parts group by unit order by unit
        """;

    public static RouteGroupBuilder MapRuns(this RouteGroupBuilder api)
    {
        api.MapGet("/accounts/{account}/runs/{run}", ReadAsync).WithTags("Accounts").WithName("GetRun").WithSummary("Everything of one run: use, what it spent, holds, charges with their receipts").RequireScope(Scope.Read);
        return api;
    }

    private static async Task<Results<Ok<RunSummary>, ProblemHttpResult>> ReadAsync(string account, string run, HttpContext context, AccountDirectory directory, AccountNames names, ChargeReads charges, HoldReads holds, Tenants tenants, CancellationToken ct)
    {
        if (await directory.FindAsync(context.Caller(), account, ct) is not { } id)
        {
            return AccountDirectory.Unknown.ToProblem();
        }

        var held = PlainText.IsValid(run, 200) ? await holds.ListAsync(id, new(run, null), null, Shown, ct) : [];
        var (use, spent) = await UseAsync(tenants, id, run, ct);
        if (use.Charges == 0 && held.Count == 0)
        {
            return new Refusal(ErrorCode.NotFound, "Nothing was charged or held for such a run.").ToProblem();
        }

        var name = await names.OfAsync(id, ct);
        var shown = held.Select(h => HoldAnswer.Of(h, h.State, name)).ToList();
        var kept = shown.Where(h => h.Status == "open").SelectMany(h => h.Remaining).GroupBy(p => p.Unit).Select(g => new UnitAmount(g.Key, g.Aggregate(Amount.Zero, (sum, p) => sum + p.Amount)));
        return TypedResults.Ok(new RunSummary(run, use, spent, [.. kept], [.. (await charges.ListAsync(id, new(run, null, null), null, Shown, ct)).Select(c => ChargeDetail.Of(c, name))], shown));
    }

    private static async Task<(RunUse Use, List<UnitAmount> Spent)> UseAsync(Tenants tenants, AccountId account, string run, CancellationToken ct)
    {
        if (!PlainText.IsValid(run, 200))
        {
            return (new(0, 0, 0m, 0, 0, 0, 0, 0, null, null), []);
        }

        await using var scope = await tenants.ForAccountAsync(account, ct);
        RunUse use;
        await using (var command = Asked(scope, Use, account, run))
        await using (var row = await command.ExecuteReaderAsync(ct))
        {
            await row.ReadAsync(ct);
            use = new(row.GetInt64(0), row.GetInt64(1), row.GetDecimal(2), row.GetInt64(3), row.GetInt64(4), row.GetInt64(5), row.GetInt64(6), row.GetInt64(7),
                row.IsDBNull(8) ? null : row.GetFieldValue<DateTimeOffset>(8), row.IsDBNull(9) ? null : row.GetFieldValue<DateTimeOffset>(9));
        }

        var spent = new List<UnitAmount>();
        await using (var command = Asked(scope, Spent, account, run))
        await using (var rows = await command.ExecuteReaderAsync(ct))
        {
            while (await rows.ReadAsync(ct))
            {
                spent.Add(new(Unit.Of(rows.GetString(0)), Amount.Of(rows.GetDecimal(1))));
            }
        }

        return (use, spent);
    }

    private static Npgsql.NpgsqlCommand Asked(TenantScope scope, string sql, AccountId account, string run)
    {
        var command = scope.Command(sql);
        command.Parameters.Add(new() { Value = account.Value });
        command.Parameters.Add(new() { Value = run, NpgsqlDbType = NpgsqlDbType.Text });
        return command;
    }
}
