using BillingPortal.Access;
using BillingPortal.Accounts;
using BillingPortal.Observability;
using BillingPortal.Primitives;
using BillingPortal.Purchases;
using Microsoft.AspNetCore.Http.HttpResults;

namespace BillingPortal.Api;

/// <param name="Id">Stripe's id of it.</param>
/// <param name="IsDefault">What renewals and top-ups are taken from.</param>
internal sealed record PaymentMethodView(string Id, string Type, string? Brand, string? Last4, int? ExpMonth, int? ExpYear, bool IsDefault)
{
    public static PaymentMethodView Of(SavedCard c) => new(c.Id, c.Type, c.Brand, c.Last4, c.ExpMonth, c.ExpYear, c.IsDefault);
}

internal sealed record PaymentMethodList(IReadOnlyList<PaymentMethodView> Data);

/// <param name="SuccessUrl">On an allowed origin; absent: the portal's own page.</param>
internal sealed record SetupBody(string? SuccessUrl = null, string? CancelUrl = null);

internal sealed record SetupView(string Url);

/// <summary>Cards that a customer has saved: kept at Stripe, never here.</summary>
internal static class PaymentMethodEndpoints
{
    private const string Path = "/accounts/{account}/payment-methods";

    public static RouteGroupBuilder MapPaymentMethods(this RouteGroupBuilder api)
    {
        api.MapGet(Path, ListAsync).WithName("ListPaymentMethods").WithSummary("Saved cards: brand, last digits, expiry").WithTags("Payment methods").RequireScope(Scope.Read, Scope.Accounts);
        api.MapPost(Path, AddAsync).WithName("AddPaymentMethod").WithSummary("A page of Stripe's to save a card on; nothing is charged").WithTags("Payment methods").RequireScope(Scope.Accounts, Scope.Checkout);
        api.MapPost($"{Path}/{{method}}/default", PreferAsync).WithName("PreferPaymentMethod").WithSummary("Take renewals and top-ups from this card").WithTags("Payment methods").RequireScope(Scope.Accounts);
        api.MapDelete($"{Path}/{{method}}", RemoveAsync).WithName("RemovePaymentMethod").WithSummary("Forget a card").WithTags("Payment methods").RequireScope(Scope.Accounts);
        return api;
    }

    private static async Task<Results<Ok<PaymentMethodList>, ProblemHttpResult>> ListAsync(string account, HttpContext http, AccountDirectory directory, SavedCards cards, CancellationToken ct)
    {
        if (await directory.FindAsync(http.Caller(), account, ct) is not { } id)
        {
            return AccountDirectory.Unknown.ToProblem();
        }

        var (found, refusal) = await cards.ListAsync(id, ct);
        return refusal is null ? TypedResults.Ok(new PaymentMethodList([.. found.Select(PaymentMethodView.Of)])) : refusal.ToProblem();
    }

    private static async Task<Results<Created<SetupView>, ProblemHttpResult>> AddAsync(string account, SetupBody? body, HttpContext http, AccountDirectory directory, ReturnUrls urls, SavedCards cards, CancellationToken ct)
    {
        var success = body?.SuccessUrl ?? $"{urls.Own(http.Request)}/portal/payment?card=saved";
        var cancel = body?.CancelUrl ?? $"{urls.Own(http.Request)}/portal/payment";
        foreach (var (field, url) in new[] { ("success_url", success), ("cancel_url", cancel) })
        {
            if (!urls.MayGoTo(url.Replace("{CHECKOUT_SESSION_ID}", "x", StringComparison.Ordinal), http.Request))
            {
                return Refusal.Invalid(field, "The URL must be absolute and on this portal or an origin of Portal:ReturnOrigins. Nothing was done.").ToProblem();
            }
        }

        if (await directory.FindAsync(http.Caller(), account, ct) is not { } id)
        {
            return AccountDirectory.Unknown.ToProblem();
        }

        var (to, refusal) = await cards.AddAsync(id, new(success, cancel), ct);
        return to is null ? refusal!.ToProblem() : TypedResults.Created(to, new SetupView(to));
    }

    private static async Task<Results<NoContent, ProblemHttpResult>> PreferAsync(string account, string method, HttpContext http, AccountDirectory directory, SavedCards cards, CancellationToken ct) =>
        await directory.FindAsync(http.Caller(), account, ct) is not { } id ? AccountDirectory.Unknown.ToProblem()
            : await cards.PreferAsync(id, method, ct) is { } refusal ? refusal.ToProblem()
            : TypedResults.NoContent();

    private static async Task<Results<NoContent, ProblemHttpResult>> RemoveAsync(string account, string method, HttpContext http, AccountDirectory directory, SavedCards cards, CancellationToken ct) =>
        await directory.FindAsync(http.Caller(), account, ct) is not { } id ? AccountDirectory.Unknown.ToProblem()
            : await cards.RemoveAsync(id, method, ct) is { } refusal ? refusal.ToProblem()
            : TypedResults.NoContent();
}

/// <summary>The auto top-up as an account shows it.</summary>
/// <param name="Unit">Of <paramref name="Threshold"/>.</param>
/// <param name="StoppedReason">Why nothing is tried any more, until the customer acts.</param>
internal sealed record AutoTopUpView(bool Enabled, Unit Unit, Amount Threshold, string? Pack, Amount? Amount, Amount? MonthlyLimit, DateTimeOffset? StoppedAt, string? StoppedReason)
{
    public static AutoTopUpView? Of(BalanceWatch? w) => w is null or { TopsUp: false, Pack: null, TopUpAmount: null } ? null
        : new(w.TopsUp, w.Unit, w.Threshold, w.Pack, w.TopUpAmount, w.MonthlyLimit, w.StoppedAt, w.StopReason);
}
