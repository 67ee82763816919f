using BillingPortal.Accounts;
using BillingPortal.Data;
using BillingPortal.Ledger;
using BillingPortal.Payments;
using BillingPortal.Payments.Stripe;
using BillingPortal.Primitives;
using BillingPortal.Purchases;
using Microsoft.EntityFrameworkCore;

namespace BillingPortal.Reconciliation;

/// <summary>One purchase from end to end: what was wished, what Stripe has, what it told, what was granted, and the verdict in a sentence.</summary>
public sealed record TracedPayment(
    string? Order, string? Account, string? Bought, string? OrderStatus, TracedCheckout? Checkout, IReadOnlyList<TracedEvent> Events, IReadOnlyList<TracedGrant> Grants, bool IsGranted, string Verdict)
{
    /// <summary>Of an automatic top-up, which has no checkout.</summary>
    public string? PaymentIntent { get; init; }
}

/// <param name="Metadata">As Stripe has it: what ties the payment to its order.</param>
public sealed record TracedCheckout(string Id, string Status, string PaymentStatus, long? AmountTotal, string? Currency, string? PaymentIntent, string? Customer, IReadOnlyDictionary<string, string> Metadata);

/// <param name="Fetched">True: it was never delivered and had to be fetched.</param>
public sealed record TracedEvent(string Id, string Type, WebhookEventStatus Status, string? Outcome, DateTimeOffset ReceivedAt, bool Fetched);

public sealed record TracedGrant(Unit Unit, Amount Amount, GrantSource Source, DateTimeOffset CreatedAt);

/// <summary>From a checkout session, payment intent, order, event, customer, account or e-mail address to the grant, or to the reason why there is none (B10).</summary>
public sealed class PaymentTrace
{
    private readonly StripeClient stripe;
    private readonly Tenants tenants;
    private readonly AccountDirectory directory;
    private readonly TopUpTrace topUps;
    private readonly TimeProvider time;

    internal PaymentTrace(StripeClient stripe, Tenants tenants, AccountDirectory directory, TopUpTrace topUps, TimeProvider time) =>
        (this.stripe, this.tenants, this.directory, this.topUps, this.time) = (stripe, tenants, directory, topUps, time);

    /// <summary>Purchases traced at once, newest first.</summary>
    public const int Most = 20;

    /// <returns>Empty: nothing here or at Stripe is known by that name.</returns>
    public async Task<IReadOnlyList<TracedPayment>> FindAsync(string query, CancellationToken ct = default)
    {
        query = query.Trim();
        var (orders, sessions, accounts) = await LookUpAsync(query, ct);
        var traced = new List<TracedPayment>(accounts.Count > 0 ? await topUps.OfAsync(accounts, ct) : await topUps.FindAsync(await AboutAsync(query, ct), ct));
        foreach (var order in orders)
        {
            traced.Add(await TraceAsync(order, order.SessionId, ct));
        }

        foreach (var session in sessions.Where(s => orders.All(o => o.SessionId != s)))
        {
            traced.Add(await TraceAsync(await OrderOfAsync(session, ct), session, ct));
        }

        return [.. traced.Where(t => t.Order is not null || t.Checkout is not null || t.Events.Count > 0)];
    }

    /// <returns>What an event is about; anything else as it is.</returns>
    private async Task<string> AboutAsync(string query, CancellationToken ct)
    {
        if (!query.StartsWith("evt_", StringComparison.Ordinal) && !query.StartsWith("hint_", StringComparison.Ordinal))
        {
            return query;
        }

        await using var scope = await tenants.ForStaffAsync(ct);
        return await scope.Db.Set<WebhookEvent>().Where(e => e.Id == query).Select(e => e.ObjectId).FirstOrDefaultAsync(ct) ?? query;
    }

    private async Task<(List<Order> Orders, List<string> Sessions, List<AccountId> Accounts)> LookUpAsync(string query, CancellationToken ct)
    {
        query = await AboutAsync(query, ct);
        if (query.StartsWith("cs_", StringComparison.Ordinal))
        {
            return ([], [query], []);
        }

        if (query.StartsWith("pi_", StringComparison.Ordinal))
        {
            return ([], (await stripe.CheckoutSessions.ListAsync(new() { PaymentIntent = query }, ct)).Match(list => list.Data.Select(s => s.Id).ToList(), _ => []), []);
        }

        await using var scope = await tenants.ForStaffAsync(ct);
        if (ShownId.TryParse(Order.Prefix, query, out Guid orderId))
        {
            return (await scope.Db.Set<Order>().AsNoTracking().Where(o => o.Id == orderId).ToListAsync(ct), [], []);
        }

        var accounts = await AccountsAsync(scope, query, ct);
        return (await scope.Db.Set<Order>().AsNoTracking().Where(o => accounts.Contains(o.AccountId)).OrderByDescending(o => o.Id).Take(Most).ToListAsync(ct), [], accounts);
    }

    private async Task<List<AccountId>> AccountsAsync(TenantScope scope, string query, CancellationToken ct)
    {
        if (query.Contains('@', StringComparison.Ordinal))
        {
            return await scope.Db.Set<Account>().Where(a => EF.Functions.ILike(a.Email!, query.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("%", "\\%", StringComparison.Ordinal).Replace("_", "\\_", StringComparison.Ordinal))).Select(a => a.AccountId).Take(Most).ToListAsync(ct);
        }

        if (query.StartsWith("cus_", StringComparison.Ordinal))
        {
            return await CustomerLinks.AccountOfAsync(scope, query, ct) is { } linked ? [linked] : [];
        }

        return await directory.FindAsync(query, ct) is { } named ? [named] : [];
    }

