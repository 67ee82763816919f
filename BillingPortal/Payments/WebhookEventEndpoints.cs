using System.Text.Json;
using BillingPortal.Access;
using BillingPortal.Observability;
using BillingPortal.Primitives;
using Microsoft.AspNetCore.Http.HttpResults;

namespace BillingPortal.Payments;

/// <summary>A received event as programs read it; the payload only when one is asked for.</summary>
internal sealed record WebhookEventView(
    string Id, string Type, WebhookEventStatus Status, int Attempts, string? Outcome, string? ObjectId, string? Customer, string? ApiVersion,
    DateTimeOffset CreatedAt, DateTimeOffset ReceivedAt, DateTimeOffset? ProcessedAt, DateTimeOffset? NextAttemptAt, JsonElement? Payload);

/// <param name="SignatureFaults">Deliveries not believed since the start of this process, by likely cause.</param>
internal sealed record WebhookEventPage(IReadOnlyList<WebhookEventView> Data, string? NextCursor, IReadOnlyDictionary<string, long> SignatureFaults);

internal static class WebhookEventEndpoints
{
    public static RouteGroupBuilder MapWebhookEvents(this RouteGroupBuilder api)
    {
        api.MapGet("/admin/webhook-events", ListAsync).WithName("ListWebhookEvents").WithSummary("Events received from Stripe, newest first").WithTags("Admin").RequireScope(Scope.Admin);
        api.MapGet("/admin/webhook-events/{id}", GetAsync).WithName("GetWebhookEvent").WithSummary("One received event with its payload").WithTags("Admin").RequireScope(Scope.Admin);
        api.MapPost("/admin/webhook-events/{id}/replay", ReplayAsync).WithName("ReplayWebhookEvent").WithSummary("Process an event again").WithTags("Admin").RequireScope(Scope.Admin);
        return api;
    }

    private static async Task<Results<Ok<WebhookEventPage>, ProblemHttpResult>> ListAsync(
        WebhookEvents inbox, SignatureFaults faults, string? status, string? type, string? cursor, int? limit, CancellationToken ct)
    {
        if (limit is < 1 or > 200)
        {
            return Refusal.Invalid("limit", "limit is 1 to 200.").ToProblem();
        }

        WebhookEventStatus? wanted = null;
        if (status is not null)
        {
            if (!Enum.GetNames<WebhookEventStatus>().Contains(status, StringComparer.OrdinalIgnoreCase))
            {
                return Refusal.Invalid("status", "status is received, processed, unhandled or parked.").ToProblem();
            }

            wanted = Enum.Parse<WebhookEventStatus>(status, ignoreCase: true);
        }

        if (cursor is not null && await inbox.FindAsync(cursor, ct) is null)
        {
            return Refusal.Invalid("cursor", "This is no cursor of an earlier answer.").ToProblem();
        }

        var size = limit ?? 50;
        var found = await inbox.ListAsync(new(wanted, type, cursor), size + 1, ct);
        return TypedResults.Ok(new WebhookEventPage(
            [.. found.Take(size).Select(e => View(e, withPayload: false))], found.Count > size ? found[size - 1].Id : null,
            faults.Counts.ToDictionary(f => JsonNamingPolicy.SnakeCaseLower.ConvertName(f.Key.ToString()), f => f.Value)));
    }

    private static async Task<Results<Ok<WebhookEventView>, ProblemHttpResult>> GetAsync(string id, WebhookEvents inbox, CancellationToken ct) =>
        await inbox.FindAsync(id, ct) is { } found ? TypedResults.Ok(View(found, withPayload: true)) : Unknown.ToProblem();

    private static async Task<Results<Accepted<WebhookEventView>, ProblemHttpResult>> ReplayAsync(string id, HttpContext http, WebhookEvents inbox, CancellationToken ct) =>
        await inbox.ReplayAsync(id, http.Caller().Actor, ct) is { } found
            ? TypedResults.Accepted($"/api/v1/admin/webhook-events/{Uri.EscapeDataString(id)}", View(found, withPayload: false))
            : Unknown.ToProblem();

    private static Refusal Unknown => new(ErrorCode.NotFound, "No such event was received.");

    private static WebhookEventView View(WebhookEvent e, bool withPayload) => new(
        e.Id, e.Type, e.Status, e.Attempts, e.Outcome, e.ObjectId, e.Customer, e.ApiVersion, e.CreatedAt, e.ReceivedAt, e.ProcessedAt,
        e.Status == WebhookEventStatus.Received ? e.NextAttemptAt : null, withPayload ? JsonElement.Parse(e.Payload) : null);
}
