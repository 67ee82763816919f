using BillingPortal.Catalog;
using BillingPortal.Primitives;

namespace BillingPortal.Ledger;

// What pages and the API read. Field names are those of the outside contract (API.md, Accounts).

/// <summary>A wallet with the grants that are in play, in the order in which they burn.</summary>
/// <param name="UsedInPeriod">See <see cref="Wallet.UsedInPeriod"/>.</param>
public sealed record WalletView(Unit Unit, Amount Balance, Amount Held, Amount Debt, Amount UsedInPeriod, IReadOnlyList<GrantView> Grants)
{
    public Amount Available => Balance - Held;
}

public sealed record GrantView(GrantId Id, Unit Unit, GrantSource Source, Amount Amount, Amount Remaining, Amount Reserved, int Priority,
    DateTimeOffset? ExpiresAt, DateTimeOffset CreatedAt, string? Reference);

/// <summary>Where an account stands: plan, period, policies.</summary>
/// <param name="Plan">The plan subscribed to, or the default one; what it comes to for this customer says <see cref="PlanIn"/>.</param>
/// <param name="Overrides">What this customer alone has otherwise; null: nothing.</param>
public sealed record Standing(AccountId Account, string Plan, AccountStatus Status, DateTimeOffset? GraceUntil, DateTimeOffset PeriodStart, DateTimeOffset PeriodEnd,
    LowBalancePolicy? LowBalancePolicy, Amount? OverdraftLimit, Unit? Currency, long TotalUses, string? Overrides = null)
{
    /// <summary>The plan as it holds for this customer, overrides applied.</summary>
    public Plan PlanIn(CatalogDocument catalog) => catalog.PlanFor(Plan, Overrides);
}

/// <summary>A ledger row as people see it.</summary>
/// <param name="Amount">With the wallet's sign.</param>
/// <param name="Reason">From the operation's details; null when there is none or it was erased.</param>
/// <param name="Hash">Lower-case hexadecimal.</param>
public sealed record TransferView(AccountId Account, TransferId Id, Unit Unit, long Seq, TransferKind Kind, Amount Amount, Amount BalanceAfter, Book Book,
    string? Reason, ChargeId? Charge, Guid OperationId, DateTimeOffset CreatedAt, string Hash);

/// <summary>Which rows to read; null: all. <see cref="To"/> is exclusive.</summary>
public sealed record TransferFilter(Unit? Unit = null, TransferKind? Kind = null, DateTimeOffset? From = null, DateTimeOffset? To = null);

/// <summary>One page of a list, and where the next begins; null: this was the last.</summary>
public sealed record LedgerPage<T>(IReadOnlyList<T> Rows, string? NextCursor);

/// <summary>Which charges to read; null: all.</summary>
public sealed record ChargeFilter(string? Run = null, string? Agent = null, string? Member = null);

/// <summary>Per unit and book: what went into wallets from it and what came out of wallets into it.</summary>
public sealed record BookTotal(Unit Unit, Book Book, Amount IntoWallets, Amount OutOfWallets, long Transfers);

/// <summary>All books against all wallets. <see cref="IsBalanced"/> is true by construction; verify proves more.</summary>
public sealed record TrialBalance(IReadOnlyList<BookTotal> Books, IReadOnlyList<UnitAmount> Wallets)
{
    public bool IsBalanced => Wallets.All(wallet =>
        Books.Where(b => b.Unit == wallet.Unit).Aggregate(Amount.Zero, (sum, book) => sum + book.IntoWallets - book.OutOfWallets) == wallet.Amount);
}
