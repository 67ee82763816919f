// Ask and charge at the billing portal. One file, nothing beyond .NET 8.
#nullable enable
using System.Collections.Generic;
using System.Globalization;
using System.Net;
using System.Net.Http;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Threading;
using System.Threading.Tasks;
using Microsoft.AspNetCore.Http;

namespace BillingPortal.Client;

/// <summary>What is to be paid for: an action, a meter and quantity, a model and tokens, or an amount of a unit.</summary>
public sealed record What
{
    public string? Action { get; init; }
    public string? Meter { get; init; }
    public decimal? Quantity { get; init; }
    public string? Provider { get; init; }
    public string? Model { get; init; }
    public string? Tool { get; init; }
    public Dictionary<string, long>? Tokens { get; init; }
    public string? Unit { get; init; }
    public decimal? Amount { get; init; }
    public string? Reason { get; init; }
    public bool? Byok { get; init; }
    /// <summary><c>success</c> (default), <c>provider_error</c>, <c>client_abort</c>, <c>timeout</c> or <c>filtered</c>.</summary>
    public string? Outcome { get; init; }
    public string? Member { get; init; }
    public string? Agent { get; init; }
    public string? Run { get; init; }
    public string? Feature { get; init; }
    public Dictionary<string, string>? Metadata { get; init; }
}

public sealed record UnitAmount(string Unit, decimal Amount, decimal? BalanceAfter = null);

public sealed record Charge(string Id, string Account, string Status, IReadOnlyList<UnitAmount> Price, IReadOnlyList<UnitAmount> Funding, string Enforcement, DateTimeOffset CreatedAt);

/// <summary>Advice: whether a charge would be taken, and if not, why.</summary>
public sealed record Check(bool Allowed, string? ErrorCode, IReadOnlyList<UnitAmount>? Price, IReadOnlyList<UnitAmount>? Remaining, decimal? Shortfall, string? UpgradePlan, string? TopUpUrl);

/// <summary>The portal's refusal as it came.</summary>
public sealed record Problem(string? Title, string? Detail, string? ErrorCode, string? Unit, decimal? Required, decimal? Available, decimal? Shortfall, string? UpgradePlan, string? TopUpUrl, DateTimeOffset? ResetsAt, string? RequestId);

/// <summary>The portal said no; nothing was done. <see cref="Code"/> decides, the message is for people.</summary>
public sealed class BillingRefusedException(HttpStatusCode status, Problem problem, string body, TimeSpan? retryAfter) : Exception(problem.Detail ?? problem.Title ?? $"HTTP {(int)status}")
{
    public string Code => Problem.ErrorCode ?? "UNKNOWN";
    public HttpStatusCode Status { get; } = status;
    public Problem Problem { get; } = problem;
    /// <summary>The answer's text, for passing it on.</summary>
    public string Body { get; } = body;
    public TimeSpan? RetryAfter { get; } = retryAfter;
}

/// <summary>No answer, or 503, however often it was tried. It may have happened: try again with the same key.</summary>
public sealed class BillingUnavailableException(string message, string? key, Exception? cause) : Exception(message, cause)
{
    public string? Key { get; } = key;
}

/// <summary>
/// One portal and one key; safe to share. Everything that moves value carries an idempotency key, made here unless given; timeouts, 503 and short 429 are tried
/// again under the same key, so nothing is taken twice.
/// </summary>
public sealed class Billing : IDisposable
{
    private static readonly JsonSerializerOptions Json = new() { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull };

    private readonly HttpClient http;

    /// <param name="portal">Where it is, with its path if it has one.</param>
    /// <param name="handler">Null: an ordinary one.</param>
    public Billing(Uri portal, string key, HttpMessageHandler? handler = null)
    {
        http = new HttpClient(handler ?? new SocketsHttpHandler { PooledConnectionLifetime = TimeSpan.FromMinutes(5) }) { BaseAddress = new(portal.ToString().TrimEnd('/') + "/api/v1/"), Timeout = System.Threading.Timeout.InfiniteTimeSpan };
        http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", key);
    }

