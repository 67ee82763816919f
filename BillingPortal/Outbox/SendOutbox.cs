using BillingPortal.Data;
using BillingPortal.Jobs;
using BillingPortal.Primitives;
using Microsoft.EntityFrameworkCore;

namespace BillingPortal.Outbox;

/// <summary>One way out of the house.</summary>
public interface IDelivery
{
    string Kind { get; }

    /// <summary>Delivers, or throws: then it is tried again later.</summary>
    Task DeliverAsync(OutboxMessage message, CancellationToken ct);
}

/// <summary>The one sender: takes what is due, oldest first; a failure is tried again after 1, 2, 4… minutes, at most 12 times, then left for a person.</summary>
internal sealed partial class SendOutbox(Tenants tenants, IEnumerable<IDelivery> deliveries, TimeProvider time, ILogger<SendOutbox> log) : RecurringJob
{
    public const int MaxAttempts = 12;
    private const int Batch = 20;

    public override string Name => "send_outbox";
    public override TimeSpan Every => TimeSpan.FromSeconds(2);

    public override async Task RunAsync(CancellationToken ct)
    {
        while (await SendBatchAsync(ct) == Batch)
        {
        }
    }

    private async Task<int> SendBatchAsync(CancellationToken ct)
    {
        var now = time.Now();
        await using var scope = await tenants.ForWriterAsync(ct);
        // Locked until the outcome is written: another sender passes them by.
        var due = await scope.Db.Set<OutboxMessage>()
            .FromSql($"select * from outbox_messages where state = 'Waiting' and due_at <= {now} order by due_at limit {Batch} for update skip locked").ToListAsync(ct);
        foreach (var message in due)
        {
            await SendAsync(message, ct);
        }

        await scope.CommitAsync(ct);
        return due.Count;
    }

    private async Task SendAsync(OutboxMessage message, CancellationToken ct)
    {
        message.Attempts++;
        try
        {
            var delivery = deliveries.FirstOrDefault(d => d.Kind == message.Kind) ?? throw new InvalidOperationException($"Nothing delivers '{message.Kind}'.");
            await delivery.DeliverAsync(message, ct);
            message.State = OutboxState.Sent;
            message.SentAt = time.Now();
            message.LastError = null;
        }
        catch (Exception e) when (!ct.IsCancellationRequested)
        {
            message.LastError = e.Message.Length <= 500 ? e.Message : e.Message[..500];
            message.State = message.Attempts >= MaxAttempts ? OutboxState.Dead : OutboxState.Waiting;
            message.DueAt = time.Now() + TimeSpan.FromMinutes(Math.Pow(2, message.Attempts - 1));
            LogFailed(message.Id, message.Kind, message.Attempts, e.Message);
        }
    }

    [LoggerMessage(1301, LogLevel.Warning, "Message {MessageId} ({Kind}) was not delivered, attempt {Attempt}: {Reason}")]
    private partial void LogFailed(Guid messageId, string kind, int attempt, string reason);
}
