namespace BillingPortal.Payments.Stripe;

// Refunds, and the charges they give back.

public sealed record StripeRefundOptions
{
    public required string PaymentIntent { get; init; }
    /// <summary>In minor units; null: all that is left.</summary>
    public long? Amount { get; init; }
    /// <summary><c>duplicate</c>, <c>fraudulent</c> or <c>requested_by_customer</c>.</summary>
    public string? Reason { get; init; }
    public IReadOnlyDictionary<string, string>? Metadata { get; init; }
}

public sealed record StripeRefund(string Id)
{
    public long Amount { get; init; }
    public string Currency { get; init; } = "";
    public StripeId? Charge { get; init; }
    public StripeId? PaymentIntent { get; init; }
    /// <summary><c>pending</c>, <c>requires_action</c>, <c>succeeded</c>, <c>failed</c> or <c>canceled</c>. Also a succeeded one may fail later.</summary>
    public string Status { get; init; } = "";
    public string? FailureReason { get; init; }
    public string? Reason { get; init; }
    public DateTimeOffset Created { get; init; }
    public IReadOnlyDictionary<string, string>? Metadata { get; init; }

    /// <summary>The money is back at the customer's, or on its way there.</summary>
    public bool Stands => Status is not ("failed" or "canceled");
}

public sealed record StripeCharge(string Id)
{
    public long Amount { get; init; }
    public long AmountRefunded { get; init; }
    public bool Paid { get; init; }
    public bool Disputed { get; init; }
    public StripeId? PaymentIntent { get; init; }
    public StripeId? Customer { get; init; }
}

public readonly struct StripeRefunds(StripeClient client)
{
    public Task<StripeResult<StripeRefund>> CreateAsync(StripeRefundOptions options, string idempotencyKey, CancellationToken ct) =>
        client.PostAsync<StripeRefund>("/v1/refunds", options, idempotencyKey, ct);
    public Task<StripeResult<StripeRefund>> GetAsync(string id, CancellationToken ct) =>
        client.GetAsync<StripeRefund>($"/v1/refunds/{Uri.EscapeDataString(id)}", null, ct);
    /// <summary>Newest first; of one payment there are never more than fit on a page.</summary>
    public Task<StripeResult<StripeList<StripeRefund>>> ListAsync(string paymentIntent, CancellationToken ct) =>
        client.GetAsync<StripeList<StripeRefund>>("/v1/refunds", new { PaymentIntent = paymentIntent, Limit = 100 }, ct);
}

public readonly struct StripeCharges(StripeClient client)
{
    public Task<StripeResult<StripeCharge>> GetAsync(string id, CancellationToken ct) =>
        client.GetAsync<StripeCharge>($"/v1/charges/{Uri.EscapeDataString(id)}", null, ct);
}