    /// <summary>For one try.</summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromSeconds(5);
    /// <summary>1 or more.</summary>
    public int Tries { get; init; } = 4;
    /// <summary>A Retry-After above it (a quota that resets next month) is thrown at once.</summary>
    public TimeSpan LongestWait { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Advice, charging nothing.</summary>
    public Task<Check> CheckAsync(string account, What what, CancellationToken ct = default) => SendAsync<Check>("check", Body(account, what), null, ct);

    /// <summary>Takes the price.</summary>
    /// <param name="key">With the same key a repeat is taken once; null: a new one.</param>
    /// <exception cref="BillingRefusedException">Nothing was charged.</exception>
    /// <exception cref="BillingUnavailableException">It may have been charged.</exception>
    public Task<Charge> ChargeAsync(string account, What what, string? key = null, CancellationToken ct = default) => SendAsync<Charge>("charges", Body(account, what), key ?? NewKey(), ct);

    /// <summary>Gives back all that is left of a charge.</summary>
    public Task RefundAsync(string charge, string reason, string? key = null, CancellationToken ct = default) =>
        SendAsync<JsonElement>($"charges/{Uri.EscapeDataString(charge)}/refund", new Dictionary<string, object?> { ["reason"] = reason }, key ?? $"refund:{charge}", ct);

    /// <summary>Sets the price aside while the work is done: <c>await using</c> releases it unless it was captured, also when the work fails.</summary>
    /// <param name="expiresIn">1 second to a day; null: 10 minutes.</param>
    /// <param name="captureOnExpiry">What becomes of it when it expires: false released, true captured.</param>
    public async Task<BillingHold> HoldAsync(string account, What what, TimeSpan? expiresIn = null, bool captureOnExpiry = false, string? key = null, CancellationToken ct = default)
    {
        var body = Body(account, what);
        body["expires_in"] = (int)(expiresIn ?? TimeSpan.FromMinutes(10)).TotalSeconds;
        body["on_expiry"] = captureOnExpiry ? "capture" : "release";
        return new(this, await SendAsync<BillingHold.Made>("holds", body, key ?? NewKey(), ct));
    }

    public void Dispose() => http.Dispose();

    internal static Dictionary<string, object?> Body(string? account, What what)
    {
        var body = JsonSerializer.SerializeToElement(what, Json).EnumerateObject().ToDictionary(p => p.Name, p => (object?)p.Value);
        if (account is not null)
        {
            body["account"] = account;
        }

        return body;
    }

    internal async Task<T> SendAsync<T>(string path, Dictionary<string, object?> body, string? key, CancellationToken ct)
    {
        Exception? cause = null;
        var failure = "";
        for (var attempt = 0; attempt < Tries; attempt++)
        {
            var wait = TimeSpan.FromMilliseconds(100 * Math.Pow(2, attempt) * (0.5 + Random.Shared.NextDouble() / 2));
            using var limit = CancellationTokenSource.CreateLinkedTokenSource(ct);
            limit.CancelAfter(Timeout);
            try
            {
                using var request = new HttpRequestMessage(HttpMethod.Post, path) { Content = JsonContent.Create(body, options: Json) };
                if (key is not null)
                {
                    request.Headers.Add("Idempotency-Key", key);
                }

                using var answer = await http.SendAsync(request, limit.Token);
                var text = await answer.Content.ReadAsStringAsync(limit.Token);
                if (answer.IsSuccessStatusCode)
                {
                    return JsonSerializer.Deserialize<T>(text, Json)!;
                }

                var after = answer.Headers.RetryAfter?.Delta;
                var refused = new BillingRefusedException(answer.StatusCode, ProblemOf(text), text, after);
                var again = (int)answer.StatusCode >= 500 || (answer.StatusCode == HttpStatusCode.TooManyRequests && after <= LongestWait && attempt < Tries - 1);
                if (!again)
                {
                    throw refused;
                }

                (failure, cause, wait) = (refused.Message, refused, after ?? wait);
            }
            catch (Exception e) when (!ct.IsCancellationRequested && e is HttpRequestException or OperationCanceledException or JsonException or IOException)
            {
                (failure, cause) = (e.Message, e);
            }

            if (attempt < Tries - 1)
            {
                await Task.Delay(wait < LongestWait ? wait : LongestWait, ct);
            }
        }

        throw new BillingUnavailableException($"The billing portal did not answer ({failure}). Try again with the same key.", key, cause);
    }

    private static Problem ProblemOf(string text)
    {
        try
        {
            return JsonSerializer.Deserialize<Problem>(text, Json) ?? Nothing;
        }
        catch (JsonException)
        {
            return Nothing; // a proxy's own page
        }
    }

    private static Problem Nothing { get; } = new(null, null, null, null, null, null, null, null, null, null, null);

    private static string NewKey() => $"net:{Guid.NewGuid():N}";
}

/// <summary>An amount set aside. Made by <see cref="Billing.HoldAsync"/>.</summary>
public sealed class BillingHold : IAsyncDisposable
{
    private readonly Billing billing;
    private int captures;
    private bool closed;

