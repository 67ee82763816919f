namespace BillingPortal.Payments.Stripe;

// Use as Stripe counts it: meters, what is reported to them, what they came to, and what is billed beside them.

/// <summary>A meter at Stripe. Only its display name can change; one active meter per event name.</summary>
public sealed record StripeMeter(string Id, string EventName, string DisplayName)
{
    /// <summary><c>active</c> or <c>inactive</c>.</summary>
    public string Status { get; init; } = "";
    public StripeMeterAggregation? DefaultAggregation { get; init; }
}

/// <param name="Formula"><c>sum</c>, <c>count</c> or <c>last</c>.</param>
public sealed record StripeMeterAggregation(string Formula);

public sealed record StripeMeterOptions
{
    public string? DisplayName { get; init; }
    public string? EventName { get; init; }
    public StripeMeterAggregation? DefaultAggregation { get; init; }
}

public readonly struct StripeMeters(StripeClient client)
{
    public Task<StripeResult<StripeList<StripeMeter>>> ListAsync(CancellationToken ct) =>
        client.GetAsync<StripeList<StripeMeter>>("/v1/billing/meters", new { Limit = 100, Status = "active" }, ct);
    public Task<StripeResult<StripeMeter>> CreateAsync(StripeMeterOptions options, string idempotencyKey, CancellationToken ct) =>
        client.PostAsync<StripeMeter>("/v1/billing/meters", options, idempotencyKey, ct);
    public Task<StripeResult<StripeMeter>> UpdateAsync(string id, StripeMeterOptions options, string idempotencyKey, CancellationToken ct) =>
        client.PostAsync<StripeMeter>($"/v1/billing/meters/{Uri.EscapeDataString(id)}", options, idempotencyKey, ct);

    /// <summary>What a customer's events came to. Lags behind the events by some minutes.</summary>
    /// <param name="start">On a whole minute, included.</param>
    /// <param name="end">On a whole minute, not included.</param>
    public Task<StripeResult<StripeList<StripeMeterEventSummary>>> SummariesAsync(string id, string customer, DateTimeOffset start, DateTimeOffset end, CancellationToken ct) =>
        client.GetAsync<StripeList<StripeMeterEventSummary>>($"/v1/billing/meters/{Uri.EscapeDataString(id)}/event_summaries", new { Customer = customer, StartTime = start, EndTime = end, Limit = 100 }, ct);
}

public sealed record StripeMeterEventSummary(decimal AggregatedValue, DateTimeOffset StartTime, DateTimeOffset EndTime);

/// <param name="Payload">Texts: the customer and the value, under the meter's keys.</param>
/// <param name="Identifier">At most 100 characters; taken once within a rolling day.</param>
/// <param name="Timestamp">Within the past 35 days, at most 5 minutes ahead.</param>
public sealed record StripeMeterEventOptions(string EventName, IReadOnlyDictionary<string, string> Payload, string Identifier, DateTimeOffset Timestamp);

/// <summary>Accepted, which is not counted: Stripe counts later, and tells of what it could not count by thin events only.</summary>
public sealed record StripeMeterEvent(string EventName, string Identifier);

public readonly struct StripeMeterEvents(StripeClient client)
{
    public Task<StripeResult<StripeMeterEvent>> CreateAsync(StripeMeterEventOptions options, string idempotencyKey, CancellationToken ct) =>
        client.PostAsync<StripeMeterEvent>("/v1/billing/meter_events", options, idempotencyKey, ct);
}

public sealed record StripeInvoiceItemOptions
{
    public required string Customer { get; init; }
    /// <summary>The one whose next invoice it goes on; null: the customer's next.</summary>
    public string? Subscription { get; init; }
    /// <summary>In minor units; below zero is a credit.</summary>
    public required long Amount { get; init; }
    public required string Currency { get; init; }
    public string? Description { get; init; }
    public IReadOnlyDictionary<string, string>? Metadata { get; init; }
}

public sealed record StripeInvoiceItem(string Id)
{
    public long Amount { get; init; }
    public IReadOnlyDictionary<string, string> Metadata { get; init; } = new Dictionary<string, string>();
}

