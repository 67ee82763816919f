using BillingPortal.Access;
using BillingPortal.Observability;
using BillingPortal.Primitives;
using Microsoft.AspNetCore.Http.HttpResults;

namespace BillingPortal.Outbox;

/// <param name="Url">An https address.</param>
/// <param name="Events">Types such as <c>alert.quota</c>, beginnings such as <c>alert.*</c>; absent: all.</param>
internal sealed record WebhookRequest(string? Url, IReadOnlyList<string?>? Events);

/// <param name="Secret">Shown once, when it is made.</param>
internal sealed record WebhookShown(string Id, string Url, IReadOnlyList<string> Events, DateTimeOffset CreatedAt, string? Secret = null)
{
    public static WebhookShown Of(OutgoingWebhook endpoint, string? secret = null) => new(endpoint.ShownId, endpoint.Url, endpoint.Events, endpoint.CreatedAt, secret);
}

internal sealed record WebhookList(IReadOnlyList<WebhookShown> Data);

internal sealed record DeliveryShown(string Id, string Endpoint, string Type, OutboxState State, int Attempts, DateTimeOffset CreatedAt, DateTimeOffset? SentAt, string? LastError)
{
    public static DeliveryShown Of(OutboxMessage message) =>
        new($"msg_{message.Id:N}", message.Recipient, message.Subject, message.State, message.Attempts, message.CreatedAt, message.SentAt, message.LastError);
}

internal sealed record DeliveryList(IReadOnlyList<DeliveryShown> Data);

internal static class OutgoingWebhookEndpoints
{
    private const int MostDeliveries = 200;

    public static RouteGroupBuilder MapOutgoingWebhooks(this RouteGroupBuilder api)
    {
        var admin = api.MapGroup("/admin").WithTags("Admin").RequireScope(Scope.Admin);
        admin.MapGet("/webhook-endpoints", ListAsync).WithName("ListWebhookEndpoints").WithSummary("Addresses that are told of alerts");
        admin.MapPost("/webhook-endpoints", MakeAsync).WithName("CreateWebhookEndpoint").WithSummary("Adds an address; its secret is shown this once. Messages are signed as Standard Webhooks has it");
        admin.MapDelete("/webhook-endpoints/{id}", RemoveAsync).WithName("DeleteWebhookEndpoint").WithSummary("Takes an address away; what waits for it is dropped");
        admin.MapGet("/webhook-deliveries", DeliveriesAsync).WithName("ListWebhookDeliveries").WithSummary("The last messages to these addresses, and what became of them");
        admin.MapPost("/webhook-deliveries/{id}/replay", ReplayAsync).WithName("ReplayWebhookDelivery").WithSummary("Sends a message again under its old id");
        return api;
    }

    private static async Task<Ok<WebhookList>> ListAsync(OutgoingWebhooks webhooks, CancellationToken ct) =>
        TypedResults.Ok(new WebhookList([.. (await webhooks.ListAsync(ct)).Select(w => WebhookShown.Of(w))]));

    private static async Task<Results<Created<WebhookShown>, ProblemHttpResult>> MakeAsync(WebhookRequest request, HttpContext context, OutgoingWebhooks webhooks, CancellationToken ct)
    {
        var (made, refusal) = await webhooks.MakeAsync(context.Caller().Actor, request.Url, request.Events, ct);
        return made is null ? refusal!.ToProblem() : TypedResults.Created($"/api/v1/admin/webhook-endpoints/{made.Endpoint.ShownId}", WebhookShown.Of(made.Endpoint, made.Secret));
    }

    private static async Task<Results<NoContent, ProblemHttpResult>> RemoveAsync(string id, HttpContext context, OutgoingWebhooks webhooks, CancellationToken ct) =>
        await webhooks.RemoveAsync(context.Caller().Actor, id, ct) ? TypedResults.NoContent() : new Refusal(ErrorCode.NotFound, "There is no such endpoint. Nothing was done.").ToProblem();

    private static async Task<Ok<DeliveryList>> DeliveriesAsync(OutgoingWebhooks webhooks, CancellationToken ct) =>
        TypedResults.Ok(new DeliveryList([.. (await webhooks.DeliveriesAsync(MostDeliveries, ct)).Select(DeliveryShown.Of)]));

    private static async Task<Results<Accepted, ProblemHttpResult>> ReplayAsync(string id, HttpContext context, OutgoingWebhooks webhooks, CancellationToken ct) =>
        ShownId.TryParse("msg_", id, out var message) && await webhooks.ReplayAsync(context.Caller().Actor, message, ct)
            ? TypedResults.Accepted((string?)null)
            : new Refusal(ErrorCode.NotFound, "There is no such message. Nothing was done.").ToProblem();
}
