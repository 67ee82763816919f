namespace BillingPortal.Payments.Stripe;

// Disputes: a cardholder's bank takes a payment back and asks why it should not.

public sealed record StripeDispute(string Id)
{
    public long Amount { get; init; }
    public string Currency { get; init; } = "";
    public StripeId Charge { get; init; }
    public StripeId? PaymentIntent { get; init; }
    /// <summary><c>fraudulent</c>, <c>product_not_received</c>… An open set.</summary>
    public string Reason { get; init; } = "";
    /// <summary><c>needs_response</c>, <c>under_review</c>, <c>won</c>, <c>lost</c>…; beginning with <c>warning_</c> it is an inquiry and no money has moved.</summary>
    public string Status { get; init; } = "";
    public DateTimeOffset Created { get; init; }
    public StripeEvidenceDetails? EvidenceDetails { get; init; }

    public bool IsInquiry => Status.StartsWith("warning_", StringComparison.Ordinal);
    public bool IsLost => Status == "lost";
    /// <summary>Decided for us, or dropped: the money is ours.</summary>
    public bool IsWon => Status is "won" or "warning_closed" or "prevented";
}

/// <param name="DueBy">Until when evidence is taken.</param>
public sealed record StripeEvidenceDetails(DateTimeOffset? DueBy = null, int SubmissionCount = 0);

public sealed record StripeDisputeOptions
{
    public StripeEvidence? Evidence { get; init; }
    /// <summary>True: sends it to the bank, once and for all.</summary>
    public bool? Submit { get; init; }
}

public sealed record StripeEvidence(string UncategorizedText);

public readonly struct StripeDisputes(StripeClient client)
{
    public Task<StripeResult<StripeDispute>> GetAsync(string id, CancellationToken ct) =>
        client.GetAsync<StripeDispute>($"/v1/disputes/{Uri.EscapeDataString(id)}", null, ct);
    public Task<StripeResult<StripeList<StripeDispute>>> ListAsync(string paymentIntent, CancellationToken ct) =>
        client.GetAsync<StripeList<StripeDispute>>("/v1/disputes", new { PaymentIntent = paymentIntent, Limit = 100 }, ct);
    public Task<StripeResult<StripeDispute>> UpdateAsync(string id, StripeDisputeOptions options, string idempotencyKey, CancellationToken ct) =>
        client.PostAsync<StripeDispute>($"/v1/disputes/{Uri.EscapeDataString(id)}", options, idempotencyKey, ct);
    /// <summary>Accepts the loss; cannot be undone.</summary>
    public Task<StripeResult<StripeDispute>> CloseAsync(string id, string idempotencyKey, CancellationToken ct) =>
        client.PostAsync<StripeDispute>($"/v1/disputes/{Uri.EscapeDataString(id)}/close", null, idempotencyKey, ct);
}
