using BillingPortal.Data;
using BillingPortal.Payments;
using BillingPortal.Payments.Stripe;
using BillingPortal.Primitives;
using Microsoft.EntityFrameworkCore;

namespace BillingPortal.Usage.Submission;

/// <summary>Accepted is not counted: what Stripe could not count afterwards it tells by thin events only, and these reports are parked for a person.</summary>
/// <remarks>Of many errors Stripe names samples; the rest is found by the reconciliation, which compares sums.</remarks>
internal sealed class MeterErrors(StripeClient stripe) : IStripeEventHandler
{
    public IReadOnlyCollection<string> EventTypes { get; } = ["v1.billing.meter.error_report_triggered", "v1.billing.meter.no_meter_found"];

    public async Task<StripeEffect> HandleAsync(StripeEvent received, CancellationToken ct)
    {
        if (!(await stripe.ThinEvents.GetMeterErrorsAsync(received.Id, ct)).TryGet(out var told, out var error))
        {
            return StripeEffect.Of(error);
        }

        var wrong = (told.Data?.Reason?.ErrorTypes ?? []).SelectMany(t => t.SampleErrors.Select(s => (Identifier: s.Request?.Identifier ?? "", Why: $"{t.Code}: {s.ErrorMessage}"))).Where(w => w.Identifier.Length > 0).ToList();
        return new StripeEffect.Apply(async (scope, inner) =>
        {
            var named = wrong.Select(w => w.Identifier).ToList();
            foreach (var report in await scope.Db.Set<MeterReport>().Where(r => named.Contains(r.Identifier) && r.Status != ReportStatus.Parked).ToListAsync(inner))
            {
                report.Park(ParkedAs.NotCounted, $"Stripe accepted it and could not count it. {wrong.First(w => w.Identifier == report.Identifier).Why}");
                report.SentAt = null;
            }

            await scope.Db.SaveChangesAsync(inner);
            return null;
        });
    }
}
