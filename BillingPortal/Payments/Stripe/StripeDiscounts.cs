namespace BillingPortal.Payments.Stripe;

// Coupons and the codes that stand for them.

/// <summary>One of the two.</summary>
public sealed record StripeDiscountOptions
{
    public string? Coupon { get; init; }
    /// <summary>The code's id, <c>promo_…</c>, not the code.</summary>
    public string? PromotionCode { get; init; }
}

public sealed record StripePromotionCode(string Id, string Code)
{
    public bool Active { get; init; }
    public DateTimeOffset? ExpiresAt { get; init; }
}

public sealed record StripeCoupon(string Id)
{
    public string? Name { get; init; }
    public decimal? PercentOff { get; init; }
    /// <summary>In minor units.</summary>
    public long? AmountOff { get; init; }
    public bool Valid { get; init; }
}

public readonly struct StripePromotionCodes(StripeClient client)
{
    /// <summary>The active codes of this spelling; there is one at most, for everybody.</summary>
    public Task<StripeResult<StripeList<StripePromotionCode>>> ListAsync(string code, CancellationToken ct) =>
        client.GetAsync<StripeList<StripePromotionCode>>("/v1/promotion_codes", new { Code = code, Active = true, Limit = 1 }, ct);
}

public readonly struct StripeCoupons(StripeClient client)
{
    public Task<StripeResult<StripeCoupon>> GetAsync(string id, CancellationToken ct) =>
        client.GetAsync<StripeCoupon>($"/v1/coupons/{Uri.EscapeDataString(id)}", null, ct);
}
