using System.Security.Cryptography;
using System.Text;
using BillingPortal.Audit;
using BillingPortal.Data;
using BillingPortal.Payments;
using BillingPortal.Payments.Stripe;
using BillingPortal.Primitives;
using Microsoft.EntityFrameworkCore;

namespace BillingPortal.Purchases;

/// <summary>Disputed payments as staff handle them: listed, answered with evidence, or accepted as lost.</summary>
public sealed class Disputes(Tenants tenants, StripeClient stripe, AuditTrail audit)
{
    /// <summary>The longest evidence that is sent.</summary>
    public const int LongestEvidence = 10_000;

    /// <summary>Newest first; the open ones alone, or all.</summary>
    public async Task<IReadOnlyList<Dispute>> ListAsync(bool openOnly, int limit, CancellationToken ct = default)
    {
        await using var scope = await tenants.ForStaffAsync(ct);
        var all = scope.Db.Set<Dispute>().AsNoTracking();
        return await (openOnly ? all.Where(d => d.ClosedAt == null) : all).OrderByDescending(d => d.OpenedAt).ThenByDescending(d => d.Id).Take(limit).ToListAsync(ct);
    }

    /// <summary>Sends evidence to the bank, once and for all.</summary>
    /// <returns>Null when Stripe has it; the outcome follows by event.</returns>
    public Task<Refusal?> AnswerAsync(string dispute, string evidence, string actor, CancellationToken ct = default) =>
        evidence.Length is 0 or > LongestEvidence
            ? Task.FromResult<Refusal?>(Refusal.Invalid("evidence", $"1 to {LongestEvidence} characters. Nothing was sent."))
            : ActAsync(dispute, "dispute.answered", actor, row => stripe.Disputes.UpdateAsync(row.Id, new() { Evidence = new(evidence), Submit = true }, $"dispute-evidence:{row.Id}:{Digest(evidence)}", ct), ct);

    /// <summary>Accepts that the money is lost; cannot be undone.</summary>
    public Task<Refusal?> AcceptAsync(string dispute, string actor, CancellationToken ct = default) =>
        ActAsync(dispute, "dispute.accepted", actor, row => stripe.Disputes.CloseAsync(row.Id, $"dispute-close:{row.Id}", ct), ct);

    private async Task<Refusal?> ActAsync(string id, string action, string actor, Func<Dispute, Task<StripeResult<StripeDispute>>> act, CancellationToken ct)
    {
        Dispute? row;
        await using (var scope = await tenants.ForStaffAsync(ct))
        {
            row = await scope.Db.Set<Dispute>().AsNoTracking().FirstOrDefaultAsync(d => d.Id == id, ct);
            if (row is null or { IsClosed: true })
            {
                return row is null ? new(ErrorCode.NotFound, "There is no such dispute. Nothing was done.") : new(ErrorCode.Conflict, "The dispute is decided already. Nothing was done.");
            }

            audit.Record(scope, actor, action, id, after: new { row.PaymentId, row.Amount, row.Currency }, account: row.AccountId);
            await scope.CommitAsync(ct);
        }

        return (await act(row)).Match(_ => (Refusal?)null, error => error.ToRefusal());
    }

    private static string Digest(string text) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)))[..32];
}
