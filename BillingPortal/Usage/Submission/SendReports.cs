using System.Globalization;
using BillingPortal.Catalog;
using BillingPortal.Data;
using BillingPortal.Payments;
using BillingPortal.Payments.Stripe;
using BillingPortal.Primitives;
using BillingPortal.Subscriptions;
using Microsoft.EntityFrameworkCore;

namespace BillingPortal.Usage.Submission;

/// <summary>Sends what is frozen. That it is tried, how, and to whom stands in the row before the first try; no answer means unknown, and then the same is sent again under the same identifier.</summary>
public sealed class SendReports(Tenants tenants, StripeClient stripe, ReportTrace trace, TimeProvider time, ILogger<SendReports> log)
{
    private const int AtOnce = 100;
    private const int Width = 4;
    /// <summary>Of a try that a crash has left behind.</summary>
    private static readonly TimeSpan Lease = TimeSpan.FromMinutes(2);
    /// <summary>Stripe takes an identifier once within a day; after that it is not sent again on trust.</summary>
    private static readonly TimeSpan Repeatable = TimeSpan.FromHours(23);

    /// <returns>Null when all that was due has been tried; the error that made going on useless.</returns>
    public async Task<StripeError?> RunAsync(CancellationToken ct = default)
    {
        while (await ClaimAsync(ct) is { Count: > 0 } claimed)
        {
            StripeError? fatal = null;
            await Parallel.ForEachAsync(claimed, new ParallelOptions { MaxDegreeOfParallelism = Width, CancellationToken = ct }, async (report, each) =>
                fatal = await TryAsync(report, each) ?? fatal);
            if (fatal is not null)
            {
                return fatal;
            }
        }

        return null;
    }

    private async Task<List<MeterReport>> ClaimAsync(CancellationToken ct)
    {
        var now = time.Now();
        await using var scope = await tenants.ForWriterAsync(ct);
        var due = await scope.Db.Set<MeterReport>()
            .FromSql($"select * from meter_reports where next_attempt_at <= {now} order by next_attempt_at, account_id, meter, number limit {AtOnce} for update skip locked").ToListAsync(ct);
        var accounts = due.Select(r => r.AccountId).Distinct().ToList();
        var customers = (await scope.Db.Set<CustomerLink>().AsNoTracking().Where(l => accounts.Contains(l.AccountId) && l.CustomerId != null).ToListAsync(ct)).ToLookup(l => l.AccountId);
        var subscriptions = (await scope.Db.Set<Subscription>().AsNoTracking().Where(s => accounts.Contains(s.AccountId)).ToListAsync(ct)).ToLookup(s => s.AccountId);
        foreach (var report in due)
        {
            if (report.FirstSentAt is null)
            {
                Direct(report, customers[report.AccountId].MaxBy(l => l.Generation)?.CustomerId, CurrentSubscription.Of(subscriptions[report.AccountId]), now);
            }

            report.NextAttemptAt = report.Status == ReportStatus.Parked ? null : now + Lease;
        }

        await scope.CommitAsync(ct);
        return due.FindAll(r => r.Status != ReportStatus.Parked);
    }

    /// <summary>Decided once, at the first try: what is repeated must be the same.</summary>
    private static void Direct(MeterReport report, string? customer, Subscription? current, DateTimeOffset now)
    {
        if (customer is null)
        {
            report.Park(ParkedAs.NoCustomer, "The account has no customer at Stripe, so nobody is billed for this. Bill it by hand; or, once there is a customer, try again: it goes on the next invoice.");
            return;
        }

        report.Way = Route.Of(report.Value, report.Meter.Code, report.Terms, report.At, report.End, current, now);
        (report.Customer, report.Subscription) = (current?.CustomerId ?? customer, current?.Id);
        (report.Status, report.FirstSentAt) = (ReportStatus.Sending, now);
    }

    private async Task<StripeError?> TryAsync(MeterReport report, CancellationToken ct)
    {
        if (report.FirstSentAt < time.Now() - Repeatable)
        {
            return await trace.SettleAsync(report, ct);
        }

        var error = report.Way == ReportWay.MeterEvent ? await SendEventAsync(report, ct) : await SendItemAsync(report, ct);
        return await KeepAsync(report, error, ct);
    }

