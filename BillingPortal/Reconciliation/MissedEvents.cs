using System.Text.Json;
using BillingPortal.Data;
using BillingPortal.Payments;
using BillingPortal.Payments.Stripe;
using BillingPortal.Primitives;
using Microsoft.EntityFrameworkCore;
using Npgsql;

namespace BillingPortal.Reconciliation;

/// <summary>Reads Stripe's events since the last seen one and puts those that were never delivered into the inbox, where they go the way of all others.</summary>
internal sealed partial class MissedEvents(
    StripeClient stripe, IStripeConnection connection, WebhookInbox inbox, StripeEventHandlers handlers, Tenants tenants, NpgsqlDataSource database, TimeProvider time, ILogger<MissedEvents> log)
{
    /// <summary>How long a delivery may be under way before the event counts as missed.</summary>
    private static readonly TimeSpan UnderWay = TimeSpan.FromMinutes(2);
    /// <summary>Events may be listed a little after they were made.</summary>
    private static readonly TimeSpan Overlap = TimeSpan.FromMinutes(10);
    /// <summary>How far back a first reading goes; what was before this portal does not concern it.</summary>
    private static readonly TimeSpan First = TimeSpan.FromDays(1);
    /// <summary>Stripe keeps events for 30 days.</summary>
    private static readonly TimeSpan Kept = TimeSpan.FromDays(29);
    private const int TypesAtOnce = 20;

    /// <returns>How many were missed; the error when Stripe did not tell, and then nothing counts as read.</returns>
    public async Task<StripeResult<MissedCount>> FetchAsync(CancellationToken ct)
    {
        if (connection.Current is { Mode: PaymentsMode.None } or { SecretKey: null })
        {
            return new MissedCount(0);
        }

        await using var turn = await CustomerTurn.TryTakeAsync(database, "events", ct);
        if (turn is null)
        {
            return new MissedCount(0); // another instance reads them just now
        }

        var until = time.GetUtcNow() - UnderWay;
        var since = await SinceAsync(until, ct);
        var missed = 0;
        // Oldest types first or last does not matter: handlers read the objects afresh.
        foreach (var types in handlers.Types.Chunk(TypesAtOnce))
        {
            if (!(await stripe.Books.EventsAsync(types, new(since, until), ct)).TryGet(out var events, out var error))
            {
                LogNotRead(error.Message);
                return error;
            }

            foreach (var listed in events.Reverse())
            {
                missed += await KeepAsync(listed, ct) ? 1 : 0;
            }
        }

        await using var scope = await tenants.ForStaffAsync(ct);
        await scope.Db.Database.ExecuteSqlAsync($"update reconciliation_state set events_until = {until}, events_read_at = {time.Now()}", ct);
        await scope.CommitAsync(ct);
        if (missed > 0)
        {
            LogMissed(missed);
        }

        return new MissedCount(missed);
    }

    private async Task<DateTimeOffset> SinceAsync(DateTimeOffset until, CancellationToken ct)
    {
        await using var scope = await tenants.ForStaffAsync(ct);
        await scope.Db.Database.ExecuteSqlAsync($"insert into reconciliation_state (id, compared) values (1, 0) on conflict do nothing", ct);
        var seen = await scope.Db.Set<ReconciliationState>().Select(s => s.EventsUntil).SingleAsync(ct);
        await scope.CommitAsync(ct);
        var since = seen - Overlap ?? until - First;
        return since < until - Kept ? until - Kept : since;
    }

    private async Task<bool> KeepAsync(JsonElement listed, CancellationToken ct) =>
        StripeEvent.Read(listed) is { } read && read.Livemode == connection.Current.IsLive && await inbox.StoreAsync(read, listed.GetRawText(), read.WhyParked, ct, fetched: true);

    [LoggerMessage(1501, LogLevel.Warning, "{Count} events of Stripe's were never delivered and were fetched")]
    private partial void LogMissed(int count);

    [LoggerMessage(1502, LogLevel.Warning, "Stripe's events could not be read: {Reason}")]
    private partial void LogNotRead(string reason);
}

internal sealed record MissedCount(int Count);
