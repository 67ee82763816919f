using BillingPortal.Catalog;
using BillingPortal.Primitives;

namespace BillingPortal.Ledger;

// How an account moves through time: grants expire, periods close and open, plans change.
public sealed partial class AccountState
{
    private static readonly TimeSpan ShortestPeriod = TimeSpan.FromDays(7);

    /// <summary>Brings the account to <see cref="Now"/>: every border that was passed is crossed, in order. Two calls equal one.</summary>
    internal void Advance()
    {
        Expire(before: Head.PeriodEnd);
        while (Now >= Head.PeriodEnd)
        {
            TurnPeriod();
            Expire(before: Head.PeriodEnd);
        }
    }

    /// <summary>Moves the account to a plan (DESIGN §7.8): what is left of the old allowance goes back, the new one is opened less what this period already consumed.</summary>
    /// <param name="anchor">Where its monthly periods begin from now on; null: as before.</param>
    /// <returns>Null when taken; a 400 for a plan that the catalog has not.</returns>
    public Refusal? ChangePlan(string plan, DateTimeOffset? anchor)
    {
        if (Catalog.FindPlan(plan) is not { } next)
        {
            return Refusal.Invalid("plan", $"The catalog has no plan '{plan}'.");
        }

        var border = anchor?.ToMicroseconds() ?? Head.PeriodAnchor;
        if (next.Id == Head.Plan && border == Head.PeriodAnchor)
        {
            return null;
        }

        TouchHead();
        CloseForChange();
        Head.Plan = next.Id;
        Plan = Catalog.PlanFor(next.Id, Head.Overrides);
        Head.PeriodAnchor = border;
        SetPeriod(PeriodAround(Now));
        OpenAllowances();
        return null;
    }

    /// <summary>Sets what this customer alone has otherwise than the plan (E12). Where that changes allowances, they settle as with a change of plan.</summary>
    /// <param name="wanted">Checked against the catalog; with a version above zero it is refused when there is a newer one.</param>
    public Refusal? ChangeOverrides(PlanOverrides wanted)
    {
        var standing = PlanOverrides.Parse(Head.Overrides);
        if (wanted.Version > 0 && wanted.Version != standing.Version)
        {
            return new(ErrorCode.Conflict, $"These overrides were made of version {wanted.Version}, but {standing.Version} is in force. Nothing was changed; read them again.");
        }

        if ((wanted with { Version = standing.Version }).Write() == standing.Write())
        {
            return null;
        }

        TouchHead();
        var overrides = (wanted with { Version = standing.Version + 1 }).Write();
        var next = Catalog.PlanFor(Head.Plan, overrides);
        var moves = next.Period != Plan.Period;
        var settles = moves || next.IncludedCredits != Plan.IncludedCredits || !next.Allowances.SequenceEqual(Plan.Allowances);
        if (settles)
        {
            CloseForChange();
        }

        Plan = next;
        Head.Overrides = overrides;
        if (moves)
        {
            SetPeriod(PeriodAround(Now));
        }

        if (settles)
        {
            OpenAllowances();
        }

        return null;
    }

    private void CloseForChange()
    {
        RateLevels(new(Head.PeriodStart, Head.PeriodEnd), Now);
        foreach (var allowance in Plan.Allowances)
        {
            SettleOnPlanChange(allowance);
        }

        foreach (var grant in open.Where(g => g.Source == GrantSource.Plan).ToArray())
        {
            Close(grant, TransferKind.Reversal, Book.Plan);
            End(grant);
        }
    }

    /// <summary>Sets the account's standing and, after a failed payment, how long access lasts.</summary>
    public void ChangeStatus(AccountStatus status, DateTimeOffset? graceUntil)
    {
        TouchHead();
        Head.Status = status;
        Head.GraceUntil = graceUntil?.ToMicroseconds();
    }

    /// <summary>Sets how far below zero credits and money may go; null: as the plan says.</summary>
    public void ChangeLowBalancePolicy(LowBalancePolicy? policy, Amount? overdraftLimit)
    {
        TouchHead();
        Head.LowBalancePolicy = policy;
        Head.OverdraftLimit = overdraftLimit;
    }

