using BillingPortal.Catalog;
using BillingPortal.Ledger;
using BillingPortal.Primitives;
using BillingPortal.Rating;

namespace BillingPortal.Charging;

/// <summary>A charge for a meter that stands at a level: nothing is paid for now, the plan's limit is all that can refuse it. Pure.</summary>
internal static class LevelDecision
{
    /// <summary>Whether the subject is one that does not move wallets.</summary>
    public static bool IsFor(CatalogDocument catalog, ChargeSubject subject) => subject.Meter is { } meter && catalog.FindMeter(meter) is { Kind: MeterKind.Level };

    public static LevelReport ReportOf(ChargeRequest request) => new(Unit.Of(request.Subject.Meter!), null, Amount.Of(request.Subject.Quantity), request.OccurredAt);

    /// <param name="refusal">Why standing or entitlements refuse; null: they do not.</param>
    /// <returns>Null, or why the request can never be meant so.</returns>
    public static Refusal? Decide(AccountState account, ChargeRequest request, Refusal? refusal, out ChargeDecision decision)
    {
        var report = ReportOf(request);
        var change = account.Look(report);
        if (refusal is null && change.IsBeyond)
        {
            refusal = account.RefuseLevel(report.Meter, change) with { UpgradePlan = RefusalAdvice.Upgrade(account, report.Meter)?.Id };
        }

        decision = new(new([], null, [new(report.Meter.Code, request.Subject.Quantity, 0m, 1, 0m, report.Meter)]), [], refusal) { Level = change };
        return change.After.IsNegative
            ? Refusal.Invalid("quantity", $"'{report.Meter}' stands at {change.Before}, less than the {-report.Quantity!.Value} to be taken off. Nothing was changed.", ErrorCode.InvalidAmount)
            : null;
    }
}
