namespace BillingPortal.Payments.Stripe;

// Subscription schedules: what a subscription becomes later, such as a smaller plan from the period's end on.

public sealed record StripeSubscriptionSchedule(string Id)
{
    /// <summary><c>not_started</c>, <c>active</c>, <c>completed</c>, <c>released</c> or <c>canceled</c>.</summary>
    public string Status { get; init; } = "";
    public IReadOnlyList<StripeSchedulePhase> Phases { get; init; } = [];
}

public sealed record StripeSchedulePhase(DateTimeOffset StartDate, DateTimeOffset EndDate)
{
    public IReadOnlyList<StripeScheduleItem> Items { get; init; } = [];
}

/// <param name="Price">Whole where it was expanded.</param>
public sealed record StripeScheduleItem(StripeExpanded<StripePrice> Price);

public sealed record StripeScheduleOptions
{
    /// <summary>Makes a schedule of what the subscription is now; nothing else may be given with it.</summary>
    public string? FromSubscription { get; init; }
    public IReadOnlyList<StripeSchedulePhaseOptions>? Phases { get; init; }
    /// <summary><c>release</c>: the subscription goes on by itself after the last phase.</summary>
    public string? EndBehavior { get; init; }
}

public sealed record StripeSchedulePhaseOptions
{
    public IReadOnlyList<StripeSubscriptionItemOptions>? Items { get; init; }
    public DateTimeOffset? StartDate { get; init; }
    public DateTimeOffset? EndDate { get; init; }
    public string? ProrationBehavior { get; init; }
}

public readonly struct StripeSubscriptionSchedules(StripeClient client)
{
    public Task<StripeResult<StripeSubscriptionSchedule>> CreateAsync(StripeScheduleOptions options, string idempotencyKey, CancellationToken ct) =>
        client.PostAsync<StripeSubscriptionSchedule>("/v1/subscription_schedules", options, idempotencyKey, ct);
    public Task<StripeResult<StripeSubscriptionSchedule>> GetAsync(string id, CancellationToken ct) =>
        client.GetAsync<StripeSubscriptionSchedule>($"/v1/subscription_schedules/{Uri.EscapeDataString(id)}", null, ct);
    public Task<StripeResult<StripeSubscriptionSchedule>> UpdateAsync(string id, StripeScheduleOptions options, string idempotencyKey, CancellationToken ct) =>
        client.PostAsync<StripeSubscriptionSchedule>($"/v1/subscription_schedules/{Uri.EscapeDataString(id)}", options, idempotencyKey, ct);
    /// <summary>The subscription goes on as it is; what was scheduled is dropped.</summary>
    public Task<StripeResult<StripeSubscriptionSchedule>> ReleaseAsync(string id, string idempotencyKey, CancellationToken ct) =>
        client.PostAsync<StripeSubscriptionSchedule>($"/v1/subscription_schedules/{Uri.EscapeDataString(id)}/release", null, idempotencyKey, ct);
}
