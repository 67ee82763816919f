using System.Text.Json;

namespace BillingPortal.Payments.Stripe;

/// <summary>A whole list, page by page (STRIPE §4).</summary>
public static class StripePages
{
    /// <summary>Objects a page; the most Stripe gives.</summary>
    public const int Size = 100;

    /// <param name="page">Reads the page after an id; null: the first.</param>
    /// <param name="id">Of an object, for the page after it.</param>
    public static async Task<StripeResult<IReadOnlyList<T>>> AllAsync<T>(Func<string?, Task<StripeResult<StripeList<T>>>> page, Func<T, string> id)
    {
        var all = new List<T>();
        string? after = null;
        while (true)
        {
            if (!(await page(after)).TryGet(out var list, out var error))
            {
                return error;
            }

            all.AddRange(list.Data);
            if (!list.HasMore || list.Data.Count == 0)
            {
                return all;
            }

            after = id(list.Data[^1]);
        }
    }
}

/// <summary>Narrows a list by when its objects were made.</summary>
public sealed record StripeCreatedOptions
{
    public StripeRange? Created { get; init; }
    public int Limit { get; init; } = StripePages.Size;
    public string? StartingAfter { get; init; }
}

/// <summary>Lists over all customers, for comparing books.</summary>
public readonly struct StripeBooks(StripeClient client)
{
    public Task<StripeResult<IReadOnlyList<StripeCheckoutSession>>> CheckoutSessionsAsync(StripeRange created, CancellationToken ct) =>
        AllAsync<StripeCheckoutSession>("/v1/checkout/sessions", created, s => s.Id, ct);

    public Task<StripeResult<IReadOnlyList<StripeInvoice>>> InvoicesAsync(StripeRange created, CancellationToken ct) => AllAsync<StripeInvoice>("/v1/invoices", created, i => i.Id, ct);

    public Task<StripeResult<IReadOnlyList<StripeRefund>>> RefundsAsync(StripeRange created, CancellationToken ct) => AllAsync<StripeRefund>("/v1/refunds", created, r => r.Id, ct);

    public Task<StripeResult<IReadOnlyList<StripeDispute>>> DisputesAsync(StripeRange created, CancellationToken ct) => AllAsync<StripeDispute>("/v1/disputes", created, d => d.Id, ct);

    /// <summary>Of every status.</summary>
    public Task<StripeResult<IReadOnlyList<StripeSubscription>>> SubscriptionsAsync(CancellationToken ct)
    {
        var from = client;
        return StripePages.AllAsync(after => from.Subscriptions.ListAsync(new() { Status = "all", Limit = StripePages.Size, StartingAfter = after }, ct), s => s.Id);
    }

    /// <summary>As they were sent, newest first.</summary>
    /// <param name="types">At most twenty.</param>
    public Task<StripeResult<IReadOnlyList<JsonElement>>> EventsAsync(IReadOnlyList<string> types, StripeRange created, CancellationToken ct)
    {
        var from = client;
        return StripePages.AllAsync(
            after => from.GetAsync<StripeList<JsonElement>>("/v1/events", new StripeEventListOptions { Types = types, Created = created, Limit = StripePages.Size, StartingAfter = after }, ct),
            e => e.GetProperty("id").GetString()!);
    }

    private Task<StripeResult<IReadOnlyList<T>>> AllAsync<T>(string path, StripeRange created, Func<T, string> id, CancellationToken ct)
    {
        var from = client;
        return StripePages.AllAsync(after => from.GetAsync<StripeList<T>>(path, new StripeCreatedOptions { Created = created, StartingAfter = after }, ct), id);
    }
}

public sealed record StripeCheckoutSessionListOptions
{
    public string? PaymentIntent { get; init; }
    public string? Customer { get; init; }
    public int? Limit { get; init; }
}
