using System.Text.Json;
using BillingPortal.Access;
using BillingPortal.Accounts;
using BillingPortal.Ledger;
using BillingPortal.Observability;
using BillingPortal.Primitives;
using Microsoft.AspNetCore.Mvc;

namespace BillingPortal.Gating;

/// <summary>Budgets of members, agents and runs (API.md, Budgets).</summary>
internal static class BudgetEndpoints
{
    private const string Path = "/accounts/{account}/budgets";

    public static void Map(RouteGroupBuilder api)
    {
        var budgets = api.MapGroup("").WithTags("Budgets");
        budgets.MapGet(Path, ListAsync).WithName("ListBudgets").WithSummary("What members, agents and runs may spend, and have spent in the present window.")
            .RequireScope(Scope.Read, Scope.Accounts).Produces<BudgetList>().ProducesProblem(404);
        budgets.MapGet(Path + "/{id}", FindAsync).WithName("GetBudget").WithSummary("One budget with those who have spent most of it.")
            .RequireScope(Scope.Read, Scope.Accounts).Produces<BudgetAnswer>().ProducesProblem(404);
        budgets.MapPut(Path, PutAsync).WithName("SetBudget").WithSummary("Set the budget of a scope, unit and window: agent:x, member:y, run:z, or with * each one apart.")
            .RequireScope(Scope.Accounts).Accepts<BudgetBodySchema>("application/json").Produces<BudgetAnswer>().ProducesProblem(400).ProducesProblem(404).ProducesProblem(409);
        budgets.MapPut(Path + "/{id}", PutAsync).WithName("SetBudgetById").WithSummary("Set a budget by an id of the caller's; for another scope, unit or window it counts anew.")
            .RequireScope(Scope.Accounts).Accepts<BudgetBodySchema>("application/json").Produces<BudgetAnswer>().ProducesProblem(400).ProducesProblem(404).ProducesProblem(409);
        budgets.MapDelete(Path + "/{id}", DeleteAsync).WithName("DeleteBudget").WithSummary("Take a budget away.")
            .RequireScope(Scope.Accounts).Produces(StatusCodes.Status204NoContent).ProducesProblem(404);
    }

    private static Refusal Unknown { get; } = new(ErrorCode.NotFound, "There is no such budget. Nothing was changed.");

    private static async Task<IResult> ListAsync(HttpContext context, string account, [FromServices] AccountDirectory accounts, [FromServices] AccountBudgets budgets) =>
        await accounts.FindAsync(context.Caller(), account, context.RequestAborted) is { } id
            ? TypedResults.Ok(new BudgetList([.. (await budgets.ReadAsync(id, null, context.RequestAborted)).Select(BudgetAnswer.Of)]))
            : AccountDirectory.Unknown.ToProblem();

    private static async Task<IResult> FindAsync(HttpContext context, string account, string id, [FromServices] AccountDirectory accounts, [FromServices] AccountBudgets budgets) =>
        await accounts.FindAsync(context.Caller(), account, context.RequestAborted) is not { } known ? AccountDirectory.Unknown.ToProblem()
            : Budget.IsId(id) && await budgets.ReadAsync(known, id, context.RequestAborted) is [{ } found] ? TypedResults.Ok(BudgetAnswer.Of(found))
            : Unknown.ToProblem();

    private static async Task<IResult> PutAsync(HttpContext context, string account, string? id, [FromServices] AccountDirectory accounts, [FromServices] AccountBudgets budgets)
    {
        var (terms, malformed) = await RequestBody.ReadAsync<Budget>(context, (ref Utf8JsonReader json, FieldErrors errors) => Read(ref json, id ?? "", errors));
        if (await accounts.FindAsync(context.Caller(), account, context.RequestAborted) is not { } known)
        {
            return AccountDirectory.Unknown.ToProblem();
        }

        if (terms is null)
        {
            return malformed!.ToProblem();
        }

        var (set, refusal) = await budgets.SetAsync(context.Caller().Actor, known, terms, context.RequestAborted);
        return set is null ? refusal!.ToProblem() : TypedResults.Ok(BudgetAnswer.Of((await budgets.ReadAsync(known, set.Id, context.RequestAborted))[0]));
    }

    private static async Task<IResult> DeleteAsync(HttpContext context, string account, string id, [FromServices] AccountDirectory accounts, [FromServices] AccountBudgets budgets)
    {
        if (await accounts.FindAsync(context.Caller(), account, context.RequestAborted) is not { } known)
        {
            return AccountDirectory.Unknown.ToProblem();
        }

        var refusal = Budget.IsId(id) ? await budgets.RemoveAsync(context.Caller().Actor, known, id, context.RequestAborted) : Unknown;
        return refusal is null ? TypedResults.NoContent() : refusal.ToProblem();
    }

    private static Budget? Read(ref Utf8JsonReader json, string id, FieldErrors errors)
    {
        string? scope = null;
        Unit? unit = null;
        Amount? limit = null;
        BudgetWindow? window = null;
        var fields = new BodyFields(errors);
        while (fields.Next(ref json, out var field))
        {
            switch (field)
            {
                case "scope": scope = BodyValues.Text(ref json, field, Budget.LongestScope, errors); break;
                case "unit": unit = BodyValues.UnitOf(ref json, field, errors); break;
                case "limit": limit = BodyValues.Quantity(ref json, field, errors); break;
                case "window": window = ReadWindow(ref json, errors); break;
                default: BodyFields.Unknown(ref json, field, errors); break;
            }
        }

        fields.Require("scope", scope);
        fields.Require("unit", unit);
        fields.Require("limit", limit);
        fields.Require("window", window);
        return errors.Any ? null : new() { Id = id, Scope = scope!, Unit = unit!.Value, Limit = limit!.Value, Window = window!.Value };
    }

    private static BudgetWindow? ReadWindow(ref Utf8JsonReader json, FieldErrors errors)
    {
        switch (BodyValues.Text(ref json, "window", 10, errors))
        {
            case null: return null;
            case "run": return BudgetWindow.Run;
            case "hour": return BudgetWindow.Hour;
            case "day": return BudgetWindow.Day;
            case "month": return BudgetWindow.Month;
            default:
                errors.Add("window", "Must be run, hour, day or month.");
                return null;
        }
    }
}

internal sealed record BudgetList(IReadOnlyList<BudgetAnswer> Data);

/// <param name="Uses">Those who have spent most of it in its present window, most first; at most 20.</param>
/// <param name="ResetsAt">Null: it lasts as long as a run.</param>
internal sealed record BudgetAnswer(string Id, string Scope, Unit Unit, Amount Limit, BudgetWindow Window, IReadOnlyList<BudgetUseAnswer> Uses, DateTimeOffset? ResetsAt, DateTimeOffset CountsFrom)
{
    public static BudgetAnswer Of(BudgetView view) => new(view.Budget.Id, view.Budget.Scope, view.Budget.Unit, view.Budget.Limit, view.Budget.Window,
        [.. view.Uses.Select(u => new BudgetUseAnswer(u.Subject, u.Run.Length == 0 ? null : u.Run, u.Used, Amount.Max(Amount.Zero, view.Budget.Limit - u.Used)))], view.ResetsAt, view.Budget.CountsFrom);
}

/// <param name="Run">For an agent's or a member's share of one run.</param>
internal sealed record BudgetUseAnswer(string Scope, string? Run, Amount Used, Amount Available);
