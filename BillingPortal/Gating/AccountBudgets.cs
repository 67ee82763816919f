using BillingPortal.Accounts;
using BillingPortal.Audit;
using BillingPortal.Catalog;
using BillingPortal.Data;
using BillingPortal.Ledger;
using BillingPortal.Primitives;
using Microsoft.EntityFrameworkCore;

namespace BillingPortal.Gating;

/// <summary>Budgets within an account (F12): the one rule behind pages and API. A change is in force with the next decision, and on the audit record in the same transaction.</summary>
public sealed class AccountBudgets(Ledger.Ledger ledger, Tenants tenants, CatalogSnapshot catalog, AuditTrail audit, TimeProvider time)
{
    private const int MostUses = 20;

    /// <summary>All budgets by scope, each with those who have spent most of it in its present window.</summary>
    /// <param name="id">Only this one; null: all.</param>
    public async Task<IReadOnlyList<BudgetView>> ReadAsync(AccountId account, string? id = null, CancellationToken ct = default)
    {
        await using var scope = await tenants.ForAccountAsync(account, ct);
        var zoneName = await scope.Db.Set<Account>().Where(a => a.AccountId == account).Select(a => a.TimeZone).FirstOrDefaultAsync(ct);
        var zone = Zones.Find(zoneName);
        var budgets = await scope.Db.Set<Budget>().AsNoTracking().Where(b => b.AccountId == account && (id == null || b.Id == id)).OrderBy(b => b.Scope).ThenBy(b => b.Id).ToListAsync(ct);
        var views = new List<BudgetView>(budgets.Count);
        foreach (var budget in budgets)
        {
            var window = BudgetWindows.Of(budget.Window, time.GetUtcNow(), zone);
            var uses = await scope.Db.Set<BudgetUse>().AsNoTracking()
                .Where(u => u.AccountId == account && u.BudgetId == budget.Id && u.WindowStart == window.Start.ToUniversalTime()).OrderByDescending(u => u.Used).Take(MostUses).ToListAsync(ct);
            views.Add(new(budget, uses, budget.Window == BudgetWindow.Run ? null : window.End));
        }

        return views;
    }

    /// <param name="actor">Who it is in the audit log.</param>
    /// <param name="terms">Scope, unit, limit and window; with an empty id that of the same scope, unit and window is set, or one is made.</param>
    /// <returns>What stands now; a 400 for terms that mean nothing, a 409 for a second budget of the same terms or one too many.</returns>
    public async Task<(Budget? Budget, Refusal? Refusal)> SetAsync(string actor, AccountId account, Budget terms, CancellationToken ct = default)
    {
        if (Check(terms) is { } wrong)
        {
            return (null, wrong);
        }

        var operation = new BudgetOperation(account, Origin.Api, Key(), terms);
        return await PostAsync(actor, "budget.set", operation, () => operation.Decided.Before, () => operation.Decided.After, ct) is { } refusal ? (null, refusal) : (operation.Decided.After, null);
    }

    /// <returns>Null when it is gone; 404 when there was none.</returns>
    public Task<Refusal?> RemoveAsync(string actor, AccountId account, string id, CancellationToken ct = default)
    {
        var operation = new BudgetRemoval(account, Origin.Api, Key(), id);
        return PostAsync(actor, "budget.removed", operation, () => operation.Removed, () => null, ct);
    }

    private async Task<Refusal?> PostAsync(string actor, string action, Operation operation, Func<Budget?> before, Func<Budget?> after, CancellationToken ct)
    {
        await using var scope = await tenants.ForWriterAsync(ct);
        if ((await ledger.PostAsync(scope, operation, ct)).Match(_ => (Refusal?)null, refusal => refusal) is { } refused)
        {
            return refused;
        }

        audit.Record(scope, actor, action, (after() ?? before())!.Scope, Terms(before()), Terms(after()), operation.Account);
        await scope.CommitAsync(ct);
        return null;
    }

    private Refusal? Check(Budget terms)
    {
        if (terms.Id.Length > 0 && !Budget.IsId(terms.Id))
        {
            return Refusal.Invalid("id", "An id has 1 to 60 letters, digits, _ and -. Nothing was changed.");
        }

        if (!Budget.IsScope(terms.Scope))
        {
            return Refusal.Invalid("scope", "Must be agent:…, member:… or run:… with a name of 1 to 200 characters, or * for each one apart. Nothing was changed.");
        }

        if (!terms.Limit.IsPositive || !terms.Limit.IsWithinRequestLimit)
        {
            return Refusal.Invalid("limit", "Must be above zero and at most 1,000,000,000. Nothing was changed.", ErrorCode.InvalidAmount);
        }

        var current = catalog.Current;
        var isKnown = terms.Unit.IsMeter ? current.FindMeter(terms.Unit.Code) is { Kind: MeterKind.Counter } : !terms.Unit.IsCurrency || terms.Unit == current.Currency;
        return isKnown ? null : Refusal.Invalid("unit", $"The catalog has no '{terms.Unit}' that a charge could be paid with. Nothing was changed.");
    }

    private static object? Terms(Budget? budget) => budget is null ? null : new { budget.Id, budget.Scope, budget.Unit, budget.Limit, budget.Window };

    private static string Key() => $"budget:{Guid.CreateVersion7():N}";
}

/// <param name="Uses">Who has spent most of it in its present window, most first.</param>
/// <param name="ResetsAt">Null: it lasts as long as a run.</param>
public sealed record BudgetView(Budget Budget, IReadOnlyList<BudgetUse> Uses, DateTimeOffset? ResetsAt);
