using BillingPortal.Audit;
using BillingPortal.Data;
using BillingPortal.Ledger;
using BillingPortal.Payments;
using BillingPortal.Payments.Stripe;
using BillingPortal.Primitives;
using BillingPortal.Purchases;
using BillingPortal.Subscriptions;
using BillingPortal.Usage.Submission;
using Microsoft.EntityFrameworkCore;
using Npgsql;

namespace BillingPortal.Reconciliation;

/// <summary>Mends one difference at somebody's word. Whatever it does goes the way that the missed event would have gone, under the same keys: pressed twice, it acts once.</summary>
internal sealed class Mending(Tenants tenants, WebhookInbox inbox, WebhookEvents events, SubscriptionMirror subscriptions, Ledger.Ledger ledger, MissingReports reports, NpgsqlDataSource database, IStripeConnection connection, AuditTrail audit, TimeProvider time)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(8);

    /// <returns>The difference as it stands then, or why nothing was done.</returns>
    public async Task<Result<Difference>> MendAsync(Guid id, string actor, CancellationToken ct)
    {
        Difference? asked;
        await using (var scope = await tenants.ForStaffAsync(ct))
        {
            asked = await scope.Db.Set<Difference>().AsNoTracking().FirstOrDefaultAsync(d => d.Id == id, ct);
        }

        if (asked is null)
        {
            return new Refusal(ErrorCode.NotFound, "There is no such difference.");
        }

        if (asked.Mend == Mend.ByHand)
        {
            return new Refusal(ErrorCode.Conflict, "This one is mended by hand, as its explanation says. Nothing was done.");
        }

        var failed = asked.Status != DifferenceStatus.Open ? null : asked.Mend switch
        {
            Mend.TakeOver => await TakeOverAsync(asked, ct),
            Mend.EndSubscription => await EndSubscriptionAsync(asked, ct),
            Mend.TakeBack => await TakeBackAsync(asked, ct),
            Mend.SendAgain => await reports.SendMissingAsync(asked.AccountId!.Value, asked.ObjectId.Split(' ')[0], ct),
            _ => null,
        };
        return await KeepAsync(asked, actor, failed, ct);
    }

    private async Task<string?> TakeOverAsync(Difference asked, CancellationToken ct)
    {
        var hint = await inbox.HintAsync(asked.EventType!, asked.ObjectId, asked.Customer, connection.Current.IsLive, ct);
        var until = time.GetTimestamp();
        while (time.GetElapsedTime(until) < Patience)
        {
            var row = await events.FindAsync(hint, ct);
            if (row is { Status: WebhookEventStatus.Processed })
            {
                return null;
            }

            if (row is { Status: WebhookEventStatus.Parked })
            {
                return row.Outcome;
            }

            await Task.Delay(100, ct);
        }

        return "It waits to be processed; look again in a moment.";
    }

    /// <summary>Takes over an ended subscription, as Stripe would have told if it had it.</summary>
    private async Task<string?> EndSubscriptionAsync(Difference asked, CancellationToken ct)
    {
        await using var turn = await CustomerTurn.TakeAsync(database, asked.Customer ?? asked.ObjectId, time, ct);
        await using var scope = await tenants.ForWriterAsync(ct);
        if (turn is null || await scope.Db.Set<Subscription>().AsNoTracking().FirstOrDefaultAsync(s => s.Id == asked.ObjectId, ct) is not { } row)
        {
            return "The subscription is being changed just now; try again.";
        }

        var price = new StripePrice(row.PriceId)
        {
            Currency = row.Currency.Code,
            UnitAmount = StripeMoney.ToMinor(row.Price, row.Currency),
            Metadata = new Dictionary<string, string> { ["catalog"] = $"{row.Plan}_{row.Interval}_{row.Currency}" },
        };
        var ended = new StripeSubscription(row.Id)
        {
            Status = "canceled",
            Customer = new(row.CustomerId),
            EndedAt = time.Now(),
            BillingCycleAnchor = row.Anchor,
            StartDate = row.StartedAt,
            Items = new([new(row.ItemId, price) { Quantity = 1, CurrentPeriodStart = row.CurrentPeriodStart, CurrentPeriodEnd = row.CurrentPeriodEnd }]),
        };
        if (await subscriptions.ApplyAsync(scope, ended, new("reconciliation", asked.ShownId), ct) is { } refused)
        {
            return refused;
        }

        await scope.CommitAsync(ct);
        return null;
    }

    /// <summary>What the order had put in goes out again: first what is left of it, then the rest; what is spent becomes debt.</summary>
    private async Task<string?> TakeBackAsync(Difference asked, CancellationToken ct)
    {
        await using var scope = await tenants.ForWriterAsync(ct);
        if (await scope.Db.Set<Order>().AsNoTracking().FirstOrDefaultAsync(o => o.SessionId == asked.ObjectId, ct) is not { Status: OrderStatus.Fulfilled } order)
        {
            return "No order is known for this checkout: adjust the account by hand.";
        }

        var unit = order.Kind == OrderKind.Reserve ? order.Currency : Unit.Credit;
        var clawback = new ClawbackOperation(order.AccountId, Origin.Job, $"reconciliation:{asked.ObjectId}", new(unit, order.Granted, order.Bonus), asked.ObjectId, isDispute: false, Shortfall.Debt);
        if ((await ledger.PostAsync(scope, clawback, ct)).Match(_ => (string?)null, refusal => refusal.Detail) is { } refused)
        {
            return refused;
        }

        await scope.CommitAsync(ct);
        return null;
    }

    private async Task<Difference> KeepAsync(Difference asked, string actor, string? failed, CancellationToken ct)
    {
        await using var scope = await tenants.ForStaffAsync(ct);
        var row = await scope.Db.Set<Difference>().SingleAsync(d => d.Id == asked.Id, ct);
        if (row.Status == DifferenceStatus.Open)
        {
            row.Outcome = failed;
            if (failed is null)
            {
                (row.Status, row.MendedAt, row.MendedBy) = (DifferenceStatus.Mended, time.Now(), actor.Length <= 200 ? actor : actor[..200]);
            }

            audit.Record(scope, actor, "difference.mended", row.ObjectId, before: new { row.Kind, row.AtStripe, row.Here }, after: new { row.Status, row.Outcome }, account: row.AccountId);
        }

        await scope.CommitAsync(ct);
        return row;
    }
}
