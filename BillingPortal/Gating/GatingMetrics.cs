using System.Diagnostics.Metrics;
using BillingPortal.Charging;
using BillingPortal.Ledger;
using BillingPortal.Observability;
using BillingPortal.Primitives;

namespace BillingPortal.Gating;

/// <summary>Counts and log lines of charges, refusals, checks and refunds, under stable names (B9).</summary>
/// <remarks>Charges and refusals are logged at level Debug: they come thousands a second, and the counters say as much.</remarks>
internal sealed partial class GatingMetrics(ILogger<GatingMetrics> log)
{
    private static readonly Counter<long> Charges = Telemetry.Meter.CreateCounter<long>("billing.charges", description: "Charges taken, by what was charged and enforcement.");
    private static readonly Counter<long> Refusals = Telemetry.Meter.CreateCounter<long>("billing.refusals", description: "Charges and checks refused, by error code.");
    private static readonly Counter<long> Checks = Telemetry.Meter.CreateCounter<long>("billing.checks", description: "Checks answered.");
    private static readonly Counter<long> Refunds = Telemetry.Meter.CreateCounter<long>("billing.refunds", description: "Refunds taken.");
    private static readonly Counter<long> Holds = Telemetry.Meter.CreateCounter<long>("billing.holds", description: "Holds opened, extended and released.");

    public void Charged(TakenCharge taken)
    {
        if (taken.Replayed)
        {
            return;
        }

        if (Charges.Enabled)
        {
            Charges.Add(1, new("subject", taken.Charge.Action ?? taken.Charge.Meter ?? (taken.Charge.Model is null ? "amount" : "tokens")), new("enforcement", taken.Charge.Enforcement.ToString()));
        }

        LogCharged(taken.Charge.AccountId, taken.Charge.Id);
    }

    public void Refused(AccountId? account, Refusal refusal)
    {
        Refusals.Add(1, new KeyValuePair<string, object?>("error_code", refusal.Code.Name));
        LogRefused(account, refusal.Code.Name);
    }

    public void Checked(AccountId? account, Refusal? refusal)
    {
        Checks.Add(1);
        if (refusal is not null)
        {
            Refused(account, refusal);
        }
    }

    /// <param name="what">opened, extended or released; captures are charges.</param>
    public void Held(string what, HoldOutcome outcome)
    {
        if (!outcome.Replayed)
        {
            Holds.Add(1, new KeyValuePair<string, object?>("what", what));
            LogHeld(what, outcome.Hold!.ShownId);
        }
    }

    public void Refunded(ChargeId charge, PostResult.Posted posted)
    {
        if (!posted.Replayed)
        {
            Refunds.Add(1);
            LogRefunded(charge, posted.OperationId);
        }
    }

    [LoggerMessage(3001, LogLevel.Debug, "charge.taken {Account} {Charge}", EventName = "charge.taken")]
    private partial void LogCharged(AccountId account, Guid charge);

    [LoggerMessage(3002, LogLevel.Debug, "charge.refused {Account} {ErrorCode}", EventName = "charge.refused")]
    private partial void LogRefused(AccountId? account, string errorCode);

    [LoggerMessage(3003, LogLevel.Information, "charge.refunded {Charge} {Operation}", EventName = "charge.refunded")]
    private partial void LogRefunded(ChargeId charge, Guid operation);

    [LoggerMessage(3005, LogLevel.Debug, "hold.{What} {Hold}", EventName = "hold.changed")]
    private partial void LogHeld(string what, HoldId hold);
}
