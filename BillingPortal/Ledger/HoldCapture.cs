using BillingPortal.Primitives;
using BillingPortal.Rating;

namespace BillingPortal.Ledger;

/// <summary>One capture of a hold: the charge that it becomes.</summary>
/// <param name="Id">The charge's, and its operation's.</param>
/// <param name="Subject">What was done, as it is kept with the charge.</param>
/// <param name="Price">What is charged, in the unit of the hold's price.</param>
public sealed record HoldCapture(Hold Hold, Guid Id, ChargeSubject Subject, Amount Price)
{
    /// <summary>What the price is in; null: it was free.</summary>
    public Unit? Unit { get; init; } = Hold.Asked.Unit;
    public string Outcome { get; init; } = "success";
    public string? Member { get; init; } = Hold.Member;
    public string? Agent { get; init; } = Hold.Agent;
    public string? Run { get; init; } = Hold.Run;
    public DateTimeOffset? OccurredAt { get; init; }
    public EnforcementMode Enforcement { get; init; } = Hold.Enforcement;
    public string? WouldRefuse { get; init; }
    /// <summary>What it cost us, in the catalog's currency; null: not known.</summary>
    public Amount? Cost { get; init; }
    /// <summary>An amount, or what other captures left: how much was done is not said.</summary>
    public bool IsPart { get; init; }

    /// <summary>An action counts as often as it was done; anything else as one use, at its first capture.</summary>
    /// <param name="before">The hold before this capture.</param>
    public long UsesAfter(HoldState before) =>
        Subject.Action is not null && !IsPart ? (long)Math.Ceiling(Subject.Quantity) : before.PriceCaptured.IsZero ? 1L : 0L;

    /// <param name="uncovered">What no wallet pays of the price.</param>
    /// <param name="capped">What the true price went above the hold, where that is not charged.</param>
    public Receipt ToReceipt(IReadOnlyList<ReceiptLine> lines, IReadOnlyList<FundingPart> funding, Amount uncovered, Amount capped = default, string? rateVersion = null) => new()
    {
        Lines = lines,
        RateVersion = rateVersion ?? Hold.Asked.RateVersion,
        Price = InUnit(Price) ?? [],
        Funding = funding,
        Uncovered = InUnit(uncovered) ?? [],
        Warnings = Receipt.WarningsOf(funding),
        Hold = Hold.Id,
        Capped = InUnit(capped),
    };

    public Charge ToCharge(AccountState account, Receipt receipt) =>
        Charge.Of(account, Id, Subject, new(Member, Agent, Run), OccurredAt, Outcome, Cost, Enforcement, WouldRefuse, receipt);

    private UnitAmount[]? InUnit(Amount amount) => amount.IsPositive && Unit is { } unit ? [new(unit, amount)] : null;
}