    private async Task<StripeError?> SendEventAsync(MeterReport report, CancellationToken ct)
    {
        var payload = new Dictionary<string, string> { ["stripe_customer_id"] = report.Customer!, ["value"] = report.Value.ToString(CultureInfo.InvariantCulture) };
        // The identifier is what makes it once. The key of the request is another for each try, since Stripe keeps a 500 under a key for a day.
        var answer = await stripe.MeterEvents.CreateAsync(new(report.Meter.Code, payload, report.Identifier, report.At), $"{report.Identifier}:{report.Attempts}", ct);
        return answer.Match<StripeError?>(_ => null, error => IsRepeat(error) ? null : error);
    }

    /// <summary>Stripe has it already, from a try whose answer was lost: it is delivered.</summary>
    private static bool IsRepeat(StripeError error) => error.Failure == StripeFailure.Invalid && error.Message.Contains("already exists with identifier", StringComparison.OrdinalIgnoreCase);

    private async Task<StripeError?> SendItemAsync(MeterReport report, CancellationToken ct)
    {
        var amount = (long)decimal.Round(report.Value * report.Price * StripeMoney.MinorPerUnit(report.Currency) / report.Per, 0, MidpointRounding.AwayFromZero);
        if (amount == 0)
        {
            return null; // less than the smallest coin
        }

        var answer = await stripe.InvoiceItems.CreateAsync(new()
        {
            Customer = report.Customer!,
            Subscription = report.Subscription,
            Amount = amount,
            Currency = report.Currency.Code,
            Description = string.Create(CultureInfo.InvariantCulture, $"{(report.Value < 0 ? "Given back" : "Beyond the allowance")}: {Math.Abs(report.Value):#,0} {report.Meter}, until {report.At:yyyy-MM-dd}"),
            Metadata = new Dictionary<string, string> { [MeteredPrice.ReportMark] = report.Identifier, ["account"] = report.AccountId.ToString() },
        }, report.Identifier, ct);
        return answer.Match<StripeError?>(_ => null, error => error);
    }

    private async Task<StripeError?> KeepAsync(MeterReport report, StripeError? error, CancellationToken ct)
    {
        var now = time.Now();
        await using var scope = await tenants.ForWriterAsync(ct);
        // Another instance may have had the answer first, where this one was slow.
        var row = await scope.Db.Set<MeterReport>().FromSql($"select * from meter_reports where identifier = {report.Identifier} and status = 'Sending' for update").SingleOrDefaultAsync(ct);
        if (row is null)
        {
            return null;
        }

        if (error is null)
        {
            (row.Status, row.SentAt, row.NextAttemptAt, row.Reason) = (ReportStatus.Sent, now, null, null);
            log.LogInformation("usage.submitted {Report} {Meter} {Value} {Way}", row.Identifier, row.Meter, row.Value, row.Way);
        }
        else if (error.IsTransient || error.Failure is StripeFailure.NotConfigured or StripeFailure.Unauthorized)
        {
            row.Attempts++;
            (row.NextAttemptAt, row.Reason) = (now + Pause(row.Attempts), Cut(error.Message));
            log.LogWarning("usage.unanswered {Report} {Attempt}: {Reason}", row.Identifier, row.Attempts, error.Message);
        }
        else
        {
            row.Park(ParkedAs.Refused, $"Stripe did not accept it: {error.Message}");
            log.LogError("usage.parked {Report} {Meter}: {Reason}", row.Identifier, row.Meter, error.Message);
        }

        await scope.CommitAsync(ct);
        return error is { Failure: StripeFailure.NotConfigured or StripeFailure.Unauthorized } ? error : null;
    }

    /// <summary>5, 10, 20… seconds, at most ten minutes; the job looks every five minutes anyway.</summary>
    private static TimeSpan Pause(int attempts) => TimeSpan.FromSeconds(Math.Min(600, 5 * Math.Pow(2, Math.Min(10, attempts - 1))));

    private static string Cut(string text) => text.Length <= 500 ? text : text[..500];
}
