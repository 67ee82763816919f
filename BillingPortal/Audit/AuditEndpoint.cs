using System.Text.Json;
using BillingPortal.Access;
using BillingPortal.Data;
using BillingPortal.Observability;
using BillingPortal.Primitives;
using Microsoft.AspNetCore.Http.HttpResults;

namespace BillingPortal.Audit;

/// <summary>An audit entry as programs read it.</summary>
internal sealed record AuditEntryView(
    string Id, DateTimeOffset At, string Actor, string Action, string Subject, string? Account, JsonElement? Before, JsonElement? After, string? Reason, string? Address, string? RequestId);

internal sealed record AuditPage(IReadOnlyList<AuditEntryView> Data, string? NextCursor);

internal static class AuditEndpoint
{
    public static RouteGroupBuilder MapAudit(this RouteGroupBuilder api)
    {
        api.MapGet("/admin/audit", ListAsync).WithName("ListAudit").WithSummary("What staff and keys did, newest first").WithTags("Admin").RequireScope(Scope.Admin);
        return api;
    }

    private static async Task<Results<Ok<AuditPage>, ProblemHttpResult>> ListAsync(
        Tenants tenants, string? account, string? action, string? query, DateTimeOffset? from, DateTimeOffset? to, string? cursor, int? limit, CancellationToken ct)
    {
        AccountId id = default;
        Guid before = default;
        if (account is not null && !AccountId.TryParse(account, out id))
        {
            return Refusal.Invalid("account", "Name the account by its id, acc_….").ToProblem();
        }

        if (cursor is not null && !Guid.TryParseExact(cursor, "N", out before))
        {
            return Refusal.Invalid("cursor", "This is no cursor of an earlier answer.").ToProblem();
        }

        if (limit is < 1 or > 200)
        {
            return Refusal.Invalid("limit", "limit is 1 to 200.").ToProblem();
        }

        await using var scope = await tenants.ForStaffAsync(ct);
        var size = limit ?? 50;
        var found = await AuditTrail.ReadAsync(
            scope, new(account is null ? null : id, action, query, from?.ToUniversalTime(), to?.ToUniversalTime(), cursor is null ? null : before), size + 1, ct);
        var page = found.Take(size).ToList();
        return TypedResults.Ok(new AuditPage([.. page.Select(View)], found.Count > size ? page[^1].Id.ToString("N") : null));
    }

    private static AuditEntryView View(AuditEntry e) => new(
        e.Id.ToString("N"), e.At, e.Actor, e.Action, e.Subject, e.AccountId?.ToString(), Parse(e.Before), Parse(e.After), e.Reason, e.Address, e.RequestId);

    private static JsonElement? Parse(string? json) => json is null ? null : JsonElement.Parse(json);
}
