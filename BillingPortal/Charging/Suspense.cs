using BillingPortal.Audit;
using BillingPortal.Data;
using BillingPortal.Ledger;
using BillingPortal.Primitives;
using BillingPortal.Rating;
using Microsoft.EntityFrameworkCore;

namespace BillingPortal.Charging;

/// <summary>The queue of charges that no rate covered (F6): priced, which posts a charge as for what has happened already, or waived. Each is settled once, on the audit record in the same transaction.</summary>
public sealed class Suspense(Ledger.Ledger ledger, Tenants tenants, AuditTrail audit, TimeProvider time)
{
    /// <summary>One page, newest first.</summary>
    /// <param name="before">The id that the page before ended with; null: the first page.</param>
    public async Task<IReadOnlyList<SuspenseCharge>> ListAsync(SuspenseState state, Guid? before, int limit, CancellationToken ct = default)
    {
        await using var scope = await tenants.ForStaffAsync(ct);
        var rows = scope.Db.Set<SuspenseCharge>().AsNoTracking().Where(s => s.State == state);
        rows = before is { } last ? rows.Where(s => s.ChargeId.CompareTo(last) < 0) : rows;
        return await rows.OrderByDescending(s => s.ChargeId).Take(limit).ToListAsync(ct);
    }

    /// <summary>Posts the price of a waiting charge. It happened, so nothing refuses it: what no wallet covers becomes debt.</summary>
    /// <param name="price">Null: by the rates now in force.</param>
    /// <returns>The charge that took the price; 404 for none that waits, 422 where still no rate covers it.</returns>
    public async Task<(ChargeId? Charge, Refusal? Refusal)> PriceAsync(string actor, ChargeId id, UnitAmount? price, CancellationToken ct = default)
    {
        await using var scope = await tenants.ForWriterAsync(ct);
        if (await SettleAsync(scope, actor, id, SuspenseState.Priced, ct) is not { } waiting)
        {
            return (null, NotWaiting);
        }

        var charge = await scope.Db.Set<Charge>().AsNoTracking().SingleAsync(c => c.AccountId == id.Account && c.Id == id.Value, ct);
        var operation = new ChargeOperation(id.Account, Origin.Job, $"suspense:{id.Value:N}", RequestOf(charge, price), EnforcementMode.Enforce);
        if ((await ledger.PostAsync(scope, operation, ct)).Match(_ => (Refusal?)null, refusal => refusal) is { } refused)
        {
            return (null, refused);
        }

        if (operation.Receipt is { IsSuspense: true })
        {
            return (null, new(ErrorCode.UnpricedModel, $"Still no rate is known for the model '{charge.Model}'. Nothing was charged; add a rate to the rate card, or name an amount."));
        }

        waiting.PricedBy = operation.Id;
        audit.Record(scope, actor, "suspense.priced", id.ToString(), null, new { price, charge = new ChargeId(id.Account, operation.Id).ToString() }, id.Account);
        await scope.CommitAsync(ct);
        return (new(id.Account, operation.Id), null);
    }

    /// <summary>Lets a waiting charge go without a price.</summary>
    /// <param name="reason">Mandatory, at most 500 characters.</param>
    public async Task<Refusal?> WaiveAsync(string actor, ChargeId id, string? reason, CancellationToken ct = default)
    {
        if (!PlainText.IsValid(reason, 500))
        {
            return Refusal.Invalid("reason", "Is required: at most 500 characters without line breaks. Nothing was changed.");
        }

        await using var scope = await tenants.ForWriterAsync(ct);
        if (await SettleAsync(scope, actor, id, SuspenseState.Waived, ct) is null)
        {
            return NotWaiting;
        }

        audit.Record(scope, actor, "suspense.waived", id.ToString(), account: id.Account, reason: reason);
        await scope.CommitAsync(ct);
        return null;
    }

    private static Refusal NotWaiting { get; } = new(ErrorCode.NotFound, "No such charge waits for a price. Nothing was changed.");

    private async Task<SuspenseCharge?> SettleAsync(TenantScope scope, string actor, ChargeId id, SuspenseState state, CancellationToken ct)
    {
        // Two people at once: the second waits here, and finds it settled.
        await scope.Db.Database.ExecuteSqlAsync($"select 1 from suspense_charges where account_id = {id.Account.Value} and charge_id = {id.Value} for update", ct);
        var waiting = await scope.Db.Set<SuspenseCharge>().SingleOrDefaultAsync(s => s.AccountId == id.Account && s.ChargeId == id.Value && s.State == SuspenseState.Open, ct);
        if (waiting is not null)
        {
            (waiting.State, waiting.SettledAt, waiting.SettledBy) = (state, time.Now(), actor);
        }

        return waiting;
    }

    private static ChargeRequest RequestOf(Charge charge, UnitAmount? price) => new(new ChargeSubject
    {
        Provider = charge.Provider,
        Model = charge.Model,
        Tokens = new(charge.InputTokens ?? 0, charge.OutputTokens ?? 0, charge.CachedInputTokens ?? 0, charge.CacheWriteTokens ?? 0, charge.ReasoningTokens ?? 0),
        Unit = price?.Unit,
        Amount = price?.Amount,
        // A price that a person names is the price, whatever the outcome was.
        Outcome = price is null ? OutcomeNames.Find(charge.Outcome) ?? Catalog.Outcome.Success : Catalog.Outcome.Success,
    })
    {
        Member = charge.Member,
        Agent = charge.Agent,
        Run = charge.Run,
        Reason = $"The price of {charge.ShownId}",
        Events = 1,
    };
}
