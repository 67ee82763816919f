using BillingPortal.Primitives;

namespace BillingPortal.Ledger;

// What members, agents and runs may spend. Loaded only for accounts that have budgets (LedgerHead.HasBudgets).
public sealed partial class AccountState
{
    /// <summary>More than anybody can oversee.</summary>
    public const int MostBudgets = 200;

    private readonly Dictionary<string, Budget> budgets = [];
    private readonly Dictionary<(string Budget, BudgetSubject Subject), BudgetUse> budgetUses = [];
    private readonly HashSet<BudgetUse> touchedUses = [];
    private readonly HashSet<string> touchedBudgets = [];
    private readonly HashSet<string> restartedBudgets = [];

    /// <summary>The zone of the account's calendar windows and periods; read only where there are some.</summary>
    internal TimeZoneInfo Zone { get; set; } = TimeZoneInfo.Utc;
    internal IReadOnlyCollection<BudgetUse> TouchedUses => touchedUses;
    internal IReadOnlyCollection<string> TouchedBudgets => touchedBudgets;
    /// <summary>Budgets whose counting begins anew: removed, or made for something else.</summary>
    internal IReadOnlyCollection<string> RestartedBudgets => restartedBudgets;

    public IReadOnlyCollection<Budget> Budgets => budgets.Values;

    public Budget? FindBudget(string id) => budgets.GetValueOrDefault(id);

    internal void Add(Budget budget) => budgets[budget.Id] = budget;

    internal void Add(BudgetUse use) => budgetUses[(use.BudgetId, new(use.Subject, use.Run))] = use;

    /// <summary>What a budget leaves to whoever spends, their open holds taken off; null where it does not concern them.</summary>
    public BudgetRoom? RoomIn(Budget budget, Spender spender)
    {
        if (budget.SubjectOf(spender) is not { } subject)
        {
            return null;
        }

        var window = BudgetWindows.Of(budget.Window, Now, Zone);
        var used = budgetUses.TryGetValue((budget.Id, subject), out var use) && use.WindowStart == window.Start ? use.Used : Amount.Zero;
        var held = HeldBy(hold => budget.SubjectOf(hold.Spender) == subject, budget.Unit);
        return new(budget, subject.Name, used, Amount.Max(Amount.Zero, budget.Limit - used - held), budget.Window == BudgetWindow.Run ? null : window.End);
    }

    /// <summary>Whether the budgets leave room for what wallets would pay.</summary>
    /// <returns>Null when they do; else the refusal of the one that leaves least, and how much it leaves.</returns>
    public (Refusal Refusal, BudgetRoom Room)? OverBudget(Spender spender, IReadOnlyList<FundingQuote> quotes)
    {
        (Refusal, BudgetRoom Room)? tightest = null;
        foreach (var budget in budgets.Values)
        {
            var asked = Amount.Zero;
            foreach (var quote in quotes)
            {
                foreach (var part in quote.Parts)
                {
                    asked = part.Wallet == budget.Unit ? asked + part.Amount : asked;
                }
            }

            if (asked.IsPositive && RoomIn(budget, spender) is { } room && room.Available < asked && (tightest is null || room.Available < tightest.Value.Room.Available))
            {
                tightest = (room.Refuse(asked), room);
            }
        }

        return tightest;
    }

    /// <summary>Sets a budget. One for another scope, unit or window than it had counts anew.</summary>
    public Refusal? SetBudget(Budget budget)
    {
        var before = budgets.GetValueOrDefault(budget.Id);
        if (before is null && budgets.Count >= MostBudgets)
        {
            return new(ErrorCode.Conflict, $"The account has {MostBudgets} budgets, and no more are kept. Nothing was changed.");
        }

        if (budgets.Values.FirstOrDefault(b => b.Id != budget.Id && (b.Scope, b.Unit, b.Window) == (budget.Scope, budget.Unit, budget.Window)) is { } same)
        {
            return new(ErrorCode.Conflict, $"The budget '{same.Id}' is for the same scope, unit and window. Nothing was changed; set that one.");
        }

        var isSame = before is not null && (before.Scope, before.Unit, before.Window) == (budget.Scope, budget.Unit, budget.Window);
        Keep(budget.Id, before, new()
        {
            AccountId = Account,
            Id = budget.Id,
            Scope = budget.Scope,
            Unit = budget.Unit,
            Limit = budget.Limit,
            Window = budget.Window,
            CountsFrom = isSame ? before!.CountsFrom : Now,
        }, restarts: before is not null && !isSame);
        return null;
    }