    /// <summary>Holds and grants whose time is over, in the order of their ends.</summary>
    private void Expire(DateTimeOffset before)
    {
        var until = Now < before ? Now : before;
        foreach (var hold in holds.Count == 0 ? [] : OpenHolds.Where(h => h.ExpiresAt <= until).OrderBy(h => h.ExpiresAt).ThenBy(h => h.Id).ToArray())
        {
            ExpireGrants(hold.ExpiresAt);
            ExpireHold(hold);
        }

        ExpireGrants(until);
    }

    private void ExpireGrants(DateTimeOffset until)
    {
        foreach (var grant in open.Where(g => g.ExpiresAt <= until && !EndsWithPeriod(g)).OrderBy(g => g.ExpiresAt).ToArray())
        {
            Close(grant, TransferKind.Expiry, Book.Expired);
        }
    }

    private void TurnPeriod()
    {
        var isFirst = Head.PeriodStart == Head.PeriodEnd;
        var closing = new Period(Head.PeriodStart, Head.PeriodEnd);
        if (!isFirst)
        {
            RateLevels(closing, closing.End);
        }

        var kept = CloseAllowances(closing);
        foreach (var wallet in wallets.Values.Where(w => w.Unit.IsMeter && w.Debt.IsPositive).ToArray())
        {
            SettleOverage(wallet.Unit, closing.End, OverageEnd.PeriodEnd);
        }

        foreach (var wallet in wallets.Values.Where(w => w.UsedInPeriod.IsPositive).ToArray())
        {
            Touch(wallet.Unit).UsedInPeriod = Amount.Zero;
        }

        TouchHead();
        // Months that passed unused leave no rows, unless something rolls over from one to the next, or goes on standing.
        var nextOne = (levels.Count > 0 || Plan.Allowances.Any(a => a.RolloverPercent > 0)) && !isFirst;
        SetPeriod(isFirst ? PeriodAround(Now) : PeriodFrom(closing.End, nextOne ? closing.End : Now));
        foreach (var (unit, amount) in kept)
        {
            Grant(new(unit, amount, GrantSource.Rollover) { ExpiresAt = Head.PeriodEnd, Reference = PeriodReference("rollover") });
        }

        if (isFirst && Catalog.FreeUses > 0)
        {
            Grant(new(Unit.FreeUse, Amount.Of(Catalog.FreeUses), GrantSource.Free) { Reference = "opening" });
        }

        OpenAllowances();
    }

    /// <summary>Ends what the period gave.</summary>
    /// <returns>What of it rolls over: one amount a unit, the plan's share of all that is left, rounded down once.</returns>
    private List<UnitAmount> CloseAllowances(Period closing)
    {
        var kept = new List<UnitAmount>();
        foreach (var given in open.Where(g => g.Source == GrantSource.Plan && g.ExpiresAt <= closing.End).GroupBy(g => g.Unit).ToArray())
        {
            var percent = Plan.AllowanceOf(given.Key.Code)?.RolloverPercent ?? 0;
            var (left, rolled) = (Amount.Zero, Amount.Zero);
            foreach (var grant in given)
            {
                left += grant.Remaining - grant.Reserved;
                var rolls = Amount.Of(decimal.Round(left.Value * percent / 100m, Amount.Scale, MidpointRounding.ToZero)) - rolled;
                if (rolls.IsPositive)
                {
                    RollOver(grant, rolls);
                    rolled += rolls;
                }

                Close(grant, TransferKind.Expiry, Book.Expired);
            }

            if (rolled.IsPositive)
            {
                kept.Add(new(given.Key, rolled));
            }
        }

        return kept;
    }

    private void RollOver(Grant grant, Amount amount)
    {
        var wallet = Touch(grant.Unit);
        Lower(grant, amount);
        wallet.Balance -= amount;
        Append(wallet, isCredit: false, amount, TransferKind.Reversal, Book.Plan, [new(grant.Id, amount)]);
    }

    private void OpenAllowances()
    {
        if (Head.Status == AccountStatus.Closed)
        {
            return;
        }

        foreach (var allowance in Plan.Allowances)
        {
            var isCounter = Catalog.FindMeter(allowance.Meter) is { Kind: MeterKind.Counter };
            if (isCounter && allowance.Included is { } included)
            {
                OpenAllowance(Unit.Of(allowance.Meter), included);
            }
        }

        OpenAllowance(Unit.Credit, Plan.IncludedCredits);
    }

