using BillingPortal.Data;
using BillingPortal.Payments;
using BillingPortal.Payments.Stripe;
using BillingPortal.Primitives;
using Microsoft.EntityFrameworkCore;

namespace BillingPortal.Usage.Submission;

/// <summary>Finds out what became of a report when no answer can be had any more, or when Stripe's sums are short: by what Stripe has counted in its minute, or has put on the bill.</summary>
public sealed class ReportTrace(Tenants tenants, StripeClient stripe, MeteredPrices prices, TimeProvider time)
{
    /// <summary>A report that was tried and never answered: sent, never there and to be tried anew, or parked where Stripe does not say.</summary>
    public async Task<StripeError?> SettleAsync(MeterReport report, CancellationToken ct)
    {
        var found = await IsThereAsync(report, ct);
        if (!found.TryGet(out var there, out var error))
        {
            return error;
        }

        await using var scope = await tenants.ForWriterAsync(ct);
        var row = await scope.Db.Set<MeterReport>().FromSql($"select * from meter_reports where identifier = {report.Identifier} and status in ('Sending', 'Parked') for update").SingleOrDefaultAsync(ct);
        if (row is not null)
        {
            switch (there.Is)
            {
                case true:
                    (row.Status, row.SentAt, row.NextAttemptAt, row.ParkedAs, row.Reason) = (ReportStatus.Sent, time.Now(), null, null, null);
                    break;
                case false:
                    row.Reopen(proven: true, time.Now());
                    break;
                case null:
                    row.Park(ParkedAs.Unknown, there.Why);
                    break;
            }

            await scope.CommitAsync(ct);
        }

        return null;
    }

    /// <summary>Whether Stripe has it. Null: its sums do not say.</summary>
    private async Task<StripeResult<Found>> IsThereAsync(MeterReport report, CancellationToken ct)
    {
        if (report.Way == ReportWay.InvoiceItem)
        {
            var since = report.FirstSentAt!.Value.AddHours(-1);
            return (await stripe.InvoiceItems.ListAsync(report.Customer!, new(since), ct)).Match<StripeResult<Found>>(
                items => items.Data.Any(i => i.Metadata.GetValueOrDefault(MeteredPrice.ReportMark) == report.Identifier) ? new Found(true)
                    : items.HasMore ? new Found(null, "The customer has more than 100 invoice items since: look for the one with this identifier in Stripe's dashboard.") : new Found(false),
                error => error);
        }

        if (!(await CountedAsync(report, ct)).TryGet(out var counted, out var error))
        {
            return error;
        }

        var others = await DeliveredAsync(report, ct);
        return counted.Value == others + report.Value ? new Found(true)
            : counted.Value == others ? new Found(false)
            : new Found(null, $"Stripe counted {counted.Value} of {report.Meter} in the minute of {report.At:yyyy-MM-dd HH:mm} UTC; {others} were delivered then, without this one. Look at the customer's usage in Stripe's dashboard.");
    }

    /// <summary>What Stripe counted in the minute of a report, for its customer and meter.</summary>
    public async Task<StripeResult<Counted>> CountedAsync(MeterReport report, CancellationToken ct)
    {
        if (!(await prices.MetersAsync(ct)).TryGet(out var meters, out var error))
        {
            return error;
        }

        if (meters.GetValueOrDefault(report.Meter.Code) is not { } meter)
        {
            return new Counted(0m);
        }

        var minute = Minute(report.At);
        return (await stripe.Meters.SummariesAsync(meter.Id, report.Customer!, minute, minute.AddMinutes(1), ct)).Match<StripeResult<Counted>>(s => new Counted(s.Data.Sum(x => x.AggregatedValue)), failed => failed);
    }

    /// <summary>What was delivered for the same minute, without this one.</summary>
    public async Task<long> DeliveredAsync(MeterReport report, CancellationToken ct)
    {
        var (minute, next) = (Minute(report.At), Minute(report.At).AddMinutes(1));
        await using var scope = await tenants.ForWriterAsync(ct);
        return await scope.Db.Set<MeterReport>().Where(r => r.AccountId == report.AccountId && r.Meter == report.Meter && r.Number != report.Number && r.Customer == report.Customer
            && r.Way == ReportWay.MeterEvent && r.Status == ReportStatus.Sent && r.At >= minute && r.At < next).SumAsync(r => r.Value, ct);
    }

    /// <summary>The whole minute at or before an instant, as Stripe's summaries want it.</summary>
    public static DateTimeOffset Minute(DateTimeOffset at) => DateTimeOffset.FromUnixTimeSeconds(at.ToUnixTimeSeconds() / 60 * 60);

    private sealed record Found(bool? Is, string Why = "");
}

/// <param name="Value">The sum of the events that Stripe has counted.</param>
public sealed record Counted(decimal Value);
