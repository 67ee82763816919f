using BillingPortal.Ledger;
using BillingPortal.Primitives;

namespace BillingPortal.Gating;

/// <summary>A hold as the API shows it (API.md, Gating).</summary>
/// <param name="Funding">All that was reserved, by wallet.</param>
/// <param name="Remaining">What is reserved still.</param>
/// <param name="Captured">What captures have taken.</param>
/// <param name="Price">What may be captured within it, all in all.</param>
internal sealed record HoldAnswer(string Id, string Account, IReadOnlyList<UnitAmount> Funding, IReadOnlyList<UnitAmount> Captured, IReadOnlyList<UnitAmount> Remaining,
    string Status, DateTimeOffset ExpiresAt, IReadOnlyList<UnitAmount> Price, string OnExpiry, EnforcementMode Enforcement, DateTimeOffset CreatedAt)
{
    public DateTimeOffset? ClosedAt { get; init; }
    /// <summary>With enforcement <c>observe</c>: the code that enforcing would have refused with.</summary>
    public string? WouldRefuse { get; init; }
    public string? Action { get; init; }
    public string? Meter { get; init; }
    public string? Provider { get; init; }
    public string? Model { get; init; }
    public string? Member { get; init; }
    public string? Agent { get; init; }
    public string? Run { get; init; }

    /// <param name="state">Of the moment that is shown.</param>
    public static HoldAnswer Of(Hold hold, HoldState state, string account) => new(
        hold.ShownId.ToString(), account, state.Funding, state.Captured, state.Remaining, state.Status.ToString().ToLowerInvariant(), state.ExpiresAt,
        hold.Asked.Unit is { } unit ? [new(unit, state.Price)] : [], hold.OnExpiry.ToString().ToLowerInvariant(), hold.Enforcement, hold.CreatedAt)
    {
        ClosedAt = state.ClosedAt,
        WouldRefuse = hold.WouldRefuse,
        Action = hold.Asked.Subject.Action,
        Meter = hold.Asked.Subject.Meter,
        Provider = hold.Asked.Subject.Provider,
        Model = hold.Asked.Subject.Model,
        Member = hold.Member,
        Agent = hold.Agent,
        Run = hold.Run,
    };
}
