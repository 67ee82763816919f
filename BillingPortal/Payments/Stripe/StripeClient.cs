using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;

namespace BillingPortal.Payments.Stripe;

/// <summary>
/// A small typed client of Stripe's API: form-encoded, one pinned version, errors as values, retried under the same idempotency key.
/// Resources and their methods are named as Stripe.net names them.
/// </summary>
public sealed class StripeClient(HttpClient http, IStripeConnection connection, StripeRetries retries, ILogger<StripeClient> log)
{
    /// <summary>Whether staff paused new checkouts (B8).</summary>
    public bool CheckoutsPaused => connection.Current.CheckoutsPaused;

    internal string? PortalConfiguration => connection.Current.PortalConfiguration;

    public StripeCustomers Customers => new(this);
    public StripeProducts Products => new(this);
    public StripePrices Prices => new(this);
    public StripeCheckoutSessions CheckoutSessions => new(this);
    public StripeBillingPortalSessions BillingPortalSessions => new(this);
    public StripeSubscriptions Subscriptions => new(this);
    public StripeInvoices Invoices => new(this);
    public StripePaymentIntents PaymentIntents => new(this);
    public StripePaymentMethods PaymentMethods => new(this);
    public StripeRefunds Refunds => new(this);
    public StripeCharges Charges => new(this);
    public StripeDisputes Disputes => new(this);
    public StripeSubscriptionSchedules SubscriptionSchedules => new(this);
    public StripeCoupons Coupons => new(this);
    public StripePromotionCodes PromotionCodes => new(this);
    public StripeSetupIntents SetupIntents => new(this);
    public StripeEvents Events => new(this);
    public StripeBooks Books => new(this);
    public StripeTestClocks TestClocks => new(this);
    public StripeWebhookEndpoints WebhookEndpoints => new(this);
    public StripePortalConfigurations PortalConfigurations => new(this);
    public StripeMeters Meters => new(this);
    public StripeMeterEvents MeterEvents => new(this);
    public StripeInvoiceItems InvoiceItems => new(this);
    public StripeThinEvents ThinEvents => new(this);
    public StripeEventDestinations EventDestinations => new(this);

    internal Task<StripeResult<T>> GetAsync<T>(string path, object? parameters, CancellationToken ct) =>
        SendAsync<T>(HttpMethod.Get, path, parameters, null, ct);

    internal Task<StripeResult<T>> DeleteAsync<T>(string path, object? parameters, CancellationToken ct) =>
        SendAsync<T>(HttpMethod.Delete, path, parameters, null, ct);

    /// <param name="idempotencyKey">Made and stored by the caller before the first try; derived from what is being done.</param>
    internal Task<StripeResult<T>> PostAsync<T>(string path, object? parameters, string idempotencyKey, CancellationToken ct) =>
        SendAsync<T>(HttpMethod.Post, path, parameters, idempotencyKey, ct);

    private async Task<StripeResult<T>> SendAsync<T>(HttpMethod method, string path, object? parameters, string? key, CancellationToken ct)
    {
        var to = connection.Current;
        if (to.ApiBase is null || to.SecretKey is null)
        {
            return new StripeError(StripeFailure.NotConfigured, "No payment provider is configured.");
        }

        for (var attempt = 0; ; attempt++)
        {
            var (result, advice) = await TryAsync<T>(to, method, path, parameters, key, ct);
            if (advice == Advice.Stop || attempt >= retries.Most)
            {
                return result;
            }

            await retries.PauseAsync(attempt, ct);
        }
    }

    private enum Advice { Stop, Retry }

