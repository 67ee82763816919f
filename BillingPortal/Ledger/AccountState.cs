using BillingPortal.Catalog;
using BillingPortal.Primitives;

namespace BillingPortal.Ledger;

/// <summary>A locked account as one batch sees it: head, wallets, open grants and holds, advanced to <see cref="Now"/>. Pure: no clock, no database.</summary>
public sealed class AccountState(LedgerHead head, CatalogDocument catalog, Plan plan, DateTimeOffset now)
{
    public LedgerHead Head { get; } = head;
    public CatalogDocument Catalog { get; } = catalog;
    /// <summary>The account's plan with its overrides applied.</summary>
    public Plan Plan { get; } = plan;
    /// <summary>The account's own clock: the database's, never earlier than the last operation.</summary>
    public DateTimeOffset Now { get; } = now;
}
