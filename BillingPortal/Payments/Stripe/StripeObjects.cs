using System.Text.Json;

namespace BillingPortal.Payments.Stripe;

// What the portal reads of Stripe's objects, version 2026-10-28.endive. Statuses are open sets, so they stay text.

public sealed record StripeCustomer(string Id)
{
    public string? Email { get; init; }
    public string? Name { get; init; }
    /// <summary>A deleted customer is answered with 200 and this mark.</summary>
    public bool Deleted { get; init; }
    public StripeInvoiceSettings? InvoiceSettings { get; init; }
    public IReadOnlyDictionary<string, string> Metadata { get; init; } = new Dictionary<string, string>();
}

public sealed record StripeInvoiceSettings(StripeId? DefaultPaymentMethod);

public sealed record StripeProduct(string Id, string Name)
{
    public bool Active { get; init; }
    public IReadOnlyDictionary<string, string> Metadata { get; init; } = new Dictionary<string, string>();
}

public sealed record StripePrice(string Id)
{
    public bool Active { get; init; }
    public string Currency { get; init; } = "";
    /// <summary>In minor units; null when priced by tiers or finer than a minor unit.</summary>
    public long? UnitAmount { get; init; }
    /// <summary>The same to twelve decimals.</summary>
    public string? UnitAmountDecimal { get; init; }
    /// <summary><c>one_time</c> or <c>recurring</c>.</summary>
    public string Type { get; init; } = "";
    public StripeRecurring? Recurring { get; init; }
    public string? LookupKey { get; init; }
    public StripeId? Product { get; init; }
    public bool Livemode { get; init; }
    public IReadOnlyDictionary<string, string> Metadata { get; init; } = new Dictionary<string, string>();

    public bool IsMetered => Recurring?.UsageType == "metered";
}

/// <param name="Interval"><c>day</c>, <c>week</c>, <c>month</c> or <c>year</c>.</param>
/// <param name="UsageType"><c>licensed</c>, or <c>metered</c>: billed in arrears by what a meter counted.</param>
/// <param name="Meter"><c>mtr_…</c></param>
public sealed record StripeRecurring(string Interval, int IntervalCount = 1, string? UsageType = null, string? Meter = null);

public sealed record StripeCheckoutSession(string Id)
{
    /// <summary><c>open</c>, <c>complete</c> or <c>expired</c>.</summary>
    public string Status { get; init; } = "";
    /// <summary><c>paid</c>, <c>unpaid</c> or <c>no_payment_required</c>.</summary>
    public string PaymentStatus { get; init; } = "";
    public string Mode { get; init; } = "";
    public string? Url { get; init; }
    public StripeId? Customer { get; init; }
    public StripeId? Subscription { get; init; }
    public StripeId? PaymentIntent { get; init; }
    public StripeId? Invoice { get; init; }
    public string? ClientReferenceId { get; init; }
    public long? AmountSubtotal { get; init; }
    public long? AmountTotal { get; init; }
    public string? Currency { get; init; }
    public DateTimeOffset ExpiresAt { get; init; }
    public IReadOnlyDictionary<string, string> Metadata { get; init; } = new Dictionary<string, string>();

    /// <summary>Fulfil when true, whichever event told (https://docs.stripe.com/checkout/fulfillment).</summary>
    public bool IsPaid => PaymentStatus is "paid" or "no_payment_required";
}

public sealed record StripeBillingPortalSession(string Id, string Url);

public sealed record StripeSubscription(string Id)
{
    public string Status { get; init; } = "";
    public StripeId Customer { get; init; }
    public bool CancelAtPeriodEnd { get; init; }
    public DateTimeOffset? CancelAt { get; init; }
    public DateTimeOffset? CanceledAt { get; init; }
    public DateTimeOffset? EndedAt { get; init; }
    public DateTimeOffset? TrialEnd { get; init; }
    public DateTimeOffset BillingCycleAnchor { get; init; }
    public DateTimeOffset StartDate { get; init; }
    public StripeId? DefaultPaymentMethod { get; init; }
    public StripeId? LatestInvoice { get; init; }
    /// <summary>Whole where it was read by itself.</summary>
    public StripeExpanded<StripeSubscriptionSchedule>? Schedule { get; init; }
    public StripeList<StripeSubscriptionItem> Items { get; init; } = new([]);
    public IReadOnlyDictionary<string, string> Metadata { get; init; } = new Dictionary<string, string>();

    /// <summary>Items that bill use beyond allowances.</summary>
    public IEnumerable<StripeSubscriptionItem> MeteredItems => Items.Data.Where(i => i.Price.IsMetered);

    /// <summary>The item of the plan's own price: the first that is not metered.</summary>
    public StripeSubscriptionItem? BaseItem => Items.Data.FirstOrDefault(i => !i.Price.IsMetered) ?? (Items.Data.Count > 0 ? Items.Data[0] : null);
}

/// <summary>Periods stand on items; a subscription has none of its own.</summary>
public sealed record StripeSubscriptionItem(string Id, StripePrice Price)
{
    public long? Quantity { get; init; }
    public DateTimeOffset CurrentPeriodStart { get; init; }
    public DateTimeOffset CurrentPeriodEnd { get; init; }
}

