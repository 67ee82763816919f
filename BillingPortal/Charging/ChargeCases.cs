using BillingPortal.Accounts;
using BillingPortal.Audit;
using BillingPortal.Data;
using BillingPortal.Ledger;
using BillingPortal.Primitives;
using Microsoft.EntityFrameworkCore;

namespace BillingPortal.Charging;

/// <summary>Opens and decides <see cref="ChargeCase"/>s: one for each charge; accepted, the charge is given back once.</summary>
public sealed class ChargeCases(Tenants tenants, Charges charges, Outbox.Outbox outbox, AuditTrail audit, TimeProvider time)
{
    public const int LongestText = 1_000;

    /// <param name="reason">The customer's words, 1 to 1,000 characters.</param>
    /// <returns>The charge's case: a repeat finds the first, decided or not. Refused when there is no such charge.</returns>
    public async Task<(ChargeCase? Case, Refusal? Refusal)> OpenAsync(ChargeId charge, string reason, string actor, CancellationToken ct = default)
    {
        if (string.IsNullOrWhiteSpace(reason) || reason.Length > LongestText || reason.Any(c => char.IsControl(c) && c is not '\n' and not '\r'))
        {
            return (null, Refusal.Invalid("reason", $"Say what is wrong with the charge, in 1 to {LongestText} characters. Nothing was done."));
        }

        await using var scope = await tenants.ForAccountAsync(charge.Account, ct);
        if (!await scope.Db.Set<Charge>().AnyAsync(c => c.AccountId == charge.Account && c.Id == charge.Value, ct))
        {
            return (null, new(ErrorCode.NotFound, "There is no such charge. Nothing was done."));
        }

        await scope.Db.Database.ExecuteSqlAsync(
            $"""
            insert into charge_cases (account_id, id, charge, status, reason, opened_by, opened_at)
            values ({charge.Account.Value}, {Guid.CreateVersion7()}, {charge.Value}, 'Open', {reason.Trim()}, {(actor.Length <= 200 ? actor : actor[..200])}, {time.Now()})
            on conflict (account_id, charge) do nothing
            """, ct);
        var found = await scope.Db.Set<ChargeCase>().AsNoTracking().SingleAsync(c => c.AccountId == charge.Account && c.Charge == charge.Value, ct);
        await scope.CommitAsync(ct);
        return (found, null);
    }

    /// <returns>The case of a charge; null: there is none.</returns>
    public async Task<ChargeCase?> FindAsync(ChargeId charge, CancellationToken ct = default)
    {
        await using var scope = await tenants.ForAccountAsync(charge.Account, ct);
        return await scope.Db.Set<ChargeCase>().AsNoTracking().FirstOrDefaultAsync(c => c.AccountId == charge.Account && c.Charge == charge.Value, ct);
    }

    /// <summary>Oldest open ones first, or the newest of all.</summary>
    public async Task<IReadOnlyList<ChargeCase>> ListAsync(bool openOnly, int limit, CancellationToken ct = default)
    {
        await using var scope = await tenants.ForStaffAsync(ct);
        var all = scope.Db.Set<ChargeCase>().AsNoTracking();
        return openOnly
            ? await all.Where(c => c.Status == ChargeCaseStatus.Open).OrderBy(c => c.OpenedAt).Take(limit).ToListAsync(ct)
            : await all.OrderByDescending(c => c.OpenedAt).Take(limit).ToListAsync(ct);
    }

    /// <summary>Decides an open case. Accepted: all that is left of the charge goes back.</summary>
    /// <param name="answer">For the customer, 1 to 1,000 characters.</param>
    public async Task<(ChargeCase? Case, Refusal? Refusal)> DecideAsync(Guid id, bool accept, string answer, string actor, CancellationToken ct = default)
    {
        if (string.IsNullOrWhiteSpace(answer) || answer.Length > LongestText || answer.Any(c => char.IsControl(c) && c is not '\n' and not '\r'))
        {
            return (null, Refusal.Invalid("answer", $"Tell the customer why, in 1 to {LongestText} characters. Nothing was decided."));
        }

        if (await ReadAsync(id, ct) is not { } open)
        {
            return (null, new(ErrorCode.NotFound, "There is no such case. Nothing was decided."));
        }

        if (open.Status != ChargeCaseStatus.Open)
        {
            return (null, new(ErrorCode.Conflict, "The case is decided already. Nothing was done."));
        }

        if (accept && await GiveBackAsync(open) is { } refusal)
        {
            return (null, refusal);
        }

        return await CloseAsync(open, accept ? ChargeCaseStatus.Accepted : ChargeCaseStatus.Rejected, answer.Trim(), actor, ct);
    }

    private async Task<ChargeCase?> ReadAsync(Guid id, CancellationToken ct)
    {
        await using var scope = await tenants.ForStaffAsync(ct);
        return await scope.Db.Set<ChargeCase>().AsNoTracking().FirstOrDefaultAsync(c => c.Id == id, ct);
    }

    private async Task<Refusal?> GiveBackAsync(ChargeCase open)
    {
        // The case's own key: decided twice at once, or again after a crash, it goes back once.
        _ = IdempotencyKey.TryParse($"case:{open.Id:N}", out var key);
        return (await charges.RefundAsync(open.ChargeId, null, "The customer's objection was accepted.", key))
            .Match(_ => null, refusal => refusal.Code == ErrorCode.Conflict ? null : (Refusal?)refusal); // given back before: nothing is left to do
    }

    private async Task<(ChargeCase? Case, Refusal? Refusal)> CloseAsync(ChargeCase open, ChargeCaseStatus status, string answer, string actor, CancellationToken ct)
    {
        await using var scope = await tenants.ForStaffAsync(ct);
        var row = await scope.Db.Set<ChargeCase>().FromSql($"select * from charge_cases where account_id = {open.AccountId.Value} and id = {open.Id} for update").SingleAsync(ct);
        if (row.Status != ChargeCaseStatus.Open)
        {
            return (null, new(ErrorCode.Conflict, "The case is decided already. Nothing was done."));
        }

        (row.Status, row.Answer, row.DecidedBy, row.DecidedAt) = (status, answer, actor.Length <= 200 ? actor : actor[..200], time.Now());
        audit.Record(scope, actor, status == ChargeCaseStatus.Accepted ? "case.accepted" : "case.rejected", row.ShownId, after: new { charge = row.ChargeId.ToString() }, account: row.AccountId, reason: answer.Length <= 500 ? answer : answer[..500]);
        if (await scope.Db.Set<Account>().Where(a => a.AccountId == row.AccountId).Select(a => a.Email).FirstOrDefaultAsync(ct) is { } email)
        {
            var outcome = status == ChargeCaseStatus.Accepted ? "We have given the charge back." : "We have looked at the charge and it stands.";
            await outbox.PutAsync(scope, new(email, "Your question about a charge", $"{outcome}\n\n{answer}\n\nCharge {row.ChargeId}", $"case:{row.Id:N}"), row.AccountId, ct);
        }

        await scope.CommitAsync(ct);
        return (row, null);
    }
}
