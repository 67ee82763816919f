using BillingPortal.Audit;
using BillingPortal.Data;
using BillingPortal.Primitives;
using Microsoft.EntityFrameworkCore;

namespace BillingPortal.Payments;

/// <summary>What to look for in the inbox; nulls do not narrow.</summary>
/// <param name="After">Events received before this one: the last id of the page before.</param>
public sealed record WebhookEventFilter(WebhookEventStatus? Status = null, string? Type = null, string? After = null);

/// <summary>The inbox as staff see it: list, one, replay.</summary>
public sealed class WebhookEvents
{
    private readonly Tenants tenants;
    private readonly AuditTrail audit;
    private readonly TimeProvider time;
    private readonly WebhookSignal signal;

    internal WebhookEvents(Tenants tenants, AuditTrail audit, TimeProvider time, WebhookSignal signal) => (this.tenants, this.audit, this.time, this.signal) = (tenants, audit, time, signal);

    /// <summary>Newest first.</summary>
    public async Task<IReadOnlyList<WebhookEvent>> ListAsync(WebhookEventFilter filter, int limit, CancellationToken ct = default)
    {
        await using var scope = await tenants.ForStaffAsync(ct);
        var events = scope.Db.Set<WebhookEvent>().AsNoTracking();
        if (filter.Status is { } status)
        {
            events = events.Where(e => e.Status == status);
        }

        if (filter.Type is { } type)
        {
            events = events.Where(e => e.Type == type);
        }

        if (filter.After is { } after)
        {
            var received = await events.Where(e => e.Id == after).Select(e => e.ReceivedAt).FirstOrDefaultAsync(ct);
            events = events.Where(e => EF.Functions.LessThan(ValueTuple.Create(e.ReceivedAt, e.Id), ValueTuple.Create(received, after)));
        }

        return await events.OrderByDescending(e => e.ReceivedAt).ThenByDescending(e => e.Id).Take(limit).ToListAsync(ct);
    }

    /// <returns>Null: no such event was received.</returns>
    public async Task<WebhookEvent?> FindAsync(string id, CancellationToken ct = default)
    {
        await using var scope = await tenants.ForStaffAsync(ct);
        return await scope.Db.Set<WebhookEvent>().AsNoTracking().FirstOrDefaultAsync(e => e.Id == id, ct);
    }

    /// <summary>Processes an event again, whatever became of it before: handlers go by what Stripe has now, so a repeat changes nothing that is right.</summary>
    /// <returns>The event as it waits now; null when there is none.</returns>
    public async Task<WebhookEvent?> ReplayAsync(string id, string actor, CancellationToken ct = default)
    {
        await using var scope = await tenants.ForStaffAsync(ct);
        if (await scope.Db.Set<WebhookEvent>().FirstOrDefaultAsync(e => e.Id == id, ct) is not { } found)
        {
            return null;
        }

        audit.Record(scope, actor, "webhook_event.replayed", id, before: new { found.Status, found.Attempts, found.Outcome });
        found.Status = WebhookEventStatus.Received;
        (found.Attempts, found.Failures) = (0, 0);
        found.NextAttemptAt = time.Now();
        scope.OnCommitted(signal.Wake);
        await scope.CommitAsync(ct);
        return found;
    }
}
