using BillingPortal.Charging;
using BillingPortal.Ledger;
using BillingPortal.Primitives;
using BillingPortal.Rating;

namespace BillingPortal.Commands.Demo;

/// <summary>What the one-click customer has reserved: work that still runs, and one that is done and charged. Pure.</summary>
/// <remarks>Holds end within a day, so these are there to see on the first day only.</remarks>
internal static class DemoHolds
{
    private static readonly TimeSpan Running = TimeSpan.FromHours(20);

    /// <summary>Opened in this order; the last is captured by <see cref="Capture"/>.</summary>
    public static HoldOperation[] Of(AccountId account) =>
    [
        Hold(account, 1, "clean_my_data", "run-nightly", HoldExpiry.Release),
        Hold(account, 2, "research_report", "run-market-study", HoldExpiry.Capture),
        Hold(account, 3, "review_code", "run-pull-request", HoldExpiry.Release),
    ];

    /// <summary>The work is done: all that the hold reserved is charged.</summary>
    public static CaptureOperation Capture(Hold hold) =>
        new(hold, Origin.Api, "demo-capture", new CaptureRequest(new ChargeRequest(new ChargeSubject()), HasQuantity: false, IsFinal: true, OverHold.Cap), EnforcementMode.Enforce);

    private static HoldOperation Hold(AccountId account, int number, string action, string run, HoldExpiry onExpiry) => new(
        account, Origin.Api, $"demo-hold-{number}", new HoldRequest(new ChargeRequest(new ChargeSubject { Action = action }) { Run = run, Agent = "research" }, Running, onExpiry), EnforcementMode.Enforce);
}
