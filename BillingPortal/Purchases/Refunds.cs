using BillingPortal.Audit;
using BillingPortal.Data;
using BillingPortal.Payments;
using BillingPortal.Payments.Stripe;
using BillingPortal.Primitives;
using Microsoft.EntityFrameworkCore;
using Npgsql;

namespace BillingPortal.Purchases;

/// <summary>What became of a wish to refund. Closed.</summary>
public abstract record RefundResult
{
    private RefundResult()
    {
    }

    public T Match<T>(Func<Refund, bool, T> taken, Func<Refusal, T> refused) => this switch
    {
        Taken t => taken(t.Refund, t.Replayed),
        Refused r => refused(r.Refusal),
        _ => throw new InvalidOperationException("A refund is taken or refused."),
    };

    /// <summary>Stripe has it, or will: <see cref="RefundStatus.Requested"/> means that no answer came yet, and it settles by itself.</summary>
    public sealed record Taken(Refund Refund, bool Replayed) : RefundResult;

    public sealed record Refused(Refusal Refusal) : RefundResult;
}

/// <summary>Gives a payment back, in part or whole, at staff's word: written down first, asked of Stripe under its own key, settled like any other refund.</summary>
public sealed class Refunds
{
    private readonly Tenants tenants;
    private readonly NpgsqlDataSource database;
    private readonly StripeClient stripe;
    private readonly RefundReadings readings;
    private readonly RefundSettlement settlement;
    private readonly AuditTrail audit;
    private readonly TimeProvider time;

    internal Refunds(Tenants tenants, NpgsqlDataSource database, StripeClient stripe, RefundReadings readings, RefundSettlement settlement, AuditTrail audit, TimeProvider time) =>
        (this.tenants, this.database, this.stripe, this.readings, this.settlement, this.audit, this.time) = (tenants, database, stripe, readings, settlement, audit, time);

    /// <param name="payment"><c>pi_…</c> of a payment that bought credits or money.</param>
    /// <param name="amount">In the payment's currency; null: all that is left.</param>
    /// <param name="reason">Mandatory; on the audit record.</param>
    public async Task<RefundResult> StartAsync(string payment, Amount? amount, string reason, string actor, IdempotencyKey key, CancellationToken ct = default)
    {
        var (row, replayed, refusal) = await WriteDownAsync(payment, amount, reason, actor, key, ct);
        if (refusal is not null)
        {
            return new RefundResult.Refused(refusal);
        }

        return replayed && row!.Status != RefundStatus.Requested ? new RefundResult.Taken(row, true) : await SendAsync(row!, replayed, ct);
    }

    /// <summary>Asks Stripe under the refund's key, for the first time or again.</summary>
    internal async Task<RefundResult> SendAsync(Refund row, bool replayed, CancellationToken ct)
    {
        var made = await stripe.Refunds.CreateAsync(new()
        {
            PaymentIntent = row.PaymentId,
            Amount = StripeMoney.ToMinor(row.Amount, row.Currency),
            Reason = "requested_by_customer",
            Metadata = new Dictionary<string, string> { ["account"] = row.AccountId.ToString(), ["refund"] = row.ShownId },
        }, row.StripeKey, ct);
        if (!made.TryGet(out _, out var error))
        {
            if (error.IsTransient)
            {
                return new RefundResult.Taken(row, replayed);
            }

            await RefuseAsync(row, error.Message, ct);
            return new RefundResult.Refused(error.ToRefusal());
        }

        await FollowAsync(row.PaymentId, ct);
        return new RefundResult.Taken(await ReadAsync(row.AccountId, row.Id, ct), replayed);
    }