    /// <returns>False: there is no such budget.</returns>
    public bool RemoveBudget(string id)
    {
        if (!budgets.TryGetValue(id, out var before))
        {
            return false;
        }

        Keep(id, before, null, restarts: true);
        return true;
    }

    private void Keep(string id, Budget? before, Budget? after, bool restarts)
    {
        TouchHead();
        Change(after);
        undo.Add(() => Change(before));
        if (touchedBudgets.Add(id))
        {
            undo.Add(() => touchedBudgets.Remove(id));
        }

        if (restarts)
        {
            ForgetUses(id);
        }

        Head.HasBudgets = budgets.Count > 0;

        void Change(Budget? to)
        {
            budgets.Remove(id);
            if (to is not null)
            {
                budgets.Add(id, to);
            }
        }
    }

    private void ForgetUses(string budget)
    {
        foreach (var (key, use) in budgetUses.Where(u => u.Key.Budget == budget).ToArray())
        {
            budgetUses.Remove(key);
            undo.Add(() => budgetUses[key] = use);
            if (touchedUses.Remove(use))
            {
                undo.Add(() => touchedUses.Add(use));
            }
        }

        if (restartedBudgets.Add(budget))
        {
            undo.Add(() => restartedBudgets.Remove(budget));
        }
    }

    /// <summary>Counts what a charge took against the budgets of whoever it was for.</summary>
    private void CountSpending(Charge charge)
    {
        foreach (var part in budgets.Count == 0 ? [] : StoredReceipt.Read(charge).Funding)
        {
            Count(new(charge.Member, charge.Agent, charge.Run), part.Unit, part.Amount, charge.CreatedAt);
        }
    }

    /// <summary>What goes back gives room again, in the window that it was taken from.</summary>
    private void CountReturn(Charge charge, ChargeRefund refund)
    {
        for (var i = 0; i < refund.Units.Length && budgets.Count > 0; i++)
        {
            Count(new(charge.Member, charge.Agent, charge.Run), Unit.Of(refund.Units[i]), -Amount.Of(refund.Amounts[i]), charge.CreatedAt);
        }
    }

    private void Count(Spender spender, Unit unit, Amount amount, DateTimeOffset at)
    {
        foreach (var budget in budgets.Values)
        {
            var window = BudgetWindows.Of(budget.Window, Now, Zone);
            if (budget.Unit == unit && at >= budget.CountsFrom && window.Contains(at) && budget.SubjectOf(spender) is { } subject)
            {
                var use = UseOf(budget, subject);
                use.Used = Amount.Max(Amount.Zero, (use.WindowStart == window.Start ? use.Used : Amount.Zero) + amount);
                (use.WindowStart, use.TouchedAt) = (window.Start, Now);
            }
        }
    }

    private BudgetUse UseOf(Budget budget, BudgetSubject subject)
    {
        if (!budgetUses.TryGetValue((budget.Id, subject), out var use))
        {
            use = new() { AccountId = Account, BudgetId = budget.Id, Subject = subject.Name, Run = subject.Run };
            budgetUses.Add((budget.Id, subject), use);
            undo.Add(() => budgetUses.Remove((budget.Id, subject)));
        }

        if (touchedUses.Add(use))
        {
            undo.Add(() => touchedUses.Remove(use));
        }

        var (start, used, touched) = (use.WindowStart, use.Used, use.TouchedAt);
        undo.Add(() => (use.WindowStart, use.Used, use.TouchedAt) = (start, used, touched));
        return use;
    }
}

/// <summary>What a budget leaves.</summary>
/// <param name="Scope">Whose it is, by name: <c>agent:x</c>.</param>
/// <param name="ResetsAt">Null: it lasts as long as the run.</param>
public sealed record BudgetRoom(Budget Budget, string Scope, Amount Used, Amount Available, DateTimeOffset? ResetsAt)
{
    public Refusal Refuse(Amount asked) => new(ErrorCode.BudgetExceeded,
        $"The budget of {Scope} leaves {Available} of {Budget.Limit} {Budget.Unit} {Budget.Window switch { BudgetWindow.Run => "for this run", BudgetWindow.Hour => "for this hour", BudgetWindow.Day => "for today", _ => "for this month" }}; {asked} needed. Nothing was charged.")
    {
        Unit = Budget.Unit,
        Required = asked,
        Available = Available,
        Shortfall = asked - Available,
        BlockingScope = Scope,
        ResetsAt = ResetsAt,
    };
}
