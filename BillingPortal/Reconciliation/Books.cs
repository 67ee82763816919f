using BillingPortal.Data;
using BillingPortal.Payments;
using BillingPortal.Payments.Stripe;
using BillingPortal.Primitives;
using Microsoft.EntityFrameworkCore;
using Npgsql;

namespace BillingPortal.Reconciliation;

/// <summary>Compares the ledger with Stripe (F8): fetches events that were missed, then looks at payments, subscriptions and invoices, and keeps what differs until it is gone.</summary>
internal sealed class Books(MissedEvents events, IEnumerable<IComparison> comparisons, IStripeConnection connection, Tenants tenants, NpgsqlDataSource database, TimeProvider time)
{
    /// <summary>How far back objects are compared.</summary>
    private static readonly TimeSpan Window = TimeSpan.FromDays(35);
    /// <summary>Younger objects may have their events under way.</summary>
    private static readonly TimeSpan UnderWay = TimeSpan.FromMinutes(2);

    /// <returns>Null when compared; why not otherwise.</returns>
    public async Task<Refusal?> CompareAsync(CancellationToken ct)
    {
        if (connection.Current is { Mode: PaymentsMode.None } or { SecretKey: null })
        {
            return new(ErrorCode.Conflict, "No payments are configured, so there is nothing to compare with.");
        }

        await using var turn = await CustomerTurn.TryTakeAsync(database, "reconciliation", ct);
        if (turn is null)
        {
            return new(ErrorCode.Conflict, "The books are being compared just now.");
        }

        var started = time.Now();
        var error = (await events.FetchAsync(ct)).Match<StripeError?>(_ => null, failed => failed);
        var findings = new Findings(started - Window, started - UnderWay);
        var complete = new List<DifferenceKind>();
        foreach (var comparison in error is null ? comparisons : [])
        {
            error = await comparison.CompareAsync(findings, ct);
            if (error is not null)
            {
                break;
            }

            complete.AddRange(comparison.Kinds);
        }

        await KeepAsync(findings, complete, started, error?.Message, ct);
        return error is null ? null : new(ErrorCode.Overloaded, $"Stripe did not tell everything: {error.Message}");
    }

    private async Task KeepAsync(Findings findings, List<DifferenceKind> complete, DateTimeOffset started, string? error, CancellationToken ct)
    {
        await using var scope = await tenants.ForStaffAsync(ct);
        var known = (await scope.Db.Set<Difference>().Where(d => d.Status != DifferenceStatus.Gone || d.SeenAt >= findings.Since).ToListAsync(ct)).ToDictionary(d => (d.Kind, d.ObjectId));
        foreach (var found in findings.All)
        {
            var why = found.Why ?? await InboxReason.OfAsync(scope, found.ObjectId, ct);
            if (!known.Remove((found.Kind, found.ObjectId), out var row))
            {
                row = new() { Id = Guid.CreateVersion7(), Kind = found.Kind, ObjectId = found.ObjectId, FoundAt = started };
                scope.Db.Add(row);
            }

            (row.AtStripe, row.Here, row.Explanation) = (Fit(found.AtStripe, 500), Fit(found.Here, 500), Fit(why, 1500));
            (row.Mend, row.EventType, row.AccountId, row.Customer) = (found.Mend, found.EventType, found.Account, found.Customer);
            // What was taken back stays unpaid at Stripe; it is settled all the same.
            (row.Status, row.SeenAt) = (row is { Mend: Mend.TakeBack, Status: DifferenceStatus.Mended } ? DifferenceStatus.Mended : DifferenceStatus.Open, started);
        }

        foreach (var gone in known.Values.Where(d => d.Status != DifferenceStatus.Gone && complete.Contains(d.Kind)))
        {
            (gone.Status, gone.SeenAt) = (DifferenceStatus.Gone, started);
        }

        await scope.Db.Database.ExecuteSqlAsync($"insert into reconciliation_state (id, compared) values (1, 0) on conflict do nothing", ct);
        var state = await scope.Db.Set<ReconciliationState>().SingleAsync(ct);
        (state.StartedAt, state.FinishedAt, state.Error, state.Compared) = (started, time.Now(), error is null ? null : Fit(error, 1000), findings.Compared);
        await scope.CommitAsync(ct);
    }

    private static string Fit(string text, int length) => text.Length <= length ? text : text[..length];
}