    /// <summary>Takes over the payment's refunds now, and not only when their events come.</summary>
    internal async Task FollowAsync(string payment, CancellationToken ct)
    {
        if (!(await readings.ReadAsync(payment, ct)).TryGet(out var reading, out _) || !reading.IsKnown)
        {
            return; // the events tell
        }

        await using var turn = await CustomerTurn.TakeAsync(database, reading.Refunds.Customer ?? payment, time, ct);
        if (turn is not null && (await readings.ReadAsync(payment, ct)).TryGet(out reading, out _))
        {
            await using var scope = await tenants.ForWriterAsync(ct);
            if (await settlement.ApplyAsync(scope, reading.Refunds, ct) is null)
            {
                await scope.CommitAsync(ct);
            }
        }
    }

    private async Task<(Refund? Row, bool Replayed, Refusal? Refusal)> WriteDownAsync(string payment, Amount? amount, string reason, string actor, IdempotencyKey key, CancellationToken ct)
    {
        await using var scope = await tenants.ForWriterAsync(ct);
        if (await Clawbacks.LockAsync(scope, payment, ct) is not { } paid)
        {
            return (null, false, new(ErrorCode.NotFound, "There is no such payment. Nothing was refunded."));
        }

        var rows = await scope.Db.Set<Refund>().Where(r => r.AccountId == paid.AccountId && (r.PaymentId == payment || r.ClientKey == key.Value)).ToListAsync(ct);
        if (rows.Find(r => r.ClientKey == key.Value) is { } same)
        {
            var isSame = same.PaymentId == payment && same.Reason == reason && (amount is null || amount == same.Amount);
            return isSame ? (same, true, null) : (null, false, new(ErrorCode.IdempotencyConflict, "This Idempotency-Key was used for another refund. Nothing was refunded."));
        }

        var left = rows.Where(r => r.Status is RefundStatus.Requested or RefundStatus.Pending or RefundStatus.Succeeded).Aggregate(paid.Paid, (rest, r) => rest - r.Amount);
        var wanted = amount ?? left;
        if (Check(wanted, left, paid.Currency) is { } refusal)
        {
            return (null, false, refusal);
        }

        var row = new Refund
        {
            AccountId = paid.AccountId,
            Id = Guid.CreateVersion7(),
            PaymentId = payment,
            Status = RefundStatus.Requested,
            Amount = wanted,
            Currency = paid.Currency,
            Actor = actor.Length <= 200 ? actor : actor[..200],
            Reason = reason,
            ClientKey = key.Value,
            CreatedAt = time.Now(),
        };
        scope.Db.Add(row);
        audit.Record(scope, actor, "refund.requested", payment, after: new { refund = row.ShownId, row.Amount, row.Currency }, account: paid.AccountId, reason: reason);
        await scope.CommitAsync(ct);
        return (row, false, null);
    }

    private static Refusal? Check(Amount wanted, Amount left, Unit currency) =>
        !left.IsPositive ? new(ErrorCode.Conflict, "Nothing is left of this payment to refund.")
        : !wanted.IsPositive || wanted > left || !StripeMoney.TryToMinor(wanted, currency, out _)
            ? Refusal.Invalid("amount", $"An amount above zero, in whole coins, and at most the {left} {currency} that are left. Nothing was refunded.", ErrorCode.InvalidAmount)
        : null;

    private async Task RefuseAsync(Refund row, string why, CancellationToken ct)
    {
        await using var scope = await tenants.ForWriterAsync(ct);
        await scope.Db.Set<Refund>().Where(r => r.AccountId == row.AccountId && r.Id == row.Id && r.Status == RefundStatus.Requested)
            .ExecuteUpdateAsync(set => set.SetProperty(r => r.Status, RefundStatus.Refused).SetProperty(r => r.Outcome, why.Length <= 1000 ? why : why[..1000]), ct);
        await scope.CommitAsync(ct);
    }

    private async Task<Refund> ReadAsync(AccountId account, Guid id, CancellationToken ct)
    {
        await using var scope = await tenants.ForAccountAsync(account, ct);
        return await scope.Db.Set<Refund>().AsNoTracking().SingleAsync(r => r.AccountId == account && r.Id == id, ct);
    }
}
