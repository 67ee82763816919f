using BillingPortal.Ledger;
using BillingPortal.Primitives;

namespace BillingPortal.Charging;

/// <summary>Gives an open hold more time and, where it is asked for, more value: decided like a charge of that amount.</summary>
/// <param name="expiresIn">From now on, 1 second to 24 hours; a hold is never shortened.</param>
/// <param name="amount">In the unit of the hold's price; null: none.</param>
public sealed class ExtendHoldOperation(Hold asked, Origin origin, string key, TimeSpan expiresIn, Amount? amount, EnforcementMode mode) : Operation(asked.AccountId, origin, key)
{
    public override string Kind => "extend";
    public override Spender Spender => asked.Spender;
    public override Guid? HoldToLoad => asked.Id;
    public override byte[] BodyHash => Hash();

    public override Refusal? Decide(AccountState account)
    {
        var hold = account.FindHold(asked.Id);
        if (HoldRefusals.WhyNot(hold) is { } closed)
        {
            return closed;
        }

        var until = account.Now + expiresIn;
        until = until > hold!.ExpiresAt ? until : hold.ExpiresAt;
        if (amount is not { } addition)
        {
            return account.ExtendHold(hold, until, Amount.Zero, []);
        }

        if (hold.Asked.Unit is not { } unit)
        {
            return Refusal.Invalid("amount", "The hold has no price, so there is nothing to add to. Nothing was done.");
        }

        var applied = mode > hold.Enforcement ? mode : hold.Enforcement;
        var more = new ChargeRequest(CaptureRequest.Raw(hold.Asked.Subject, unit, addition, 1m)) { Member = hold.Member, Agent = hold.Agent, Run = hold.Run };
        var refusal = ChargeDecision.Decide(account, more, out var decision) ?? (applied == EnforcementMode.Enforce ? decision.Refusal : null);
        return refusal ?? account.ExtendHold(hold, until, addition, applied == EnforcementMode.Off ? [] : decision.Quotes);
    }

    private byte[] Hash()
    {
        var digest = new DigestWriter(stackalloc byte[128]);
        digest.Add(Kind);
        digest.Add(asked.Id);
        digest.Add((long)expiresIn.TotalSeconds);
        digest.Add(amount?.Millionths ?? 0L);
        return digest.Sha256();
    }
}
