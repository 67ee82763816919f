namespace BillingPortal.Payments.Stripe;

// One struct per resource of Stripe's API. Ids are escaped: they may come from outside.

public readonly struct StripeCustomers(StripeClient client)
{
    public Task<StripeResult<StripeCustomer>> CreateAsync(StripeCustomerOptions options, string idempotencyKey, CancellationToken ct) =>
        client.PostAsync<StripeCustomer>("/v1/customers", options, idempotencyKey, ct);
    public Task<StripeResult<StripeCustomer>> UpdateAsync(string id, StripeCustomerOptions options, string idempotencyKey, CancellationToken ct) =>
        client.PostAsync<StripeCustomer>($"/v1/customers/{Uri.EscapeDataString(id)}", options, idempotencyKey, ct);
    /// <summary>A deleted customer is answered too, with <see cref="StripeCustomer.Deleted"/>.</summary>
    public Task<StripeResult<StripeCustomer>> GetAsync(string id, CancellationToken ct) =>
        client.GetAsync<StripeCustomer>($"/v1/customers/{Uri.EscapeDataString(id)}", null, ct);
    public Task<StripeResult<StripeDeleted>> DeleteAsync(string id, CancellationToken ct) =>
        client.DeleteAsync<StripeDeleted>($"/v1/customers/{Uri.EscapeDataString(id)}", null, ct);
    public Task<StripeResult<StripeList<StripePaymentMethod>>> ListPaymentMethodsAsync(string id, CancellationToken ct) =>
        client.GetAsync<StripeList<StripePaymentMethod>>($"/v1/customers/{Uri.EscapeDataString(id)}/payment_methods", null, ct);
}

public readonly struct StripeProducts(StripeClient client)
{
    public Task<StripeResult<StripeProduct>> CreateAsync(StripeProductOptions options, string idempotencyKey, CancellationToken ct) =>
        client.PostAsync<StripeProduct>("/v1/products", options, idempotencyKey, ct);
    public Task<StripeResult<StripeProduct>> UpdateAsync(string id, StripeProductOptions options, string idempotencyKey, CancellationToken ct) =>
        client.PostAsync<StripeProduct>($"/v1/products/{Uri.EscapeDataString(id)}", options, idempotencyKey, ct);
    public Task<StripeResult<StripeProduct>> GetAsync(string id, CancellationToken ct) =>
        client.GetAsync<StripeProduct>($"/v1/products/{Uri.EscapeDataString(id)}", null, ct);
}

public readonly struct StripePrices(StripeClient client)
{
    public Task<StripeResult<StripePrice>> CreateAsync(StripePriceOptions options, string idempotencyKey, CancellationToken ct) =>
        client.PostAsync<StripePrice>("/v1/prices", options, idempotencyKey, ct);
    public Task<StripeResult<StripePrice>> UpdateAsync(string id, StripePriceOptions options, string idempotencyKey, CancellationToken ct) =>
        client.PostAsync<StripePrice>($"/v1/prices/{Uri.EscapeDataString(id)}", options, idempotencyKey, ct);
    public Task<StripeResult<StripePrice>> GetAsync(string id, CancellationToken ct) =>
        client.GetAsync<StripePrice>($"/v1/prices/{Uri.EscapeDataString(id)}", null, ct);
    /// <summary>Active ones and others.</summary>
    /// <param name="lookupKeys">At most ten.</param>
    public Task<StripeResult<StripeList<StripePrice>>> ListAsync(IReadOnlyList<string> lookupKeys, CancellationToken ct) =>
        client.GetAsync<StripeList<StripePrice>>("/v1/prices", new { LookupKeys = lookupKeys, Limit = 100 }, ct);
}

public readonly struct StripeCheckoutSessions(StripeClient client)
{
    public Task<StripeResult<StripeCheckoutSession>> CreateAsync(StripeCheckoutSessionOptions options, string idempotencyKey, CancellationToken ct) =>
        client.PostAsync<StripeCheckoutSession>("/v1/checkout/sessions", options, idempotencyKey, ct);
    public Task<StripeResult<StripeCheckoutSession>> GetAsync(string id, CancellationToken ct) =>
        client.GetAsync<StripeCheckoutSession>($"/v1/checkout/sessions/{Uri.EscapeDataString(id)}", null, ct);
    public Task<StripeResult<StripeList<StripeCheckoutSession>>> ListAsync(StripeCheckoutSessionListOptions options, CancellationToken ct) =>
        client.GetAsync<StripeList<StripeCheckoutSession>>("/v1/checkout/sessions", options, ct);
    public Task<StripeResult<StripeCheckoutSession>> ExpireAsync(string id, string idempotencyKey, CancellationToken ct) =>
        client.PostAsync<StripeCheckoutSession>($"/v1/checkout/sessions/{Uri.EscapeDataString(id)}/expire", null, idempotencyKey, ct);
}

