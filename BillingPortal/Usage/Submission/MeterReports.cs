using BillingPortal.Audit;
using BillingPortal.Data;
using BillingPortal.Primitives;
using Microsoft.EntityFrameworkCore;

namespace BillingPortal.Usage.Submission;

/// <summary>What came of the reports altogether.</summary>
/// <param name="OldestWaiting">Since when something has been under way; null: nothing is.</param>
public sealed record ReportTotals(long Waiting, long Parked, DateTimeOffset? LastSentAt, DateTimeOffset? OldestWaiting);

/// <summary>Reports of overage as staff see them: what was sent, what was parked and why, and another try.</summary>
public sealed class MeterReports(Tenants tenants, ReportTrace trace, AuditTrail audit, TimeProvider time)
{
    /// <summary>One page, newest first.</summary>
    /// <param name="status">Null: all.</param>
    /// <param name="before">The id that the page before ended with; null: the first page.</param>
    public async Task<IReadOnlyList<MeterReport>> ListAsync(ReportStatus? status, AccountId? account, Guid? before, int limit, CancellationToken ct = default)
    {
        await using var scope = await tenants.ForStaffAsync(ct);
        var rows = scope.Db.Set<MeterReport>().AsNoTracking();
        rows = status is { } wanted ? rows.Where(r => r.Status == wanted) : rows;
        rows = account is { } of ? rows.Where(r => r.AccountId == of) : rows;
        rows = before is { } last ? rows.Where(r => r.Id.CompareTo(last) < 0) : rows;
        return await rows.OrderByDescending(r => r.Id).Take(limit).ToListAsync(ct);
    }

    public async Task<ReportTotals> TotalsAsync(CancellationToken ct = default)
    {
        await using var scope = await tenants.ForStaffAsync(ct);
        var under = scope.Db.Set<MeterReport>().Where(r => r.NextAttemptAt != null);
        return new(await under.LongCountAsync(ct), await scope.Db.Set<MeterReport>().LongCountAsync(r => r.Status == ReportStatus.Parked, ct),
            await scope.Db.Set<MeterReport>().Where(r => r.Status == ReportStatus.Sent).OrderByDescending(r => r.Id).Select(r => r.SentAt).FirstOrDefaultAsync(ct),
            await under.MinAsync(r => (DateTimeOffset?)r.CreatedAt, ct));
    }

    /// <summary>Tries a parked report again: under its identifier where Stripe never had it, under another where Stripe had it and did not count it, and not before it is known which.</summary>
    /// <returns>The report as it stands then; 404 for none that is parked.</returns>
    public async Task<Result<MeterReport>> RetryAsync(string actor, Guid id, CancellationToken ct = default)
    {
        MeterReport? asked;
        await using (var scope = await tenants.ForStaffAsync(ct))
        {
            asked = await scope.Db.Set<MeterReport>().AsNoTracking().FirstOrDefaultAsync(r => r.Id == id && r.Status == ReportStatus.Parked, ct);
        }

        if (asked is null)
        {
            return new Refusal(ErrorCode.NotFound, "No such report is parked. Nothing was done.");
        }

        if (asked.ParkedAs == ParkedAs.Unknown && await trace.SettleAsync(asked, ct) is { } error)
        {
            return new Refusal(ErrorCode.Overloaded, $"Stripe did not say what became of it: {error.Message} Nothing was done.");
        }

        await using var writer = await tenants.ForWriterAsync(ct);
        await writer.Db.Database.ExecuteSqlAsync($"select 1 from meter_reports where id = {id} for update", ct);
        var row = await writer.Db.Set<MeterReport>().SingleAsync(r => r.Id == id, ct);
        if (row is { Status: ReportStatus.Parked, ParkedAs: not ParkedAs.Unknown })
        {
            row.Reopen(proven: row.ParkedAs == ParkedAs.NotCounted, time.Now());
        }

        audit.Record(writer, actor, "meter_report.retried", row.Identifier, before: new { asked.Status, asked.Reason }, after: new { row.Status, row.Reason }, account: row.AccountId);
        await writer.CommitAsync(ct);
        return row;
    }
}
