using BillingPortal.Data;
using BillingPortal.Payments.Stripe;
using BillingPortal.Primitives;
using Microsoft.EntityFrameworkCore;

namespace BillingPortal.Usage.Submission;

/// <summary>What was delivered to one meter for one customer.</summary>
public sealed record ReportedSum(Unit Meter, long Value, int Count);

/// <summary>Delivered reports beside what Stripe has counted: their sums, and those that are missing there.</summary>
public sealed class MissingReports(Tenants tenants, ReportTrace trace, TimeProvider time)
{
    /// <summary>Looked at in one go; each costs a call.</summary>
    private const int Most = 500;
    private static readonly TimeSpan Window = TimeSpan.FromDays(34);

    /// <summary>The sums of what was delivered, by meter. Meters with something under way are left out: their sums are about to change.</summary>
    public async Task<IReadOnlyList<ReportedSum>> SumsAsync(AccountId account, string customer, DateTimeOffset from, DateTimeOffset until, CancellationToken ct = default)
    {
        await using var scope = await tenants.ForStaffAsync(ct);
        var reports = await scope.Db.Set<MeterReport>().AsNoTracking()
            .Where(r => r.AccountId == account && r.At >= from && r.At < until && r.Way == ReportWay.MeterEvent && r.Customer == customer)
            .GroupBy(r => r.Meter).Select(g => new { Meter = g.Key, Sent = g.Where(r => r.Status == ReportStatus.Sent).Sum(r => r.Value), Count = g.Count(r => r.Status == ReportStatus.Sent), UnderWay = g.Count(r => r.Status == ReportStatus.Sending) })
            .ToListAsync(ct);
        return [.. reports.Where(r => r.UnderWay == 0).Select(r => new ReportedSum(r.Meter, r.Sent, r.Count))];
    }

    /// <summary>Sends again, under new identifiers, the delivered reports of a meter whose minutes Stripe's sums lack. Twice it acts once: what is under way is not touched.</summary>
    /// <returns>Null when something was found and is on its way; why not otherwise.</returns>
    public async Task<string?> SendMissingAsync(AccountId account, string meter, CancellationToken ct = default)
    {
        List<MeterReport> delivered;
        await using (var scope = await tenants.ForStaffAsync(ct))
        {
            var (unit, since) = (Unit.Of(meter), time.Now() - Window);
            delivered = await scope.Db.Set<MeterReport>().AsNoTracking().Where(r => r.AccountId == account && r.Meter == unit && r.Way == ReportWay.MeterEvent && r.Status == ReportStatus.Sent && r.At >= since)
                .OrderByDescending(r => r.Number).Take(Most).ToListAsync(ct);
        }

        var missing = new List<string>();
        foreach (var minute in delivered.GroupBy(r => (r.Customer, ReportTrace.Minute(r.At))))
        {
            if (!(await trace.CountedAsync(minute.First(), ct)).TryGet(out var counted, out var error))
            {
                return error.Message;
            }

            // All of a minute or, where only some of it is there, those that exactly make up what lacks.
            var lacks = minute.Sum(r => r.Value) - counted.Value;
            missing.AddRange(lacks == minute.Sum(r => r.Value) ? minute.Select(r => r.Identifier) : minute.Where(r => r.Value == lacks).Take(1).Select(r => r.Identifier));
        }

        return missing.Count == 0
            ? "No single report explains the difference. Compare the customer's usage in Stripe's dashboard with the reports, minute by minute."
            : await ReopenAsync(missing, ct);
    }

    private async Task<string?> ReopenAsync(List<string> identifiers, CancellationToken ct)
    {
        await using var scope = await tenants.ForWriterAsync(ct);
        foreach (var report in await scope.Db.Set<MeterReport>().Where(r => identifiers.Contains(r.Identifier) && r.Status == ReportStatus.Sent).ToListAsync(ct))
        {
            report.Reopen(proven: true, time.Now());
        }

        await scope.CommitAsync(ct);
        return null;
    }
}
