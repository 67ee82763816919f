using BillingPortal.Data;
using BillingPortal.Payments;
using BillingPortal.Payments.Stripe;
using BillingPortal.Primitives;
using Microsoft.EntityFrameworkCore;

namespace BillingPortal.Reconciliation;

/// <summary>What stands at Stripe beside what stands here, for one kind of object.</summary>
internal interface IComparison
{
    /// <summary>Reads both sides and writes down what they say differently.</summary>
    /// <returns>Null when Stripe told everything; the error otherwise, and then nothing counts as gone.</returns>
    Task<StripeError?> CompareAsync(Findings findings, CancellationToken ct);

    IReadOnlyCollection<DifferenceKind> Kinds { get; }
}

/// <summary>What one comparison found.</summary>
/// <param name="Since">Objects made before this are not compared.</param>
/// <param name="Until">Nor are those made after: their events may be under way.</param>
internal sealed class Findings(DateTimeOffset since, DateTimeOffset until)
{
    private readonly List<Found> found = [];

    public StripeRange Created { get; } = new(since, until);
    public DateTimeOffset Since => since;
    public DateTimeOffset Until => until;
    public IReadOnlyList<Found> All => found;
    /// <summary>Objects of Stripe's that were looked at.</summary>
    public int Compared { get; set; }

    public void Add(Found difference) => found.Add(difference);
}

/// <param name="AtStripe">What Stripe says.</param>
/// <param name="Here">What the ledger, or the mirror, says.</param>
internal sealed record Found(DifferenceKind Kind, string ObjectId, string AtStripe, string Here, Mend Mend, string? EventType = null, AccountId? Account = null, string? Customer = null)
{
    /// <summary>Why it is so, where the comparison itself knows; else the inbox is asked.</summary>
    public string? Why { get; init; }
}

/// <summary>What the inbox knows about an object: why its news did not take effect.</summary>
internal static class InboxReason
{
    public static async Task<string> OfAsync(TenantScope scope, string objectId, CancellationToken ct)
    {
        var last = await scope.Db.Set<WebhookEvent>().AsNoTracking().Where(e => e.ObjectId == objectId).OrderByDescending(e => e.ReceivedAt).FirstOrDefaultAsync(ct);
        return last switch
        {
            null => "No event about it has come: the delivery failed, went to another address, or the endpoint does not send this type.",
            { Status: WebhookEventStatus.Parked } => $"Its event {last.Type} was parked: {last.Outcome}",
            { Status: WebhookEventStatus.Received } => $"Its event {last.Type} waits to be processed{(last.Outcome is null ? "." : $": {last.Outcome}")}",
            { Status: WebhookEventStatus.Unhandled } => $"Its event {last.Type} is of a type that nothing here handles.",
            _ => $"Its event {last.Type} was processed{(last.Outcome is null ? "" : $": {last.Outcome}")}; it has changed at Stripe since, and no event told.",
        };
    }
}