    private async Task<(StripeResult<T> Result, Advice Advice)> TryAsync<T>(
        StripeConnection to, HttpMethod method, string path, object? parameters, string? key, CancellationToken ct)
    {
        using var request = Request(to, method, path, parameters, key);
        try
        {
            using var response = await http.SendAsync(request, ct);
            var body = await response.Content.ReadAsByteArrayAsync(ct);
            return Read<T>(response, body, path);
        }
        catch (OperationCanceledException) when (ct.IsCancellationRequested)
        {
            throw;
        }
        catch (Exception lost) when (lost is HttpRequestException or IOException or OperationCanceledException)
        {
            log.LogWarning("stripe.no_answer {Method} {Path}: {Reason}", method, path, lost.Message);
            // A refused connection was never sent; anything else may have arrived.
            var failure = lost is HttpRequestException { HttpRequestError: HttpRequestError.ConnectionError or HttpRequestError.NameResolutionError }
                ? StripeFailure.Unavailable
                : StripeFailure.Unknown;
            return (new StripeError(failure, $"No answer from the payment provider: {lost.Message}"), Advice.Retry);
        }
    }

    private static HttpRequestMessage Request(StripeConnection to, HttpMethod method, string path, object? parameters, string? key)
    {
        var form = StripeJson.ToForm(parameters);
        var uri = to.ApiBase!.AbsoluteUri.TrimEnd('/') + path;
        HttpRequestMessage request;
        if (method == HttpMethod.Post)
        {
            // The second API speaks JSON.
            request = new(method, uri) { Content = path.StartsWith("/v2/", StringComparison.Ordinal) ? JsonContent.Create(parameters, options: StripeJson.Options) : new FormUrlEncodedContent(form) };
            request.Headers.TryAddWithoutValidation("Idempotency-Key", key);
        }
        else
        {
            var query = string.Join('&', form.Select(p => $"{Uri.EscapeDataString(p.Key)}={Uri.EscapeDataString(p.Value)}"));
            request = new(method, query.Length == 0 ? uri : $"{uri}?{query}");
        }

        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", to.SecretKey);
        request.Headers.TryAddWithoutValidation("Stripe-Version", StripeVersion.Pinned);
        request.Headers.TryAddWithoutValidation("User-Agent", "BillingPortal/1");
        return request;
    }

    private (StripeResult<T> Result, Advice Advice) Read<T>(HttpResponseMessage response, byte[] body, string path)
    {
        var requestId = response.Headers.TryGetValues("Request-Id", out var ids) ? ids.First() : null;
        if (response.IsSuccessStatusCode)
        {
            try
            {
                return (JsonSerializer.Deserialize<T>(body, StripeJson.Options)!, Advice.Stop);
            }
            catch (JsonException unreadable)
            {
                log.LogError(unreadable, "stripe.unreadable {Path} {RequestId}", path, requestId);
                return (new StripeError(StripeFailure.Unknown, "The payment provider's answer was not understood.") { Status = (int)response.StatusCode, RequestId = requestId }, Advice.Stop);
            }
        }

        var error = StripeErrorBody.Read(response.StatusCode, body, requestId);
        log.LogInformation("stripe.error {Path} {Status} {Code} {RequestId}", path, error.Status, error.Code, requestId);
        return (error, ShouldRetry(response) ? Advice.Retry : Advice.Stop);
    }

    /// <summary>Stripe's own word first, then conflicts and server errors; 429 only when told so (https://docs.stripe.com/error-low-level).</summary>
    private static bool ShouldRetry(HttpResponseMessage response) =>
        response.Headers.TryGetValues("Stripe-Should-Retry", out var told)
            ? told.First() == "true"
            : response.StatusCode == HttpStatusCode.Conflict || (int)response.StatusCode >= 500;
}

/// <summary>How often and how patiently a call is repeated: 0.5 s × 2ⁿ, at most 5 s, with jitter, as the official SDKs do.</summary>
public sealed class StripeRetries(TimeProvider time)
{
    /// <summary>Repeats after the first try.</summary>
    public int Most { get; init; } = 2;

    internal Task PauseAsync(int attempt, CancellationToken ct)
    {
        var longest = Math.Min(5_000, 500 * (1 << attempt));
#pragma warning disable CA5394 // Jitter needs no secrecy.
        return Task.Delay(TimeSpan.FromMilliseconds((longest / 2) + Random.Shared.Next(longest / 2)), time, ct);
#pragma warning restore CA5394
    }
}
