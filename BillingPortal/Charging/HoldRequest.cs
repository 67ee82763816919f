using BillingPortal.Ledger;
using BillingPortal.Primitives;
using BillingPortal.Rating;

namespace BillingPortal.Charging;

/// <summary>A hold that a caller asks for. Already validated.</summary>
/// <param name="ExpiresIn">1 second to 24 hours.</param>
public sealed record HoldRequest(ChargeRequest Charge, TimeSpan ExpiresIn, HoldExpiry OnExpiry);

/// <summary>What to do with a true price above what is held.</summary>
public enum OverHold
{
    /// <summary>Charge what is held and no more.</summary>
    Cap,
    /// <summary>Charge it all; what is above the hold is decided like a charge of its own.</summary>
    Charge,
}

/// <summary>A capture that a caller asks for, of whose subject only what differs from the hold's need be named. Already validated.</summary>
/// <param name="Sent">With the quantities or the amount that were sent, or neither: all that is left of the hold.</param>
/// <param name="HasQuantity">Whether a quantity was sent.</param>
public sealed record CaptureRequest(ChargeRequest Sent, bool HasQuantity, bool IsFinal, OverHold Over)
{
    /// <summary>True: priced by what was done. False: an amount in the unit of the hold's price.</summary>
    public bool IsRated => HasQuantity || Sent.Subject.Action is not null || Sent.Subject.Meter is not null || Sent.Subject.Tokens is not null;

    /// <summary>False: all that is left of the hold.</summary>
    public bool NamesPart => IsRated || Sent.Subject.Amount is not null;

    /// <summary>What was done: what was sent, and for the rest what the hold was made for.</summary>
    public ChargeRequest For(Hold hold)
    {
        var (sent, asked) = (Sent.Subject, hold.Asked.Subject);
        var names = sent.Action is not null || sent.Meter is not null || sent.Tokens is not null;
        return Sent with
        {
            Member = Sent.Member ?? hold.Member,
            Agent = Sent.Agent ?? hold.Agent,
            Run = Sent.Run ?? hold.Run,
            Subject = sent with
            {
                Action = names ? sent.Action : asked.Action,
                Meter = names ? sent.Meter : asked.Meter,
                // How much of it an amount stands for is not known.
                Tokens = NamesPart ? sent.Tokens : asked.Tokens,
                Quantity = NamesPart ? sent.Quantity : asked.Quantity,
                Provider = sent.Provider ?? asked.Provider,
                Model = sent.Model ?? asked.Model,
                Tool = sent.Tool ?? asked.Tool,
                Feature = sent.Feature ?? asked.Feature,
                Byok = sent.Byok || asked.Byok,
                Unit = null,
                Amount = null,
            },
        };
    }

    /// <summary>What gives the price.</summary>
    /// <param name="subject">From <see cref="For"/>.</param>
    /// <returns>The subject to rate, or null where nothing is left to price; or why the request cannot be meant.</returns>
    public (ChargeSubject? Subject, Refusal? Refusal) ToRate(Hold hold, ChargeSubject subject)
    {
        if (IsRated)
        {
            return subject.Action is null && subject.Meter is null && subject.Tokens is null
                ? (null, Refusal.Invalid("quantity", "The hold is for an amount: capture an amount of it. Nothing was captured."))
                : (subject, null);
        }

        if (hold.Asked.Unit is not { } unit)
        {
            return Sent.Subject.Amount is null ? (null, null) : (null, Refusal.Invalid("amount", "The hold has no price. Capture it by what was done. Nothing was captured."));
        }

        if (Sent.Subject.Unit is { } named && named != unit)
        {
            return (null, Refusal.Invalid("unit", $"The hold is for {unit}. Nothing was captured."));
        }

        var amount = Sent.Subject.Amount ?? hold.State.PriceLeft;
        return amount.IsPositive ? (Raw(subject, unit, amount, 1m), null) : (null, null);
    }

    /// <summary>The same work as a bare amount, so that plan, budgets and wallets are asked about that amount alone.</summary>
    public static ChargeSubject Raw(ChargeSubject subject, Unit unit, Amount amount, decimal uses) =>
        subject with { Action = null, Meter = null, Tokens = null, Unit = unit, Amount = amount, Quantity = uses };
}
