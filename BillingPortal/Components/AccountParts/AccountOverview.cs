using BillingPortal.Ledger;
using BillingPortal.Primitives;

namespace BillingPortal.Components.AccountParts;

/// <summary>All that the top of an account's pages shows, read in one transaction.</summary>
public sealed record AccountOverview(AccountId Id, string ExternalId, string? Name, string? Email, Standing Standing,
    IReadOnlyList<WalletView> Wallets, IReadOnlyList<AllowanceView> Allowances)
{
    public string Title => Name ?? Email ?? ExternalId;

    public WalletView? Wallet(Unit unit) => Wallets.FirstOrDefault(w => w.Unit == unit);

    /// <summary>Wallets that hold credits or money, credits first.</summary>
    public IEnumerable<WalletView> Balances => Wallets.Where(w => w.Unit == Unit.Credit || w.Unit.IsCurrency).OrderBy(w => w.Unit.IsCurrency);
}

/// <summary>What was spent of one unit, in this period and in as much of the last one.</summary>
/// <param name="Before">In the last period up to the same moment of it; null: there was none.</param>
public sealed record Spend(Unit Unit, decimal Now, decimal? Before);

/// <summary>One bar's part of a chart: a stretch of time, a label, and how much.</summary>
public sealed record UsagePoint(DateTimeOffset At, string Label, decimal Amount, long Charges);

/// <summary>By what a usage chart is split.</summary>
public enum UsageSplit { What, Model, Agent, Member }
