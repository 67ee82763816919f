using BillingPortal.Primitives;

namespace BillingPortal.Ledger;

/// <summary>Gives up a hold: what it has reserved is free again.</summary>
/// <param name="reason">For people; erasable. Null: none.</param>
public sealed class ReleaseHoldOperation(HoldId hold, Origin origin, string key, string? reason = null) : Operation(hold.Account, origin, key)
{
    public override string Kind => "release";
    public override Guid? HoldToLoad => hold.Value;
    public override string? Details { get; } = reason is null ? null : DetailsJson.OfReason(reason);
    public override byte[] BodyHash => Hash();

    public override Refusal? Decide(AccountState account)
    {
        if (HoldRefusals.WhyNot(account.FindHold(hold.Value)) is { } refusal)
        {
            return refusal;
        }

        account.ReleaseHold(account.FindHold(hold.Value)!);
        return null;
    }

    private byte[] Hash()
    {
        var digest = new DigestWriter(stackalloc byte[256]);
        digest.Add(Kind);
        digest.Add(hold.Value);
        digest.Add(Details);
        return digest.Sha256();
    }
}

/// <summary>Why a hold cannot be captured, extended or released.</summary>
public static class HoldRefusals
{
    public static Refusal Unknown { get; } = new(ErrorCode.NotFound, "There is no such hold. Nothing was done.");

    /// <returns>Null for an open hold.</returns>
    public static Refusal? WhyNot(Hold? hold) => hold switch
    {
        null => Unknown,
        { IsOpen: true } => null,
        _ => new(ErrorCode.HoldClosed, $"The hold is {hold.Status.ToString().ToLowerInvariant()} since {hold.State.ClosedAt:u}. Nothing was done."),
    };
}
