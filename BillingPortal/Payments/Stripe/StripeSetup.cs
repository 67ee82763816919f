namespace BillingPortal.Payments.Stripe;

// What an account at Stripe is set up with: webhook endpoints, what Stripe's own portal offers.

public sealed record StripeWebhookEndpoint(string Id, string Url)
{
    /// <summary><c>enabled</c> or <c>disabled</c>.</summary>
    public string Status { get; init; } = "";
    /// <summary>Fixed when it is made; null: the account's default version.</summary>
    public string? ApiVersion { get; init; }
    /// <summary><c>*</c> means all.</summary>
    public IReadOnlyList<string> EnabledEvents { get; init; } = [];
    /// <summary>Answered when it is made, and never again.</summary>
    public string? Secret { get; init; }
    public bool Livemode { get; init; }

    public override string ToString() => $"{Id} {Url}";
}

public sealed record StripeWebhookEndpointOptions
{
    public string? Url { get; init; }
    public IReadOnlyList<string>? EnabledEvents { get; init; }
    public string? ApiVersion { get; init; }
    public string? Description { get; init; }
    public bool? Disabled { get; init; }
}

public readonly struct StripeWebhookEndpoints(StripeClient client)
{
    public Task<StripeResult<StripeList<StripeWebhookEndpoint>>> ListAsync(CancellationToken ct) =>
        client.GetAsync<StripeList<StripeWebhookEndpoint>>("/v1/webhook_endpoints", new { Limit = 100 }, ct);
    public Task<StripeResult<StripeWebhookEndpoint>> CreateAsync(StripeWebhookEndpointOptions options, string idempotencyKey, CancellationToken ct) =>
        client.PostAsync<StripeWebhookEndpoint>("/v1/webhook_endpoints", options, idempotencyKey, ct);
    public Task<StripeResult<StripeWebhookEndpoint>> UpdateAsync(string id, StripeWebhookEndpointOptions options, string idempotencyKey, CancellationToken ct) =>
        client.PostAsync<StripeWebhookEndpoint>($"/v1/webhook_endpoints/{Uri.EscapeDataString(id)}", options, idempotencyKey, ct);
}

/// <summary>What Stripe's own portal offers to customers.</summary>
public sealed record StripePortalFeatures
{
    public StripePortalFeature? InvoiceHistory { get; init; }
    public StripePortalFeature? PaymentMethodUpdate { get; init; }
    public StripePortalCustomerUpdate? CustomerUpdate { get; init; }
    public StripePortalCancel? SubscriptionCancel { get; init; }
    public StripePortalFeature? SubscriptionUpdate { get; init; }

    /// <summary>Whether this offers the same as another.</summary>
    public bool OffersSameAs(StripePortalFeatures other) =>
        (InvoiceHistory, PaymentMethodUpdate, SubscriptionCancel, SubscriptionUpdate) == (other.InvoiceHistory, other.PaymentMethodUpdate, other.SubscriptionCancel, other.SubscriptionUpdate)
        && CustomerUpdate?.Enabled == other.CustomerUpdate?.Enabled
        && (CustomerUpdate?.AllowedUpdates ?? []).Order(StringComparer.Ordinal).SequenceEqual((other.CustomerUpdate?.AllowedUpdates ?? []).Order(StringComparer.Ordinal));
}

public sealed record StripePortalFeature(bool Enabled);

/// <param name="AllowedUpdates"><c>address</c>, <c>email</c>, <c>name</c>, <c>phone</c>, <c>shipping</c>, <c>tax_id</c>.</param>
public sealed record StripePortalCustomerUpdate(bool Enabled, IReadOnlyList<string>? AllowedUpdates = null);

/// <param name="Mode"><c>at_period_end</c> or <c>immediately</c>.</param>
public sealed record StripePortalCancel(bool Enabled, string? Mode = null);

public sealed record StripePortalConfiguration(string Id)
{
    public bool Active { get; init; }
    public StripePortalFeatures Features { get; init; } = new();
    public string? DefaultReturnUrl { get; init; }
    public IReadOnlyDictionary<string, string> Metadata { get; init; } = new Dictionary<string, string>();
}

public sealed record StripePortalConfigurationOptions
{
    public StripePortalFeatures? Features { get; init; }
    public string? DefaultReturnUrl { get; init; }
    public bool? Active { get; init; }
    public IReadOnlyDictionary<string, string>? Metadata { get; init; }
}

public readonly struct StripePortalConfigurations(StripeClient client)
{
    public Task<StripeResult<StripeList<StripePortalConfiguration>>> ListAsync(CancellationToken ct) =>
        client.GetAsync<StripeList<StripePortalConfiguration>>("/v1/billing_portal/configurations", new { Limit = 100, Active = true }, ct);
    public Task<StripeResult<StripePortalConfiguration>> CreateAsync(StripePortalConfigurationOptions options, string idempotencyKey, CancellationToken ct) =>
        client.PostAsync<StripePortalConfiguration>("/v1/billing_portal/configurations", options, idempotencyKey, ct);
    public Task<StripeResult<StripePortalConfiguration>> UpdateAsync(string id, StripePortalConfigurationOptions options, string idempotencyKey, CancellationToken ct) =>
        client.PostAsync<StripePortalConfiguration>($"/v1/billing_portal/configurations/{Uri.EscapeDataString(id)}", options, idempotencyKey, ct);
}
