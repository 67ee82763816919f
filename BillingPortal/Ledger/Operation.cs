using BillingPortal.Primitives;

namespace BillingPortal.Ledger;

/// <summary>Who asked for an operation; part of its key, so that a caller's keys never meet those of Stripe's events or jobs.</summary>
public enum Origin { Api, Stripe, Job }

/// <summary>One mutation of one account's ledger, decided under the account's lock, taking effect at most once for ever per (account, origin, key).</summary>
/// <remarks>
/// Subclasses live with the rule they carry: a grant in Ledger, a charge in Charging, a plan change in Subscriptions.
/// <see cref="Decide"/> is pure: it sees the locked, advanced account and nothing else. It may change <paramref name="account"/> only through its posting methods.
/// When it returns a refusal the writer throws away every change it made: a refused operation leaves no row, and its key may be tried again.
/// </remarks>
public abstract class Operation(AccountId account, Origin origin, string key)
{
    public AccountId Account { get; } = account;
    public Origin Origin { get; } = origin;
    public string Key { get; } = key;
    /// <summary>uuid v7, made when the operation is made; stands in its transfers.</summary>
    public Guid Id { get; } = Guid.CreateVersion7();
    /// <summary>Short name of what it does, stored: <c>charge</c>, <c>refund</c>, <c>grant</c>, <c>adjustment</c>…</summary>
    /// <remarks>What makes a <see cref="Charge"/> is a <c>charge</c> or <c>capture</c>, what makes a <see cref="ChargeRefund"/> a <c>refund</c>, what makes both a <c>rerate</c>, what opens a hold a <c>hold</c>: a repeat is read back by it.</remarks>
    public abstract string Kind { get; }
    /// <summary>SHA-256 over the operation's kind and every bound value; another body under the same key is a conflict.</summary>
    public abstract byte[] BodyHash { get; }
    /// <summary>Erasable personal text of the operation (reason, metadata), as JSON; null for none. Only its salted digest stands in the ledger.</summary>
    public virtual string? Details => null;
    /// <summary>A charge that must be read under the lock before deciding (a refund's), by id.</summary>
    public virtual Guid? ChargeToLoad => null;
    /// <summary>Who spends, or gets back, by this; for the budgets.</summary>
    public virtual Spender Spender => default;
    /// <summary>It looks into the account's budgets also where there are none yet.</summary>
    public virtual bool NeedsBudgets => false;
    /// <summary>It looks at where levels stand, or ends a stretch that they are rated for.</summary>
    public virtual bool NeedsLevels => false;
    /// <summary>It may move the account to other periods, which its time zone may have a say in.</summary>
    internal virtual bool MayChangePlan => false;
    /// <summary>A hold that must be there though it may be closed (a capture's), by id; open ones always are.</summary>
    public virtual Guid? HoldToLoad => null;
    /// <summary>False for what only brings the account to the present: it is idempotent by nature and leaves no operation row.</summary>
    internal virtual bool IsRecorded => true;
    /// <summary>Its transfers name the operation as their charge, whose id is the operation's.</summary>
    internal virtual bool IsCharge => false;

    /// <returns>Null when taken; the refusal otherwise.</returns>
    public abstract Refusal? Decide(AccountState account);
}
