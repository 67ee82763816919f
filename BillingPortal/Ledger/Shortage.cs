using BillingPortal.Primitives;

namespace BillingPortal.Ledger;

/// <summary>The refusal for a wallet that cannot pay. Its code follows the wallet (DESIGN §7.6): credits and money 402, a meter 429.</summary>
public static class Shortage
{
    /// <param name="required">What would have to be paid from this wallet.</param>
    /// <param name="room">What it can pay before it stands on its floor.</param>
    public static Refusal Of(AccountState account, Unit unit, Amount required, Amount room)
    {
        // Who is below the floor has to come up to it first: that much more is missing.
        var below = Floor.Of(account, unit).Lowest is { } lowest ? Amount.Max(Amount.Zero, lowest - account.Available(unit)) : Amount.Zero;
        var code = unit.IsMeter ? ErrorCode.QuotaExceeded : unit.IsCurrency ? ErrorCode.InsufficientFunds : ErrorCode.InsufficientCredits;
        return new(code, $"{required} {unit} needed, {room} available. Nothing was charged.")
        {
            Unit = unit,
            Required = required,
            Available = room,
            Shortfall = required - room + below,
            ResetsAt = unit.IsMeter ? account.Head.PeriodEnd : null,
        };
    }
}
