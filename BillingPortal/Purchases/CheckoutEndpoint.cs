using BillingPortal.Access;
using BillingPortal.Accounts;
using BillingPortal.Catalog;
using BillingPortal.Observability;
using BillingPortal.Payments;
using BillingPortal.Primitives;
using Microsoft.AspNetCore.Http.HttpResults;

namespace BillingPortal.Purchases;

/// <summary>Body of <c>POST /accounts/{account}/checkout-sessions</c>.</summary>
/// <param name="Kind"><c>credits</c> with <paramref name="Pack"/>, <c>reserve</c> with <paramref name="Amount"/>, or <c>subscription</c> with <paramref name="Plan"/> and <paramref name="Interval"/>.</param>
/// <param name="Coupon">Id of a coupon; only with the scope accounts, since ids can be guessed.</param>
/// <param name="PromotionCode">A code that people type.</param>
/// <param name="SuccessUrl">On an allowed origin; absent: the portal's own page. May hold <c>{CHECKOUT_SESSION_ID}</c>.</param>
internal sealed record CheckoutBody(string? Kind = null, string? Pack = null, decimal? Amount = null, string? Plan = null, string? Interval = null, string? SuccessUrl = null, string? CancelUrl = null, string? Coupon = null, string? PromotionCode = null);

internal sealed record CheckoutView(string Id, string Url);

internal static class CheckoutEndpoint
{
    public static RouteGroupBuilder MapCheckout(this RouteGroupBuilder api)
    {
        api.MapPost("/accounts/{account}/checkout-sessions", StartAsync).WithName("CreateCheckoutSession").WithTags("Checkout")
            .WithSummary("Begin a purchase: answers where to send the person").RequireScope(Scope.Accounts, Scope.Checkout);
        return api;
    }

    private static async Task<Results<Created<CheckoutView>, ProblemHttpResult>> StartAsync(
        string account, CheckoutBody body, HttpContext http, AccountDirectory directory, ReturnUrls urls, Checkout checkout, CancellationToken ct)
    {
        if (!TryReadKey(http.Request, out var key))
        {
            return Refusal.Invalid("Idempotency-Key", "An Idempotency-Key is 1 to 255 visible ASCII characters.").ToProblem();
        }

        var wanted = new DiscountWish(body.Coupon, body.PromotionCode);
        if ((Read(body, out var request) ?? wanted.Check()) is { } malformed)
        {
            return malformed.ToProblem();
        }

        if (body.Coupon is not null && !http.Caller().Has(Scope.Accounts))
        {
            return new Refusal(ErrorCode.ForbiddenScope, "A coupon is named with the scope accounts; a promotion code by anybody. Nothing was done.").ToProblem();
        }

        request = wanted.IsEmpty ? request : request! with { Discount = wanted };

        if (Back(body, http.Request, urls, out var back) is { } foreign)
        {
            return foreign.ToProblem();
        }

        if (await directory.OpenAsync(http.Caller(), account, ct) is not { } id)
        {
            return AccountDirectory.Unknown.ToProblem();
        }

        return (await checkout.StartAsync(id, request!, back!, key, ct)).Match<Results<Created<CheckoutView>, ProblemHttpResult>>(
            started =>
            {
                if (started.Replayed)
                {
                    http.Response.Headers["Idempotent-Replayed"] = "true";
                }

                return TypedResults.Created(started.Url, new CheckoutView(started.Id, started.Url));
            },
            refusal => refusal.ToProblem());
    }

    private static bool TryReadKey(HttpRequest request, out string? key)
    {
        key = null;
        if (!request.Headers.TryGetValue(IdempotencyKey.Header, out var sent))
        {
            return true;
        }

        var valid = IdempotencyKey.TryParse(sent.ToString(), out var parsed);
        key = parsed.Value;
        return valid;
    }

    private static Refusal? Read(CheckoutBody body, out CheckoutRequest? request)
    {
        request = null;
        switch (body.Kind)
        {
            case "credits" when body.Pack is { Length: > 0 } pack:
                request = new CheckoutRequest.Credits(pack);
                return null;
            case "credits":
                return Refusal.Invalid("pack", "Name the credit pack. Nothing was done.");
            case "reserve" when body.Amount is { } value && Amount.TryOf(value, out var amount) && amount.IsPositive && amount.IsWithinRequestLimit:
                request = new CheckoutRequest.Reserve(amount);
                return null;
            case "reserve":
                return Refusal.Invalid("amount", "Name an amount above zero. Nothing was done.", ErrorCode.InvalidAmount);
            case "subscription" when body.Plan is { Length: > 0 } plan && BillingIntervals.TryParse(body.Interval, out var interval):
                request = new CheckoutRequest.Subscription(plan, interval);
                return null;
            case "subscription":
                return Refusal.Invalid(body.Plan is { Length: > 0 } ? "interval" : "plan", "Name the plan and its interval, month or year. Nothing was done.");
            default:
                return Refusal.Invalid("kind", "kind is credits, reserve or subscription. Nothing was done.");
        }
    }

    private static Refusal? Back(CheckoutBody body, HttpRequest request, ReturnUrls urls, out CheckoutReturn? back)
    {
        var page = body.Kind == "subscription" ? "plan" : "credits";
        var success = body.SuccessUrl ?? $"{urls.Own(request)}/portal/{page}?checkout=done";
        var cancel = body.CancelUrl ?? $"{urls.Own(request)}/portal/{page}?checkout=canceled";
        back = new(success, cancel);
        // The literal placeholder is no URL text; what Stripe puts there is.
        return !urls.MayGoTo(success.Replace("{CHECKOUT_SESSION_ID}", "x", StringComparison.Ordinal), request) ? NotAllowed("success_url")
            : !urls.MayGoTo(cancel, request) ? NotAllowed("cancel_url")
            : null;
    }

    private static Refusal NotAllowed(string field) => Refusal.Invalid(field, "The URL must be absolute and on this portal or an origin of Portal:ReturnOrigins. Nothing was done.");
}