public readonly struct StripeBillingPortalSessions(StripeClient client)
{
    /// <summary>The URL lives shortly and for one visit: make one per click.</summary>
    public Task<StripeResult<StripeBillingPortalSession>> CreateAsync(string customer, string? returnUrl, string idempotencyKey, CancellationToken ct) =>
        client.PostAsync<StripeBillingPortalSession>("/v1/billing_portal/sessions", new { Customer = customer, ReturnUrl = returnUrl, Configuration = client.PortalConfiguration }, idempotencyKey, ct);
}

public readonly struct StripeSubscriptions(StripeClient client)
{
    private static readonly string[] WithSchedule = ["schedule.phases.items.price"];

    /// <summary>No access and no bills until it is resumed; only for flexible billing.</summary>
    public Task<StripeResult<StripeSubscription>> PauseAsync(string id, string idempotencyKey, CancellationToken ct) =>
        client.PostAsync<StripeSubscription>($"/v1/subscriptions/{Uri.EscapeDataString(id)}/pause", new { Type = "subscription" }, idempotencyKey, ct);
    /// <summary>A new period begins now and is billed now.</summary>
    public Task<StripeResult<StripeSubscription>> ResumeAsync(string id, string idempotencyKey, CancellationToken ct) =>
        client.PostAsync<StripeSubscription>($"/v1/subscriptions/{Uri.EscapeDataString(id)}/resume", new { BillingCycleAnchor = new { Type = "now" }, ProrationBehavior = "none" }, idempotencyKey, ct);
    public Task<StripeResult<StripeSubscription>> CreateAsync(StripeSubscriptionOptions options, string idempotencyKey, CancellationToken ct) =>
        client.PostAsync<StripeSubscription>("/v1/subscriptions", options, idempotencyKey, ct);
    public Task<StripeResult<StripeSubscription>> GetAsync(string id, CancellationToken ct) =>
        client.GetAsync<StripeSubscription>($"/v1/subscriptions/{Uri.EscapeDataString(id)}", new { Expand = WithSchedule }, ct);
    public Task<StripeResult<StripeList<StripeSubscription>>> ListAsync(StripeSubscriptionListOptions options, CancellationToken ct) =>
        client.GetAsync<StripeList<StripeSubscription>>("/v1/subscriptions", options, ct);
    public Task<StripeResult<StripeSubscription>> UpdateAsync(string id, StripeSubscriptionOptions options, string idempotencyKey, CancellationToken ct) =>
        client.PostAsync<StripeSubscription>($"/v1/subscriptions/{Uri.EscapeDataString(id)}", options, idempotencyKey, ct);
    /// <summary>Ends it now, and bills use that is not billed yet; for the period's end, update <c>cancel_at_period_end</c>.</summary>
    public Task<StripeResult<StripeSubscription>> CancelAsync(string id, CancellationToken ct) =>
        client.DeleteAsync<StripeSubscription>($"/v1/subscriptions/{Uri.EscapeDataString(id)}", new { InvoiceNow = true }, ct);
}

