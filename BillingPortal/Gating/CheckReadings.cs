using BillingPortal.Access;
using BillingPortal.Accounts;
using BillingPortal.Data;
using BillingPortal.Observability;
using BillingPortal.Primitives;
using Microsoft.AspNetCore.Mvc;
using Microsoft.EntityFrameworkCore;

namespace BillingPortal.Gating;

/// <summary>An account's checks and refused charges, newest first (C5).</summary>
internal static class CheckReadings
{
    public static void Map(RouteGroupBuilder api) => api.MapGet("/accounts/{account}/checks", ListAsync)
        .WithName("ListChecks").WithSummary("An account's checks and refused charges, newest first; filters run, agent, member.")
        .RequireScope(Scope.Read).Produces<ListAnswer<CheckDetail>>().ProducesProblem(400).ProducesProblem(404);

    private static async Task<IResult> ListAsync(HttpContext context, string account, string? limit, string? cursor, string? run, string? agent, string? member,
        [FromServices] AccountDirectory accounts, [FromServices] Tenants tenants)
    {
        if (await accounts.FindAsync(context.Caller(), account, context.RequestAborted) is not { } id)
        {
            return AccountDirectory.Unknown.ToProblem();
        }

        if (ListQuery.Read(limit, cursor, out var query) is { } refusal)
        {
            return refusal.ToProblem();
        }

        await using var scope = await tenants.ForAccountAsync(id, context.RequestAborted);
        var checks = scope.Db.Set<CheckRecord>().AsNoTracking().Where(c => c.AccountId == id);
        checks = run is not null ? checks.Where(c => c.Run == run) : checks;
        checks = agent is not null ? checks.Where(c => c.Agent == agent) : checks;
        checks = member is not null ? checks.Where(c => c.Member == member) : checks;
        checks = query.Before is { } before ? checks.Where(c => c.Id.CompareTo(before) < 0) : checks;
        var rows = await checks.OrderByDescending(c => c.Id).Take(query.Limit).ToListAsync(context.RequestAborted);
        return TypedResults.Ok(new ListAnswer<CheckDetail>([.. rows.Select(CheckDetail.Of)], query.Next(rows, row => row.Id)));
    }
}

internal sealed record CheckDetail(string Id, string Kind, bool Allowed, string? ErrorCode, string? Subject, string? Model, string? Member, string? Agent, string? Run,
    Unit? Unit, Amount? Required, Amount? Available, int Times, DateTimeOffset CreatedAt)
{
    public static CheckDetail Of(CheckRecord record) => new(ShownId.Show("chk_", record.Id), record.Kind, record.Allowed, record.ErrorCode, record.Subject, record.Model,
        record.Member, record.Agent, record.Run, record.Unit, record.Required, record.Available, record.Times, record.CreatedAt);
}
