namespace BillingPortal.Payments.Stripe;

// What the portal sends to Stripe. Null is not sent; an empty string unsets.

public sealed record StripeCustomerOptions
{
    public string? Email { get; init; }
    public string? Name { get; init; }
    public IReadOnlyDictionary<string, string>? Metadata { get; init; }
    public StripeInvoiceSettingsOptions? InvoiceSettings { get; init; }
    public string? TestClock { get; init; }
}

public sealed record StripeInvoiceSettingsOptions(string DefaultPaymentMethod);

public sealed record StripeProductOptions(string Name)
{
    public string? Id { get; init; }
    public string? Description { get; init; }
    public bool? Active { get; init; }
    public IReadOnlyDictionary<string, string>? Metadata { get; init; }
}

/// <summary>A price is immutable but for its lookup key, activity and metadata.</summary>
public sealed record StripePriceOptions
{
    public string? Currency { get; init; }
    public string? Product { get; init; }
    /// <summary>In minor units.</summary>
    public long? UnitAmount { get; init; }
    /// <summary>In minor units, finer than one of them: at most twelve decimals.</summary>
    public string? UnitAmountDecimal { get; init; }
    public StripeRecurring? Recurring { get; init; }
    public string? LookupKey { get; init; }
    /// <summary>Takes the lookup key from the price that has it.</summary>
    public bool? TransferLookupKey { get; init; }
    public string? Nickname { get; init; }
    public bool? Active { get; init; }
    public IReadOnlyDictionary<string, string>? Metadata { get; init; }
}

public sealed record StripeCheckoutSessionOptions
{
    /// <summary><c>payment</c>, <c>subscription</c> or <c>setup</c>.</summary>
    public required string Mode { get; init; }
    public required string Customer { get; init; }
    public required string SuccessUrl { get; init; }
    public string? CancelUrl { get; init; }
    /// <summary>At most 200 characters.</summary>
    public string? ClientReferenceId { get; init; }
    public IReadOnlyList<StripeLineItemOptions>? LineItems { get; init; }
    /// <summary>Not copied to the subscription or payment: see the two below.</summary>
    public IReadOnlyDictionary<string, string>? Metadata { get; init; }
    public StripeSubscriptionDataOptions? SubscriptionData { get; init; }
    public StripePaymentIntentDataOptions? PaymentIntentData { get; init; }
    public IReadOnlyList<StripeDiscountOptions>? Discounts { get; init; }
    /// <summary>The page takes a code; not together with <see cref="Discounts"/>.</summary>
    public bool? AllowPromotionCodes { get; init; }
    /// <summary>Needed in setup mode, where no line names one.</summary>
    public string? Currency { get; init; }
    public StripeSetupIntentDataOptions? SetupIntentData { get; init; }
}

public sealed record StripeSetupIntentDataOptions(IReadOnlyDictionary<string, string> Metadata);

public sealed record StripeLineItemOptions
{
    public string? Price { get; init; }
    public StripePriceDataOptions? PriceData { get; init; }
    /// <summary>Null for what is billed by use.</summary>
    public long? Quantity { get; init; } = 1;
}

/// <summary>A price made for one line, for an amount the customer chose.</summary>
public sealed record StripePriceDataOptions(string Currency, long UnitAmount, StripeProductDataOptions ProductData);

public sealed record StripeProductDataOptions(string Name);

public sealed record StripeSubscriptionDataOptions
{
    public IReadOnlyDictionary<string, string>? Metadata { get; init; }
    public int? TrialPeriodDays { get; init; }
}

public sealed record StripePaymentIntentDataOptions
{
    public IReadOnlyDictionary<string, string>? Metadata { get; init; }
    public string? Description { get; init; }
    public string? SetupFutureUsage { get; init; }
}

public sealed record StripeSubscriptionOptions
{
    public string? Customer { get; init; }
    public IReadOnlyList<StripeSubscriptionItemOptions>? Items { get; init; }
    /// <summary><c>create_prorations</c>, <c>always_invoice</c> or <c>none</c>.</summary>
    public string? ProrationBehavior { get; init; }
    public DateTimeOffset? ProrationDate { get; init; }
    /// <summary><c>allow_incomplete</c>, <c>error_if_incomplete</c>, <c>pending_if_incomplete</c> or <c>default_incomplete</c>.</summary>
    public string? PaymentBehavior { get; init; }
    public bool? CancelAtPeriodEnd { get; init; }
    public int? TrialPeriodDays { get; init; }
    public bool? OffSession { get; init; }
    public string? DefaultPaymentMethod { get; init; }
    public IReadOnlyList<StripeDiscountOptions>? Discounts { get; init; }
    public IReadOnlyDictionary<string, string>? Metadata { get; init; }
}

/// <summary>With an <see cref="Id"/> the item changes; a price without one adds an item.</summary>
public sealed record StripeSubscriptionItemOptions
{
    public string? Id { get; init; }
    public string? Price { get; init; }
    public long? Quantity { get; init; }
    /// <summary>Takes the item off.</summary>
    public bool? Deleted { get; init; }
}

public sealed record StripeSubscriptionListOptions
{
    public string? Customer { get; init; }
    /// <summary>Default: all but canceled; <c>all</c> includes them.</summary>
    public string? Status { get; init; }
    public int? Limit { get; init; }
    public string? StartingAfter { get; init; }
}

public sealed record StripeInvoiceListOptions
{
    public string? Customer { get; init; }
    public string? Subscription { get; init; }
    public string? Status { get; init; }
    public int? Limit { get; init; }
    public string? StartingAfter { get; init; }
}

public sealed record StripeInvoicePreviewOptions
{
    public string? Customer { get; init; }
    public string? Subscription { get; init; }
    public StripePreviewSubscriptionDetails? SubscriptionDetails { get; init; }
}

public sealed record StripePreviewSubscriptionDetails
{
    public IReadOnlyList<StripeSubscriptionItemOptions>? Items { get; init; }
    public string? ProrationBehavior { get; init; }
    /// <summary>Pass the same instant to the update, and the bill equals the preview.</summary>
    public DateTimeOffset? ProrationDate { get; init; }
}

public sealed record StripeEventListOptions
{
    public IReadOnlyList<string>? Types { get; init; }
    public StripeRange? Created { get; init; }
    public int? Limit { get; init; }
    public string? StartingAfter { get; init; }
}

public sealed record StripeRange(DateTimeOffset? Gte = null, DateTimeOffset? Lt = null);

/// <summary>A payment on a saved card, made and confirmed in one call.</summary>
public sealed record StripePaymentIntentOptions
{
    /// <summary>In minor units.</summary>
    public required long Amount { get; init; }
    public required string Currency { get; init; }
    public required string Customer { get; init; }
    public required string PaymentMethod { get; init; }
    public bool? Confirm { get; init; }
    /// <summary>Nobody is there to confirm anything.</summary>
    public bool? OffSession { get; init; }
    public string? Description { get; init; }
    public IReadOnlyDictionary<string, string>? Metadata { get; init; }
}