public readonly struct StripeInvoices(StripeClient client)
{
    /// <summary>With all of its lines: the invoice itself carries the first ten.</summary>
    public async Task<StripeResult<StripeInvoice>> GetAsync(string id, CancellationToken ct)
    {
        var path = $"/v1/invoices/{Uri.EscapeDataString(id)}";
        var answer = await client.GetAsync<StripeInvoice>(path, null, ct);
        while (answer.TryGet(out var invoice, out _) && invoice.Lines is { HasMore: true, Data: [.., var last] })
        {
            if (!(await client.GetAsync<StripeList<StripeInvoiceLine>>($"{path}/lines", new { StartingAfter = last.Id, Limit = 100 }, ct)).TryGet(out var more, out var error))
            {
                return error;
            }

            answer = invoice with { Lines = more with { Data = [.. invoice.Lines.Data, .. more.Data] } };
        }

        return answer;
    }

    public Task<StripeResult<StripeList<StripeInvoice>>> ListAsync(StripeInvoiceListOptions options, CancellationToken ct) =>
        client.GetAsync<StripeList<StripeInvoice>>("/v1/invoices", options, ct);
    /// <summary>What would be billed; changes nothing. The answer's id cannot be fetched.</summary>
    public Task<StripeResult<StripeInvoice>> CreatePreviewAsync(StripeInvoicePreviewOptions options, CancellationToken ct) =>
        client.PostAsync<StripeInvoice>("/v1/invoices/create_preview", options, $"preview:{Guid.NewGuid():N}", ct);
}

public readonly struct StripePaymentIntents(StripeClient client)
{
    /// <summary>A decline is an error with the PaymentIntent in it.</summary>
    public Task<StripeResult<StripePaymentIntent>> CreateAsync(StripePaymentIntentOptions options, string idempotencyKey, CancellationToken ct) =>
        client.PostAsync<StripePaymentIntent>("/v1/payment_intents", options, idempotencyKey, ct);
    /// <summary>Newest first.</summary>
    public Task<StripeResult<StripeList<StripePaymentIntent>>> ListAsync(string customer, StripeRange? created, string? startingAfter, CancellationToken ct) =>
        client.GetAsync<StripeList<StripePaymentIntent>>("/v1/payment_intents", new { Customer = customer, Created = created, StartingAfter = startingAfter, Limit = 100 }, ct);
    public Task<StripeResult<StripePaymentIntent>> GetAsync(string id, CancellationToken ct) =>
        client.GetAsync<StripePaymentIntent>($"/v1/payment_intents/{Uri.EscapeDataString(id)}", null, ct);
}

public readonly struct StripePaymentMethods(StripeClient client)
{
    public Task<StripeResult<StripePaymentMethod>> GetAsync(string id, CancellationToken ct) =>
        client.GetAsync<StripePaymentMethod>($"/v1/payment_methods/{Uri.EscapeDataString(id)}", null, ct);
    /// <summary>Takes it from its customer; it cannot be charged any more.</summary>
    public Task<StripeResult<StripePaymentMethod>> DetachAsync(string id, string idempotencyKey, CancellationToken ct) =>
        client.PostAsync<StripePaymentMethod>($"/v1/payment_methods/{Uri.EscapeDataString(id)}/detach", null, idempotencyKey, ct);
}

public readonly struct StripeSetupIntents(StripeClient client)
{
    public Task<StripeResult<StripeSetupIntent>> GetAsync(string id, CancellationToken ct) =>
        client.GetAsync<StripeSetupIntent>($"/v1/setup_intents/{Uri.EscapeDataString(id)}", null, ct);
}

public readonly struct StripeEvents(StripeClient client)
{
    /// <summary>Newest first, 30 days back at most.</summary>
    public Task<StripeResult<StripeList<StripeListedEvent>>> ListAsync(StripeEventListOptions options, CancellationToken ct) =>
        client.GetAsync<StripeList<StripeListedEvent>>("/v1/events", options, ct);
}

public readonly struct StripeTestClocks(StripeClient client)
{
    public Task<StripeResult<StripeTestClock>> CreateAsync(DateTimeOffset frozenTime, string idempotencyKey, CancellationToken ct) =>
        client.PostAsync<StripeTestClock>("/v1/test_helpers/test_clocks", new { FrozenTime = frozenTime }, idempotencyKey, ct);
    public Task<StripeResult<StripeTestClock>> GetAsync(string id, CancellationToken ct) =>
        client.GetAsync<StripeTestClock>($"/v1/test_helpers/test_clocks/{Uri.EscapeDataString(id)}", null, ct);
    public Task<StripeResult<StripeTestClock>> AdvanceAsync(string id, DateTimeOffset frozenTime, string idempotencyKey, CancellationToken ct) =>
        client.PostAsync<StripeTestClock>($"/v1/test_helpers/test_clocks/{Uri.EscapeDataString(id)}/advance", new { FrozenTime = frozenTime }, idempotencyKey, ct);
}