    private async Task<Order?> OrderOfAsync(string session, CancellationToken ct)
    {
        await using var scope = await tenants.ForStaffAsync(ct);
        return await scope.Db.Set<Order>().AsNoTracking().FirstOrDefaultAsync(o => o.SessionId == session, ct);
    }

    private async Task<TracedPayment> TraceAsync(Order? order, string? sessionId, CancellationToken ct)
    {
        StripeError? error = null;
        var session = sessionId is null ? null : (await stripe.CheckoutSessions.GetAsync(sessionId, ct)).Match(found => found, failed =>
        {
            error = failed;
            return (StripeCheckoutSession?)null;
        });
        await using var scope = await tenants.ForStaffAsync(ct);
        string?[] about = [sessionId, session?.PaymentIntent?.Value, session?.Subscription?.Value];
        var ids = about.OfType<string>().ToList();
        var events = await scope.Db.Set<WebhookEvent>().AsNoTracking().Where(e => ids.Contains(e.ObjectId!)).OrderBy(e => e.CreatedAt).Take(50).ToListAsync(ct);
        List<TracedGrant> grants = order is null || sessionId is null ? []
            : await scope.Db.Set<Grant>().AsNoTracking().Where(g => g.AccountId == order.AccountId && g.Reference == sessionId).Select(g => new TracedGrant(g.Unit, g.Amount, g.Source, g.CreatedAt)).ToListAsync(ct);
        var faults = await SignatureFaults.ReadAsync(scope, time.GetUtcNow().AddDays(-1), ct);
        var (granted, verdict) = TraceVerdict.Of(order, session, error, events.Where(e => e.ObjectId == sessionId).ToList(), faults.Count > 0 ? faults[0] : null);
        return new(
            order?.ShownId, order?.AccountId.ToString(), order is null ? null : order.Pack ?? order.Plan ?? $"{order.Granted} {order.Currency}", order?.Status.ToString().ToLowerInvariant(),
            session is null ? null : new(session.Id, session.Status, session.PaymentStatus, session.AmountTotal, session.Currency, session.PaymentIntent?.Value, session.Customer?.Value, session.Metadata),
            [.. events.Select(e => new TracedEvent(e.Id, e.Type, e.Status, e.Outcome, e.ReceivedAt, e.Fetched))], grants, granted, verdict);
    }
}

/// <summary>Why there is a grant, or none. Pure.</summary>
internal static class TraceVerdict
{
    /// <param name="events">Of the checkout itself.</param>
    /// <param name="refused">What was last not believed, within a day.</param>
    public static (bool Granted, string Verdict) Of(Order? order, StripeCheckoutSession? session, StripeError? error, IReadOnlyList<WebhookEvent> events, SignatureFaultCount? refused) => (order, session) switch
    {
        ({ Status: OrderStatus.Fulfilled }, _) => (true, $"Paid and granted at {order.FulfilledAt:yyyy-MM-dd HH:mm:ss} UTC."),
        (null, null) => (false, error?.Failure == StripeFailure.Missing ? "Neither this portal nor Stripe knows it, with the keys in force: it belongs to another account at Stripe, or to the other mode (test or live)." : "Not known here."),
        ({ SessionId: null }, _) => (false, "The wish was written down, but Stripe never gave a checkout for it: its price, its key or its connection failed. The doctor says which."),
        (not null, null) => (false, error?.Failure == StripeFailure.Missing ? "Stripe does not know this checkout with the keys in force: it was made with other keys (another account, test or live)." : $"Stripe did not say: {error?.Message}"),
        (null, _) => (false, session!.Metadata.ContainsKey("order") ? "It carries a portal's mark, but its order is not in this database: it belongs to another environment that shares the account at Stripe." : "It was not begun by this portal: nothing in its metadata names an order."),
        (_, { Status: "open" }) => (false, "The customer has not paid: the checkout is still open."),
        (_, { Status: "expired" }) => (false, "The customer never paid: the checkout has expired."),
        (_, { IsPaid: false }) => (false, "Checked out, but the money has not come: the payment method takes days, or failed."),
        _ => (false, $"Paid, and not granted. {Missing(events, refused)}"),
    };

    private static string Missing(IReadOnlyList<WebhookEvent> events, SignatureFaultCount? refused)
    {
        var last = events.Count > 0 ? events[^1] : null;
        return last switch
        {
            { Status: WebhookEventStatus.Parked } => $"Its event was parked: {last.Outcome} Mend that, then replay {last.Id}.",
            { Status: WebhookEventStatus.Received } => $"Its event waits to be processed{(last.Outcome is null ? "." : $": {last.Outcome}")}",
            { } => $"Its event was processed without effect: {last.Outcome}",
            null when refused is not null => $"Its event never came. {refused.Count} deliveries were refused since {refused.Day:yyyy-MM-dd}: {SignatureFaultCount.Explain(refused.Cause)}",
            null => "Its event never came, and none was refused: the endpoint at Stripe is missing, disabled, points elsewhere, or does not send this type. Reconciliation fetches it.",
        };
    }
}
