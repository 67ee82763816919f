using BillingPortal.Access;
using BillingPortal.Observability;
using Microsoft.AspNetCore.Http.HttpResults;

namespace BillingPortal.Usage;

/// <summary>How use is reported.</summary>
internal static class UsageEndpoints
{
    public static RouteGroupBuilder MapUsageEvents(this RouteGroupBuilder api)
    {
        api.MapPost("/usage/events", TakeAsync).WithTags("Usage").WithName("CreateUsageEvents")
            .WithSummary("Up to 1,000 events; accepted means durable. Also as CloudEvents 1.0: a batch or one, the subject naming the account and the type the meter.")
            .WithDescription("An event is known by account, source and id: a repeat is counted as a duplicate and changes nothing. It names a meter and a quantity, or a model with its tokens. "
                + "Events up to 35 days old are taken. They are never refused for balance: what no wallet covers becomes debt. Work is reported through charges or through events, never both.")
            .RequireScope(Scope.Usage)
            .Accepts<EventsBodySchema>("application/json", "application/cloudevents-batch+json", "application/cloudevents+json")
            .ProducesProblem(400).ProducesProblem(413).ProducesProblem(415);
        return api;
    }

    private static async Task<Results<Accepted<IngestAnswer>, ProblemHttpResult>> TakeAsync(HttpContext context, UsageIngest ingest, CancellationToken ct)
    {
        var (events, rejected, refusal) = await EventBody.ReadAsync(context.Request, ct);
        return refusal is not null ? refusal.ToProblem() : TypedResults.Accepted((string?)null, await ingest.TakeAsync(context.Caller(), events, rejected, ct));
    }
}

internal sealed record EventsBodySchema(IReadOnlyList<EventSchema> Events);

/// <summary>What a meter was used, or a model with its tokens. Labels and tokens may stand in the properties as well.</summary>
internal sealed record EventSchema(string Id, string Source, string Account, string? Meter, decimal? Quantity, decimal? Value, DateTimeOffset? Time, string? Provider, string? Model, string? Tool, string? Member,
    string? Agent, string? Run, bool? Byok, EventTokensSchema? Tokens, IReadOnlyDictionary<string, object>? Properties);

internal sealed record EventTokensSchema(long? Input, long? Output, long? CachedInput, long? CacheWrite, long? Reasoning);
