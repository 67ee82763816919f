using BillingPortal.Primitives;

namespace BillingPortal.Ledger;

/// <summary>Sets one budget of an account (F12); in force with the next decision.</summary>
/// <param name="budget">Scope, unit, limit and window, checked. With an empty id: that of the budget for the same scope, unit and window, else a new one.</param>
public sealed class BudgetOperation(AccountId account, Origin origin, string key, Budget budget) : Operation(account, origin, key)
{
    public override string Kind => "budget";
    public override byte[] BodyHash => Hash();
    public override bool NeedsBudgets => true;
    /// <summary>As it stood and as it stands, once decided.</summary>
    public (Budget? Before, Budget? After) Decided { get; private set; }

    public override Refusal? Decide(AccountState account)
    {
        var id = budget.Id.Length > 0 ? budget.Id
            : account.Budgets.FirstOrDefault(b => (b.Scope, b.Unit, b.Window) == (budget.Scope, budget.Unit, budget.Window))?.Id ?? $"bud_{Id.ToString("N")[16..]}";
        var before = account.FindBudget(id);
        var refusal = account.SetBudget(new() { Id = id, Scope = budget.Scope, Unit = budget.Unit, Limit = budget.Limit, Window = budget.Window });
        Decided = (before, account.FindBudget(id));
        return refusal;
    }

    private byte[] Hash()
    {
        var digest = new DigestWriter(stackalloc byte[512]);
        digest.Add(Kind);
        digest.Add(budget.Id);
        digest.Add(budget.Scope);
        digest.Add(budget.Unit);
        digest.Add(budget.Limit);
        digest.Add(budget.Window.ToString());
        return digest.Sha256();
    }
}

/// <summary>Takes a budget away.</summary>
public sealed class BudgetRemoval(AccountId account, Origin origin, string key, string id) : Operation(account, origin, key)
{
    public override string Kind => "budget_removal";
    public override byte[] BodyHash => Hash();
    public override bool NeedsBudgets => true;
    public Budget? Removed { get; private set; }

    public override Refusal? Decide(AccountState account)
    {
        Removed = account.FindBudget(id);
        return account.RemoveBudget(id) ? null : new(ErrorCode.NotFound, "There is no such budget. Nothing was changed.");
    }

    private byte[] Hash()
    {
        var digest = new DigestWriter(stackalloc byte[256]);
        digest.Add(Kind);
        digest.Add(id);
        return digest.Sha256();
    }
}
