using BillingPortal.Access;
using BillingPortal.Data;
using BillingPortal.Identity.Users;
using BillingPortal.Jobs;
using BillingPortal.Outbox;
using BillingPortal.Payments;
using BillingPortal.Payments.Stripe;
using BillingPortal.Primitives;
using Microsoft.EntityFrameworkCore;

namespace BillingPortal.Reconciliation;

/// <summary>Something about payments that staff must know.</summary>
/// <param name="Code">Names it: warned once a day each.</param>
/// <param name="Page">Where to look, below <c>admin/</c>.</param>
public sealed record PaymentAlarm(string Code, string Title, string Text, string Page);

/// <summary>Whether deliveries come, are believed and take effect, and whether the books agree (D12b).</summary>
public sealed class PaymentWatch(IStripeConnection connection, Tenants tenants, TimeProvider time)
{
    private static readonly TimeSpan Lately = TimeSpan.FromHours(1);
    private static readonly TimeSpan Unread = TimeSpan.FromMinutes(30);

    public async Task<IReadOnlyList<PaymentAlarm>> LookAsync(CancellationToken ct = default)
    {
        if (connection.Current.Mode == PaymentsMode.None)
        {
            return [];
        }

        await using var scope = await tenants.ForStaffAsync(ct);
        var since = time.GetUtcNow() - Lately;
        var alarms = new List<PaymentAlarm>();
        foreach (var fault in await SignatureFaults.ReadAsync(scope, since, ct))
        {
            alarms.Add(new($"signature_{fault.Cause.ToString().ToLowerInvariant()}", "Webhook deliveries are refused", $"{fault.Count} today, the last at {fault.LastAt:HH:mm} UTC. {SignatureFaultCount.Explain(fault.Cause)}", "doctor"));
        }

        if (await scope.Db.Set<WebhookEvent>().CountAsync(e => e.Fetched && e.ReceivedAt >= since && e.Id.StartsWith("evt_"), ct) is > 0 and var fetched)
        {
            alarms.Add(new("deliveries_stopped", "Webhook deliveries fail or have stopped", $"{fetched} events of the last hour were never delivered and had to be fetched. Nothing is lost, but it comes late: look at the endpoint in the doctor and at Stripe.", "doctor"));
        }

        if (await scope.Db.Set<WebhookEvent>().CountAsync(e => e.Status == WebhookEventStatus.Parked && e.ReceivedAt >= since, ct) is > 0 and var parked)
        {
            alarms.Add(new("events_parked", "Webhook events wait for a person", $"{parked} events of the last hour could not be processed.", "webhooks?status=parked"));
        }

        var state = await scope.Db.Set<ReconciliationState>().AsNoTracking().SingleOrDefaultAsync(ct);
        if (connection.Current.Mode == PaymentsMode.Stripe && state?.EventsReadAt is { } read && time.GetUtcNow() - read > Unread)
        {
            alarms.Add(new("events_unread", "Stripe's events cannot be read", $"Not since {read:yyyy-MM-dd HH:mm} UTC: the key, or the way to Stripe.", "doctor"));
        }

        if (await scope.Db.Set<Difference>().CountAsync(d => d.Status == DifferenceStatus.Open, ct) is > 0 and var open)
        {
            alarms.Add(new("books_differ", "Ledger and Stripe differ", $"{open} differences are open, each with its explanation and how to mend it.", "reconciliation"));
        }

        return alarms;
    }
}

/// <summary>Tells staff by mail, once a day for each cause.</summary>
internal sealed class WarnAboutPayments(PaymentWatch watch, Tenants tenants, Outbox.Outbox outbox, IConfiguration configuration, TimeProvider time) : RecurringJob
{
    public override string Name => "warn_about_payments";
    public override TimeSpan Every => TimeSpan.FromMinutes(5);

    public override async Task RunAsync(CancellationToken ct)
    {
        var alarms = await watch.LookAsync(ct);
        if (alarms.Count == 0)
        {
            return;
        }

        await using var scope = await tenants.ForStaffAsync(ct);
        var staff = await scope.Db.Set<User>().Where(u => (u.Staff == StaffRole.Admin || u.Staff == StaffRole.Finance) && u.Email != null).Select(u => u.Email!).ToListAsync(ct);
        var portal = configuration["Portal:PublicUrl"]?.Trim().TrimEnd('/');
        foreach (var (alarm, email) in alarms.SelectMany(a => staff.Select(e => (a, e))))
        {
            var text = $"{alarm.Text}{(string.IsNullOrEmpty(portal) ? "" : $"\n\n{portal}/admin/{alarm.Page}")}";
            await outbox.PutAsync(scope, new(email, alarm.Title, text, $"alarm:{alarm.Code}:{time.Now():yyyyMMdd}:{email}"), ct: ct);
        }

        await scope.CommitAsync(ct);
    }
}
