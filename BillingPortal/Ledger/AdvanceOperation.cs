using BillingPortal.Primitives;

namespace BillingPortal.Ledger;

/// <summary>Opens an account's ledger where it has none and brings it to the present: what readings and idle accounts need.</summary>
internal sealed class AdvanceOperation(AccountId account) : Operation(account, Origin.Job, "")
{
    public override string Kind => "advance";
    public override byte[] BodyHash => [];
    internal override bool IsRecorded => false;

    public override Refusal? Decide(AccountState account) => null;
}
