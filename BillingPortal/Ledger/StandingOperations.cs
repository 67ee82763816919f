using BillingPortal.Catalog;
using BillingPortal.Primitives;

namespace BillingPortal.Ledger;

/// <summary>Moves an account to a plan, at once (DESIGN §7.8). The same plan and anchor again change nothing, so that a repeated event is harmless.</summary>
/// <param name="plan">A plan of the catalog in force.</param>
/// <param name="anchor">Start of the subscription's item at Stripe; null: the account's present anchor.</param>
/// <param name="status">The account's standing from now on; null: as it is.</param>
/// <param name="graceUntil">With <see cref="AccountStatus.PastDue"/>: until when access lasts.</param>
public sealed class PlanChangeOperation(AccountId account, Origin origin, string key, string plan, DateTimeOffset? anchor = null,
    AccountStatus? status = null, DateTimeOffset? graceUntil = null) : Operation(account, origin, key)
{
    public override string Kind => "plan_change";
    public override bool NeedsLevels => true;
    internal override bool MayChangePlan => true;
    public override byte[] BodyHash => Hash();

    public override Refusal? Decide(AccountState account)
    {
        // What staff or a dispute has shut is opened by them alone, not by the next payment.
        if (status is { } standing && account.Head.Status is not (AccountStatus.Suspended or AccountStatus.Closed))
        {
            account.ChangeStatus(standing, graceUntil);
        }

        return account.ChangePlan(plan, anchor);
    }

    private byte[] Hash()
    {
        var digest = new DigestWriter(stackalloc byte[256]);
        digest.Add(Kind);
        digest.Add(plan);
        digest.Add(anchor);
        digest.Add(status?.ToString());
        digest.Add(graceUntil);
        return digest.Sha256();
    }
}

/// <summary>Changes an account's standing: past due after a failed payment, suspended by staff, active again.</summary>
public sealed class StatusChangeOperation(AccountId account, Origin origin, string key, AccountStatus status, DateTimeOffset? graceUntil = null)
    : Operation(account, origin, key)
{
    public override string Kind => "status_change";
    public override byte[] BodyHash => Hash();

    public override Refusal? Decide(AccountState account)
    {
        account.ChangeStatus(status, graceUntil);
        return null;
    }

    private byte[] Hash()
    {
        var digest = new DigestWriter(stackalloc byte[128]);
        digest.Add(Kind);
        digest.Add(status.ToString());
        digest.Add(graceUntil);
        return digest.Sha256();
    }
}

/// <summary>Sets how far below zero an account's credits and money may go (D3).</summary>
/// <param name="policy">Null: as the plan says.</param>
/// <param name="overdraftLimit">Depth for <see cref="LowBalancePolicy.Limited"/>, zero or more; null: as the plan says.</param>
public sealed class LowBalanceOperation(AccountId account, Origin origin, string key, LowBalancePolicy? policy, Amount? overdraftLimit)
    : Operation(account, origin, key)
{
    public override string Kind => "low_balance_policy";
    public override byte[] BodyHash => Hash();

    public override Refusal? Decide(AccountState account)
    {
        account.ChangeLowBalancePolicy(policy, overdraftLimit);
        return null;
    }

    private byte[] Hash()
    {
        var digest = new DigestWriter(stackalloc byte[128]);
        digest.Add(Kind);
        digest.Add(policy?.ToString());
        digest.Add(overdraftLimit?.ToString());
        return digest.Sha256();
    }
}

/// <summary>Sets what one customer has otherwise than the plan (E12).</summary>
/// <param name="overrides">All of them, checked against the catalog; what stood before is gone.</param>
public sealed class OverridesOperation(AccountId account, Origin origin, string key, PlanOverrides overrides) : Operation(account, origin, key)
{
    public override string Kind => "overrides";
    public override bool NeedsLevels => true;
    internal override bool MayChangePlan => true;
    public override byte[] BodyHash => Hash();
    /// <summary>As they stood and as they stand, once decided.</summary>
    public (PlanOverrides Before, PlanOverrides After) Decided { get; private set; } = (PlanOverrides.None, PlanOverrides.None);

    public override Refusal? Decide(AccountState account)
    {
        var before = PlanOverrides.Parse(account.Head.Overrides);
        var refusal = account.ChangeOverrides(overrides);
        Decided = (before, PlanOverrides.Parse(account.Head.Overrides));
        return refusal;
    }

    private byte[] Hash()
    {
        var digest = new DigestWriter(stackalloc byte[512]);
        digest.Add(Kind);
        digest.Add(overrides.Write());
        return digest.Sha256();
    }
}