    private void OpenAllowance(Unit unit, Amount included)
    {
        // What holds keep of an allowance that a change of plan ended is as good as consumed, until they give it back.
        var left = included - WalletOf(unit).UsedInPeriod - OfAllowance(unit, ended: true);
        if (left.IsPositive)
        {
            Grant(new(unit, left, GrantSource.Plan) { ExpiresAt = Head.PeriodEnd, Reference = PeriodReference(Plan.Id) });
        }
    }

    /// <summary>A hold gave back what it had kept of an allowance that a change of plan has ended: the present plan includes it again, as far as it includes so much.</summary>
    private void RegainAllowance(Grant ended, Amount amount)
    {
        if (!EndedByPlanChange(ended))
        {
            return;
        }

        var unit = ended.Unit;
        var included = unit == Unit.Credit ? Plan.IncludedCredits : Plan.AllowanceOf(unit.Code)?.Included ?? Amount.Zero;
        var missing = included - WalletOf(unit).UsedInPeriod - OfAllowance(unit, ended: true) - OfAllowance(unit, ended: false);
        if (Amount.Min(missing, amount) is { IsPositive: true } regained && Head.Status != AccountStatus.Closed)
        {
            Grant(new(unit, regained, GrantSource.Plan) { ExpiresAt = Head.PeriodEnd, Reference = PeriodReference(Plan.Id) });
        }
    }

    /// <summary>What there is of this period's allowance: in the present plan's grants, or kept by holds in grants that a change of plan has ended.</summary>
    private Amount OfAllowance(Unit unit, bool ended) =>
        open.Where(g => g.Unit == unit && g.Source == GrantSource.Plan && (ended ? EndedByPlanChange(g) : EndsWithPeriod(g))).Aggregate(Amount.Zero, (sum, g) => sum + g.Remaining);

    private bool EndedByPlanChange(Grant grant) => grant.Source == GrantSource.Plan && grant.ExpiresAt > Head.PeriodStart && grant.ExpiresAt <= Now && grant.ExpiresAt < Head.PeriodEnd;

    /// <summary>What a change of plan leaves to holds is theirs alone: once given back, it is over.</summary>
    private void End(Grant grant)
    {
        if (!grant.Reserved.IsPositive || grant.ExpiresAt <= Now)
        {
            return;
        }

        var before = grant.ExpiresAt;
        void MoveTo(DateTimeOffset? end)
        {
            open.Remove(grant);
            grant.ExpiresAt = end;
            InsertInOrder(grant);
        }

        Touch(grant);
        undo.Add(() => MoveTo(before));
        MoveTo(Now);
        if (endedGrants.Add(grant))
        {
            undo.Add(() => endedGrants.Remove(grant));
        }
    }

    private void SettleOnPlanChange(Allowance allowance)
    {
        var unit = Unit.Of(allowance.Meter);
        var debt = WalletOf(unit).Debt;
        if (!debt.IsPositive)
        {
            return;
        }

        SettleOverage(unit, Now, OverageEnd.PlanChange);
        if (allowance.Overage is not null)
        {
            // What is billed as overage is not taken from the new allowance a second time.
            var wallet = Touch(unit);
            wallet.UsedInPeriod = Amount.Max(Amount.Zero, wallet.UsedInPeriod - debt);
        }
    }

    private Period PeriodAround(DateTimeOffset instant) => Plan.Period == PeriodRule.Calendar ? Zones.Month(instant, Zone) : Period.Monthly(Head.PeriodAnchor, instant);

    /// <summary>The period around an instant, of those that follow a closed one: it begins no earlier than that has ended, also when the account has moved to another zone or rule.</summary>
    private Period PeriodFrom(DateTimeOffset end, DateTimeOffset instant)
    {
        var period = PeriodAround(instant);
        if (period.Start >= end + ShortestPeriod)
        {
            return period; // months passed between them in which nothing happened
        }

        // Hours that a change of zone leaves between two months, or of one, are no month of their own: they would bring a whole allowance.
        return new(end, period.End - end < ShortestPeriod ? PeriodAround(period.End).End : period.End);
    }

    private void SetPeriod(Period period)
    {
        Head.PeriodStart = period.Start;
        Head.PeriodEnd = period.End;
    }

    private string PeriodReference(string what) => string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{what}:{Head.PeriodStart:yyyy-MM-dd}");
}
