using System.Diagnostics.Metrics;
using BillingPortal.Audit;
using BillingPortal.Catalog;
using BillingPortal.Data;
using BillingPortal.Ledger;
using BillingPortal.Observability;
using BillingPortal.Primitives;

namespace BillingPortal.Gating;

/// <summary>Grants, adjustments and released holds by staff: the one rule behind pages and API. Each is on the audit record in the transaction that posts it; a repeat under the same key is taken, and recorded, once.</summary>
public sealed partial class StaffPostings(Ledger.Ledger ledger, Tenants tenants, CatalogSnapshot catalog, AuditTrail audit, ILogger<StaffPostings> log)
{
    private static readonly Counter<long> Posted = Telemetry.Meter.CreateCounter<long>("billing.staff_postings", description: "Grants, adjustments and released holds by staff.");
    private const string ReleasedByStaff = "released by staff";

    /// <summary>Puts value into a wallet.</summary>
    /// <param name="actor">Who it is in the audit log: <see cref="Access.Caller.Actor"/>.</param>
    /// <param name="terms">The source is promotional, bonus, free or purchase.</param>
    /// <param name="reason">Mandatory, at most 500 characters.</param>
    public Task<PostResult> GrantAsync(string actor, AccountId account, GrantTerms terms, string reason, IdempotencyKey key, CancellationToken ct = default) =>
        Check(terms.Unit, terms.Amount, reason) is { } refusal
            ? Task.FromResult<PostResult>(new PostResult.Refused(refusal))
            : PostAsync(actor, "grant.given", new GrantOperation(account, Origin.Api, key.Value, terms, reason),
                new { terms.Unit, terms.Amount, terms.Source, terms.ExpiresAt }, reason, ct);

    /// <summary>Corrects a wallet: above zero puts in, below zero takes out, never below the wallet's floor.</summary>
    public Task<PostResult> AdjustAsync(string actor, AccountId account, Unit unit, Amount amount, string reason, IdempotencyKey key, CancellationToken ct = default) =>
        Check(unit, amount, reason) is { } refusal
            ? Task.FromResult<PostResult>(new PostResult.Refused(refusal))
            : PostAsync(actor, "adjustment.made", new AdjustmentOperation(account, Origin.Api, key.Value, unit, amount, reason), new { unit, amount }, reason, ct);

    /// <summary>Gives back what an open hold has reserved.</summary>
    public Task<PostResult> ReleaseHoldAsync(string actor, HoldId hold, IdempotencyKey key, CancellationToken ct = default) =>
        PostAsync(actor, "hold.released", new ReleaseHoldOperation(hold, Origin.Api, key.Value, ReleasedByStaff), new { hold = hold.ToString() }, ReleasedByStaff, ct);

    private async Task<PostResult> PostAsync(string actor, string action, Operation operation, object what, string reason, CancellationToken ct)
    {
        await using var scope = await tenants.ForWriterAsync(ct);
        var result = await ledger.PostAsync(scope, operation, ct);
        if (result is PostResult.Posted posted)
        {
            if (!posted.Replayed)
            {
                audit.Record(scope, actor, action, operation.Account.ToString(), after: what, account: operation.Account, reason: reason);
            }

            await scope.CommitAsync(ct);
            if (!posted.Replayed)
            {
                StaffPosted(action, operation.Account, posted.OperationId);
            }
        }

        return result;
    }

    private void StaffPosted(string action, AccountId account, Guid operation)
    {
        Posted.Add(1, new KeyValuePair<string, object?>("action", action));
        LogPosted(action, account, operation);
    }

    [LoggerMessage(3004, LogLevel.Information, "{Action} {Account} {Operation}", EventName = "staff.posted")]
    private partial void LogPosted(string action, AccountId account, Guid operation);

    private Refusal? Check(Unit unit, Amount amount, string reason)
    {
        if (amount.IsZero || !amount.IsWithinRequestLimit)
        {
            return Refusal.Invalid("amount", "Must not be zero, and at most 1,000,000,000. Nothing was posted.", ErrorCode.InvalidAmount);
        }

        if (string.IsNullOrWhiteSpace(reason) || reason.Length > StaffBodies.LongestReason || BodyValues.HasControl(reason))
        {
            return Refusal.Invalid("reason", "Is required: at most 500 characters without line breaks. Nothing was posted.");
        }

        if (unit == Unit.FreeUse && decimal.Truncate(amount.Value) != amount.Value)
        {
            return Refusal.Invalid("amount", "Free uses are whole. Nothing was posted.", ErrorCode.InvalidAmount);
        }

        return IsKnown(unit) ? null : Refusal.Invalid("unit", $"The catalog has no '{unit}' that could be put into a wallet. Nothing was posted.");
    }

    private bool IsKnown(Unit unit)
    {
        var current = catalog.Current;
        if (unit.IsMeter)
        {
            return current.FindMeter(unit.Code) is { Kind: MeterKind.Counter };
        }

        return !unit.IsCurrency || unit == current.Currency
            || current.Plans.Any(plan => plan.Prices.Any(price => price.Currency == unit)) || current.CreditPacks.Any(pack => pack.Currency == unit);
    }
}