public readonly struct StripeInvoiceItems(StripeClient client)
{
    public Task<StripeResult<StripeInvoiceItem>> CreateAsync(StripeInvoiceItemOptions options, string idempotencyKey, CancellationToken ct) =>
        client.PostAsync<StripeInvoiceItem>("/v1/invoiceitems", options, idempotencyKey, ct);
    /// <summary>A customer's, newest first, at most 100.</summary>
    public Task<StripeResult<StripeList<StripeInvoiceItem>>> ListAsync(string customer, StripeRange created, CancellationToken ct) =>
        client.GetAsync<StripeList<StripeInvoiceItem>>("/v1/invoiceitems", new { Customer = customer, Created = created, Limit = 100 }, ct);
}

/// <summary>What stands behind a thin event about meters (https://docs.stripe.com/api/v2/core/events).</summary>
public sealed record StripeMeterErrors(string Id, string Type)
{
    public StripeMeterErrorData? Data { get; init; }
}

public sealed record StripeMeterErrorData(string? DeveloperMessageSummary, StripeMeterErrorReason? Reason);

/// <param name="ErrorCount">All of them; of each type only samples are told.</param>
public sealed record StripeMeterErrorReason(int ErrorCount, IReadOnlyList<StripeMeterErrorType> ErrorTypes);

/// <param name="Code">e.g. <c>meter_event_customer_not_found</c>.</param>
public sealed record StripeMeterErrorType(string Code, int ErrorCount, IReadOnlyList<StripeMeterErrorSample> SampleErrors);

public sealed record StripeMeterErrorSample(string? ErrorMessage, StripeMeterErrorRequest? Request);

public sealed record StripeMeterErrorRequest(string? Identifier);

public readonly struct StripeThinEvents(StripeClient client)
{
    public Task<StripeResult<StripeMeterErrors>> GetMeterErrorsAsync(string id, CancellationToken ct) =>
        client.GetAsync<StripeMeterErrors>($"/v2/core/events/{Uri.EscapeDataString(id)}", null, ct);
}

/// <summary>Where Stripe posts events of its second API. With <see cref="EventPayload"/> <c>thin</c> they carry no data.</summary>
public sealed record StripeEventDestination(string Id, string Name)
{
    public string EventPayload { get; init; } = "";
    public IReadOnlyList<string> EnabledEvents { get; init; } = [];
    /// <summary><c>enabled</c> or <c>disabled</c>.</summary>
    public string Status { get; init; } = "";
    public StripeDestinationEndpoint? WebhookEndpoint { get; init; }

    public override string ToString() => $"{Id} {Name}";
}

/// <param name="SigningSecret">Answered when it is made, and never again.</param>
public sealed record StripeDestinationEndpoint(string? Url, string? SigningSecret = null)
{
    public override string ToString() => Url ?? "";
}

public sealed record StripeEventDestinationOptions(string Name, IReadOnlyList<string> EnabledEvents, StripeDestinationEndpoint WebhookEndpoint)
{
    public string Type { get; init; } = "webhook_endpoint";
    public string EventPayload { get; init; } = "thin";
    public IReadOnlyList<string> Include { get; init; } = ["webhook_endpoint.signing_secret", "webhook_endpoint.url"];
}

public readonly struct StripeEventDestinations(StripeClient client)
{
    private static readonly string[] WithUrl = ["webhook_endpoint.url"];

    public Task<StripeResult<StripeList<StripeEventDestination>>> ListAsync(CancellationToken ct) =>
        client.GetAsync<StripeList<StripeEventDestination>>("/v2/core/event_destinations", new { Include = WithUrl, Limit = 100 }, ct);
    public Task<StripeResult<StripeEventDestination>> CreateAsync(StripeEventDestinationOptions options, string idempotencyKey, CancellationToken ct) =>
        client.PostAsync<StripeEventDestination>("/v2/core/event_destinations", options, idempotencyKey, ct);
    public Task<StripeResult<StripeEventDestination>> UpdateAsync(string id, IReadOnlyList<string> enabledEvents, string idempotencyKey, CancellationToken ct) =>
        client.PostAsync<StripeEventDestination>($"/v2/core/event_destinations/{Uri.EscapeDataString(id)}", new { EnabledEvents = enabledEvents }, idempotencyKey, ct);
}