public sealed record StripeInvoice(string Id)
{
    public string? Number { get; init; }
    /// <summary><c>draft</c>, <c>open</c>, <c>paid</c>, <c>uncollectible</c> or <c>void</c>; null for a preview.</summary>
    public string? Status { get; init; }
    public StripeId? Customer { get; init; }
    public string Currency { get; init; } = "";
    public long AmountDue { get; init; }
    public long AmountPaid { get; init; }
    public long AmountRemaining { get; init; }
    public long Subtotal { get; init; }
    public long Total { get; init; }
    public long? TotalExcludingTax { get; init; }
    public string? BillingReason { get; init; }
    public int AttemptCount { get; init; }
    public DateTimeOffset? NextPaymentAttempt { get; init; }
    public DateTimeOffset? DueDate { get; init; }
    public DateTimeOffset Created { get; init; }
    /// <summary>When items were gathered; the service period stands on the lines.</summary>
    public DateTimeOffset PeriodStart { get; init; }
    public DateTimeOffset PeriodEnd { get; init; }
    /// <summary>Null until finalized; expires, so read afresh.</summary>
    public string? HostedInvoiceUrl { get; init; }
    public string? InvoicePdf { get; init; }
    public StripeStatusTransitions? StatusTransitions { get; init; }
    public StripeInvoiceParent? Parent { get; init; }
    public StripeList<StripeInvoiceLine> Lines { get; init; } = new([]);

    public string? SubscriptionId => Parent?.SubscriptionDetails?.Subscription.Value;
    public bool IsPaid => Status == "paid";
}

public sealed record StripeStatusTransitions(DateTimeOffset? FinalizedAt, DateTimeOffset? PaidAt, DateTimeOffset? VoidedAt);

/// <param name="Type"><c>subscription_details</c> or <c>quote_details</c>.</param>
public sealed record StripeInvoiceParent(string Type, StripeSubscriptionDetails? SubscriptionDetails);

public sealed record StripeSubscriptionDetails(StripeId Subscription);

public sealed record StripeInvoiceLine(string Id)
{
    public long Amount { get; init; }
    public string Currency { get; init; } = "";
    public string? Description { get; init; }
    public decimal? Quantity { get; init; }
    public StripeLinePeriod? Period { get; init; }
    public StripeLineParent? Parent { get; init; }
    public StripeLinePricing? Pricing { get; init; }
    /// <summary>Of an item put on the bill: the item's.</summary>
    public IReadOnlyDictionary<string, string>? Metadata { get; init; }

    public bool IsProration => Parent?.SubscriptionItemDetails?.Proration ?? Parent?.InvoiceItemDetails?.Proration ?? false;
}

public sealed record StripeLinePeriod(DateTimeOffset Start, DateTimeOffset End);

public sealed record StripeLineParent(string Type, StripeLineDetails? SubscriptionItemDetails, StripeLineDetails? InvoiceItemDetails);

/// <param name="PriceDetails">Null: an amount by itself.</param>
public sealed record StripeLinePricing(StripeLinePrice? PriceDetails);

public sealed record StripeLinePrice(string? Price, string? Product);

public sealed record StripeLineDetails(bool Proration = false);

public sealed record StripePaymentIntent(string Id)
{
    public string Status { get; init; } = "";
    public long Amount { get; init; }
    public long AmountReceived { get; init; }
    public string Currency { get; init; } = "";
    public StripeId? Customer { get; init; }
    public StripeId? LatestCharge { get; init; }
    public StripeId? PaymentMethod { get; init; }
    public StripePaymentError? LastPaymentError { get; init; }
    public IReadOnlyDictionary<string, string> Metadata { get; init; } = new Dictionary<string, string>();
}

public sealed record StripeSetupIntent(string Id)
{
    public string Status { get; init; } = "";
    public StripeId? Customer { get; init; }
    public StripeId? PaymentMethod { get; init; }
    public IReadOnlyDictionary<string, string> Metadata { get; init; } = new Dictionary<string, string>();
}

public sealed record StripePaymentError(string? Code, string? DeclineCode, string? Message);

public sealed record StripePaymentMethod(string Id, string Type)
{
    public StripeCard? Card { get; init; }
    public StripeId? Customer { get; init; }
}

public sealed record StripeCard(string Brand, string Last4, int ExpMonth, int ExpYear);

/// <summary>An event as listed by <c>GET /v1/events</c>, with its object as it was when the event was made.</summary>
public sealed record StripeListedEvent(string Id, string Type)
{
    public string? ApiVersion { get; init; }
    public DateTimeOffset Created { get; init; }
    public bool Livemode { get; init; }
    public JsonElement Data { get; init; }
}

public sealed record StripeTestClock(string Id)
{
    public DateTimeOffset FrozenTime { get; init; }
    /// <summary><c>advancing</c>, <c>ready</c> or <c>internal_failure</c>.</summary>
    public string Status { get; init; } = "";
}

public sealed record StripeDeleted(string Id, bool Deleted);
