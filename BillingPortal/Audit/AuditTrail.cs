using System.Text.Json;
using BillingPortal.Data;
using BillingPortal.Observability;
using BillingPortal.Primitives;
using Microsoft.EntityFrameworkCore;

namespace BillingPortal.Audit;

/// <summary>What to look for; nulls do not narrow.</summary>
/// <param name="Search">Part of actor, subject or reason.</param>
/// <param name="Before">Entries older than this one: the last id of the page before.</param>
public sealed record AuditFilter(AccountId? Account = null, string? Action = null, string? Search = null, DateTimeOffset? From = null, DateTimeOffset? To = null, Guid? Before = null);

/// <summary>Writes <see cref="AuditEntry"/>s in the transaction of what they record, so that neither stands without the other.</summary>
public sealed class AuditTrail(TimeProvider time, IHttpContextAccessor? http = null)
{
    /// <summary>Adds an entry to the scope's transaction; it is saved by <see cref="TenantScope.CommitAsync"/>.</summary>
    /// <param name="actor">Who, e.g. <c>Caller.Actor</c>.</param>
    /// <param name="action">Noun and verb: <c>grant.made</c>.</param>
    /// <param name="subject">Id or name of what was changed.</param>
    /// <param name="before">State before, rendered as JSON; leave secrets out.</param>
    /// <param name="after">State after, rendered as JSON; leave secrets out.</param>
    /// <param name="account">The customer concerned. In an account's scope: that account.</param>
    /// <param name="address">Where from, for callers without an HTTP request (an open circuit knows it from its start).</param>
    public void Record(
        TenantScope scope, string actor, string action, string subject, object? before = null, object? after = null, AccountId? account = null, string? reason = null, string? address = null)
    {
        var context = http?.HttpContext;
        scope.Db.Add(new AuditEntry
        {
            At = time.Now(),
            AccountId = account,
            Actor = Fit(actor, 200),
            Action = action,
            Subject = Fit(subject, 300),
            Before = before is null ? null : JsonSerializer.Serialize(before, Json.Options),
            After = after is null ? null : JsonSerializer.Serialize(after, Json.Options),
            Reason = reason is null ? null : Fit(reason, 500),
            Address = address ?? context?.Connection.RemoteIpAddress?.ToString(),
            RequestId = context?.TraceIdentifier,
        });
    }

    /// <summary>Newest first, at most <paramref name="limit"/>; for a staff scope (all) or an account's (its own).</summary>
    public static async Task<IReadOnlyList<AuditEntry>> ReadAsync(TenantScope scope, AuditFilter filter, int limit, CancellationToken ct)
    {
        var entries = scope.Db.Set<AuditEntry>().AsNoTracking();
        if (filter.Account is { } account)
        {
            entries = entries.Where(e => e.AccountId == account);
        }

        if (filter.Action is { } action)
        {
            entries = entries.Where(e => e.Action == action);
        }

        if (filter.Search is { Length: > 0 } search)
        {
            var pattern = $"%{search.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("%", "\\%", StringComparison.Ordinal).Replace("_", "\\_", StringComparison.Ordinal)}%";
            entries = entries.Where(e => EF.Functions.ILike(e.Actor, pattern) || EF.Functions.ILike(e.Subject, pattern) || EF.Functions.ILike(e.Reason!, pattern));
        }

        if (filter.From is { } from)
        {
            entries = entries.Where(e => e.At >= from);
        }

        if (filter.To is { } to)
        {
            entries = entries.Where(e => e.At < to);
        }

        if (filter.Before is { } before)
        {
            entries = entries.Where(e => e.Id < before);
        }

        return await entries.OrderByDescending(e => e.Id).Take(limit).ToListAsync(ct);
    }

    private static string Fit(string text, int length) => text.Length <= length ? text : text[..length];
}
