using System.Security.Cryptography;
using BillingPortal.Audit;
using BillingPortal.Data;
using BillingPortal.Primitives;
using Microsoft.EntityFrameworkCore;

namespace BillingPortal.Outbox;

/// <summary>An address just made; its secret is shown this once.</summary>
public sealed record MadeWebhook(OutgoingWebhook Endpoint, string Secret);

/// <summary>Which addresses are told what, and what became of the messages to them.</summary>
public sealed class OutgoingWebhooks : ISealedSecrets
{
    private const int MostEndpoints = 20;
    private readonly Tenants tenants;
    private readonly SecretBox box;
    private readonly AuditTrail audit;
    private readonly PublicAddress address;
    private readonly TimeProvider time;

    internal OutgoingWebhooks(Tenants tenants, SecretBox box, AuditTrail audit, PublicAddress address, TimeProvider time) =>
        (this.tenants, this.box, this.audit, this.address, this.time) = (tenants, box, audit, address, time);

    public async Task<IReadOnlyList<OutgoingWebhook>> ListAsync(CancellationToken ct = default)
    {
        await using var scope = await tenants.ForStaffAsync(ct);
        return await scope.Db.Set<OutgoingWebhook>().AsNoTracking().OrderBy(w => w.Id).ToListAsync(ct);
    }

    /// <param name="events">Null or empty: all.</param>
    public async Task<(MadeWebhook? Made, Refusal? Refusal)> MakeAsync(string actor, string? url, IReadOnlyList<string?>? events, CancellationToken ct = default)
    {
        if (CheckUrl(url) is { } wrong)
        {
            return (null, wrong);
        }

        if (events is { Count: > 50 } || events?.Any(e => !PlainText.IsValid(e, 100)) == true)
        {
            return (null, Refusal.Invalid("events", "At most 50 types of 1 to 100 characters, such as alert.quota, alert.* or *."));
        }

        if (!box.HasKeys)
        {
            return (null, new(ErrorCode.Conflict, "Encryption__Keys is not set, so the endpoint's secret cannot be kept safely. Nothing was made."));
        }

        var secret = RandomNumberGenerator.GetBytes(32);
        await using var scope = await tenants.ForStaffAsync(ct);
        if (await scope.Db.Set<OutgoingWebhook>().CountAsync(ct) >= MostEndpoints)
        {
            return (null, new(ErrorCode.Conflict, $"There are {MostEndpoints} endpoints already, the most that are kept. Take one away first."));
        }

        var made = scope.Db.Add(new OutgoingWebhook
        {
            Id = Guid.CreateVersion7(),
            Url = url!,
            Events = events is { Count: > 0 } ? [.. events.Distinct()!] : ["*"],
            Secret = box.Seal(secret, WebhookDelivery.SecretPurpose),
            CreatedBy = actor,
            CreatedAt = time.Now(),
        }).Entity;
        audit.Record(scope, actor, "webhook_endpoint.made", made.ShownId, after: new { made.Url, made.Events });
        await scope.CommitAsync(ct);
        return (new(made, "whsec_" + Convert.ToBase64String(secret)), null);
    }

    /// <returns>False: there is none of that id.</returns>
    public async Task<bool> RemoveAsync(string actor, string? id, CancellationToken ct = default)
    {
        await using var scope = await tenants.ForStaffAsync(ct);
        if (!ShownId.TryParse(OutgoingWebhook.IdPrefix, id, out var key) || await scope.Db.Set<OutgoingWebhook>().FirstOrDefaultAsync(w => w.Id == key, ct) is not { } endpoint)
        {
            return false;
        }

        scope.Db.Remove(endpoint);
        audit.Record(scope, actor, "webhook_endpoint.removed", endpoint.ShownId, before: new { endpoint.Url, endpoint.Events });
        await scope.CommitAsync(ct);
        return true;
    }

    /// <summary>Messages to these addresses, newest first.</summary>
    public async Task<IReadOnlyList<OutboxMessage>> DeliveriesAsync(int limit, CancellationToken ct = default)
    {
        await using var scope = await tenants.ForStaffAsync(ct);
        return await scope.Db.Set<OutboxMessage>().AsNoTracking().Where(m => m.Kind == WebhookDelivery.WebhookKind).OrderByDescending(m => m.Id).Take(limit).ToListAsync(ct);
    }

    /// <summary>Sends a message again, under its old id: who has it already drops it.</summary>
    /// <returns>False: there is none of that id.</returns>
    public async Task<bool> ReplayAsync(string actor, Guid message, CancellationToken ct = default)
    {
        await using var scope = await tenants.ForStaffAsync(ct);
        if (await scope.Db.Set<OutboxMessage>().FirstOrDefaultAsync(m => m.Id == message && m.Kind == WebhookDelivery.WebhookKind, ct) is not { } found)
        {
            return false;
        }

        (found.State, found.Attempts, found.DueAt) = (OutboxState.Waiting, 0, time.Now());
        audit.Record(scope, actor, "webhook_delivery.replayed", message.ToString("N"));
        await scope.CommitAsync(ct);
        return true;
    }

    public async Task<int> ResealAsync(CancellationToken ct)
    {
        await using var scope = await tenants.ForStaffAsync(ct);
        var resealed = 0;
        foreach (var endpoint in await scope.Db.Set<OutgoingWebhook>().ToListAsync(ct))
        {
            if (box.Open(endpoint.Secret, WebhookDelivery.SecretPurpose) is { IsNewest: false } opened)
            {
                endpoint.Secret = box.Seal(opened.Plain, WebhookDelivery.SecretPurpose);
                resealed++;
            }
        }

        await scope.CommitAsync(ct);
        return resealed;
    }

    private Refusal? CheckUrl(string? url) =>
        url is not { Length: <= OutgoingWebhook.LongestUrl } || !Uri.TryCreate(url, UriKind.Absolute, out var uri) || uri.UserInfo.Length > 0 || uri.Fragment.Length > 0
            || !(uri.Scheme == Uri.UriSchemeHttps || (uri.Scheme == Uri.UriSchemeHttp && address.AllowsPrivate))
            ? Refusal.Invalid("url", $"Must be an https address of at most {OutgoingWebhook.LongestUrl} characters, without user or fragment.")
            : null;
}