    internal BillingHold(Billing billing, Made made) => (this.billing, Id, Funding, ExpiresAt) = (billing, made.Id, made.Funding, made.ExpiresAt);

    public string Id { get; }
    public IReadOnlyList<UnitAmount> Funding { get; }
    public DateTimeOffset ExpiresAt { get; private set; }

    /// <summary>Takes what was truly used; the rest is released.</summary>
    /// <param name="final">False: the rest stays set aside.</param>
    /// <param name="chargeAbove">What is used above the hold: false is not charged, true is charged as far as the account can pay.</param>
    public async Task<Charge> CaptureAsync(What what, bool final = true, bool chargeAbove = false, CancellationToken ct = default)
    {
        var body = Billing.Body(null, what);
        body["final"] = final;
        body["over_hold"] = chargeAbove ? "charge" : "cap";
        var charge = await billing.SendAsync<Charge>($"holds/{Id}/capture", body, string.Create(CultureInfo.InvariantCulture, $"{Id}:capture:{++captures}"), ct);
        closed = final;
        return charge;
    }

    /// <summary>Keeps it open for so long from now.</summary>
    public async Task ExtendAsync(TimeSpan expiresIn, CancellationToken ct = default) =>
        ExpiresAt = (await billing.SendAsync<Made>($"holds/{Id}/extend", new() { ["expires_in"] = (int)expiresIn.TotalSeconds }, $"{Id}:extend:{Guid.NewGuid():N}", ct)).ExpiresAt;

    public async Task ReleaseAsync(CancellationToken ct = default)
    {
        await billing.SendAsync<JsonElement>($"holds/{Id}/release", [], $"{Id}:release", ct);
        closed = true;
    }

    public async ValueTask DisposeAsync()
    {
        if (closed)
        {
            return;
        }

        try
        {
            await ReleaseAsync();
        }
        catch (Exception e) when (e is BillingRefusedException or BillingUnavailableException)
        {
            // One that cannot be released now expires by itself; the work's own failure is what the caller should see.
        }
    }

    internal sealed record Made(string Id, IReadOnlyList<UnitAmount> Funding, DateTimeOffset ExpiresAt);
}

/// <summary>
/// ASP.NET: charges each request before the product works; who cannot pay gets the portal's refusal.
/// <c>app.UseMiddleware&lt;BillingGate&gt;(billing, (HttpContext c) => c.User.Identity!.Name!, (HttpContext c) => c.Request.Path.StartsWithSegments("/api") ? new What { Action = "api_call" } : null)</c>
/// </summary>
public sealed class BillingGate(RequestDelegate next, Billing billing, Func<HttpContext, string> account, Func<HttpContext, What?> what)
{
    public async Task InvokeAsync(HttpContext context)
    {
        if (what(context) is { } wanted)
        {
            try
            {
                context.Items["billing.charge"] = await billing.ChargeAsync(account(context), wanted, ct: context.RequestAborted);
            }
            catch (BillingRefusedException no)
            {
                await RefuseAsync(context, (int)no.Status, no.Body, no.RetryAfter);
                return;
            }
            catch (BillingUnavailableException)
            {
                // Closed: no answer, no service. To let requests pass unbilled instead, go on to next(context) here.
                await RefuseAsync(context, 503, """{"title":"Billing cannot be asked just now","status":503}""", TimeSpan.FromSeconds(1));
                return;
            }
        }

        await next(context);
    }

    private static Task RefuseAsync(HttpContext context, int status, string body, TimeSpan? retryAfter)
    {
        context.Response.StatusCode = status;
        context.Response.ContentType = "application/problem+json";
        if (retryAfter is { } after)
        {
            context.Response.Headers.RetryAfter = ((int)after.TotalSeconds).ToString(CultureInfo.InvariantCulture);
        }

        return context.Response.WriteAsync(body);
    }
}
