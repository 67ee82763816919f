using BillingPortal.Catalog;
using BillingPortal.Primitives;

namespace BillingPortal.Ledger;

/// <summary>How far below zero a wallet may go. <see cref="Lowest"/> is 0 or less; null means without end.</summary>
public readonly record struct Floor(Amount? Lowest)
{
    public static readonly Floor AtZero = new(Amount.Zero);
    public static readonly Floor None = new((Amount?)null);

    /// <summary>The floor of a wallet under its account's plan (DESIGN §7.22): the low-balance policy governs credits and money, the plan's caps every meter.</summary>
    public static Floor Of(AccountState account, Unit unit)
    {
        if (unit == Unit.FreeUse)
        {
            return AtZero;
        }

        return unit.IsMeter ? OfMeter(account, unit) : OfPolicy(account.Head, account.Plan);
    }

    /// <summary>How much more the wallet can pay before it stands on its floor; null: without end.</summary>
    public Amount? Room(Amount available) => Lowest is { } lowest ? Amount.Max(Amount.Zero, available - lowest) : null;

    private static Floor OfMeter(AccountState account, Unit meter)
    {
        if (account.Plan.AllowanceOf(meter.Code) is not { } allowance)
        {
            return AtZero;
        }

        if (allowance.Overage is not null)
        {
            return None;
        }

        if (allowance.Cap == Cap.Hard || allowance.Included is not { } included)
        {
            return AtZero;
        }

        var grace = Amount.Round(included.Value * Math.Max(0, allowance.GracePercent - 100) / 100m);
        // After a change to a smaller plan the period may have used more than allowance and grace together: none is left then.
        return account.WalletOf(meter).UsedInPeriod > included + grace ? AtZero : new(-grace);
    }

    private static Floor OfPolicy(LedgerHead head, Plan plan) => (head.LowBalancePolicy ?? plan.LowBalancePolicy) switch
    {
        LowBalancePolicy.Block => AtZero,
        LowBalancePolicy.Warn => None,
        LowBalancePolicy.Limited => new(-(head.OverdraftLimit ?? plan.OverdraftLimit)),
    };
}
