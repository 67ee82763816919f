using System.Security.Cryptography;
using System.Text;
using BillingPortal.Catalog;
using BillingPortal.Payments;
using BillingPortal.Payments.Stripe;
using BillingPortal.Primitives;

namespace BillingPortal.Purchases;

/// <summary>What somebody wants to buy. Closed.</summary>
public abstract record CheckoutRequest
{
    private CheckoutRequest()
    {
    }

    /// <summary>What is to be taken off; null: nothing, unless the person types a code on the page.</summary>
    public DiscountWish? Discount { get; init; }

    /// <param name="Pack">Id of a credit pack.</param>
    public sealed record Credits(string Pack) : CheckoutRequest;

    /// <param name="Amount">In the account's currency.</param>
    public sealed record Reserve(Amount Amount) : CheckoutRequest;

    public sealed record Subscription(string Plan, BillingInterval Interval) : CheckoutRequest;
}

/// <summary>Where the person goes after. Checked against the allowed origins by whoever takes them from outside.</summary>
/// <param name="SuccessUrl">May hold <c>{CHECKOUT_SESSION_ID}</c>. Landing there proves nothing and grants nothing.</param>
public sealed record CheckoutReturn(string SuccessUrl, string CancelUrl);

/// <summary>A checkout that was begun.</summary>
/// <param name="Id">The order, <c>ord_…</c>.</param>
/// <param name="Url">Where to send the person, once and soon.</param>
public sealed record CheckoutStarted(string Id, string Url, bool Replayed = false);

/// <summary>What an order depends on besides the wish.</summary>
/// <param name="Currency">The account's, where it has one.</param>
/// <param name="HadSubscription">A trial is for the first one only.</param>
internal sealed record BuyerFacts(Unit? Currency, bool HadSubscription);

/// <summary>Turns a wish into an order at today's prices. Pure.</summary>
internal static class Ordering
{
    public static (Order? Order, Refusal? Refusal) Make(AccountId account, CheckoutRequest request, CheckoutReturn back, CatalogDocument catalog, BuyerFacts buyer, string? clientKey, DateTimeOffset now)
    {
        var draft = request switch
        {
            CheckoutRequest.Credits credits => OfPack(catalog, credits.Pack),
            CheckoutRequest.Reserve reserve => OfReserve(catalog, reserve.Amount, buyer.Currency ?? catalog.Currency),
            CheckoutRequest.Subscription subscription => OfPlan(catalog, subscription, buyer),
            _ => throw new InvalidOperationException("A checkout request is for credits, a reserve or a subscription."),
        };
        if (draft.Refusal is not null)
        {
            return (null, draft.Refusal);
        }

        var order = new Order
        {
            AccountId = account,
            Id = Guid.CreateVersion7(),
            Kind = draft.Kind,
            Status = OrderStatus.Open,
            Plan = (request as CheckoutRequest.Subscription)?.Plan,
            Interval = request is CheckoutRequest.Subscription s ? SoldPrice.Word(s.Interval) : null,
            Pack = (request as CheckoutRequest.Credits)?.Pack,
            Price = draft.Price,
            Currency = draft.Currency,
            Granted = draft.Granted,
            Bonus = draft.Bonus,
            ExpiresAfterDays = draft.ExpiresAfterDays,
            TrialDays = draft.TrialDays,
            Coupon = request.Discount?.Coupon,
            PromotionCode = request.Discount?.PromotionCode,
            ClientKey = clientKey,
            ClientDigest = clientKey is null ? null : Digest(request, back),
            SuccessUrl = back.SuccessUrl,
            CancelUrl = back.CancelUrl,
            CreatedAt = now,
        };
        return (order, null);
    }

    public static byte[] Digest(CheckoutRequest request, CheckoutReturn back) => SHA256.HashData(Encoding.UTF8.GetBytes($"{request}\n{back}"));

    private sealed record Draft(OrderKind Kind, Amount Price, Unit Currency, Amount Granted, Amount Bonus = default, int? ExpiresAfterDays = null, int? TrialDays = null, Refusal? Refusal = null)
    {
        public static Draft Refused(Refusal refusal) => new(default, default, default, default, Refusal: refusal);
    }

    private static Draft OfPack(CatalogDocument catalog, string id) => catalog.FindCreditPack(id) is { } pack
        ? new(OrderKind.Credits, pack.Price, pack.Currency, pack.Credits, pack.Bonus, pack.ExpiresAfterDays)
        : Draft.Refused(Refusal.Invalid("pack", $"The catalog has no credit pack '{id}'. Nothing was done."));

    private static Draft OfReserve(CatalogDocument catalog, Amount amount, Unit currency)
    {
        if (catalog.ReserveTopUp is not { } limits)
        {
            return Draft.Refused(Refusal.Invalid("kind", "This catalog sells no money reserve. Nothing was done."));
        }

        var message = amount < limits.Minimum || amount > limits.Maximum ? $"A top-up is between {limits.Minimum} and {limits.Maximum} {currency}. Nothing was done."
            : !StripeMoney.TryToMinor(amount, currency, out _) ? $"Nobody can pay a fraction of the smallest coin of {currency}. Nothing was done."
            : null;
        return message is null ? new(OrderKind.Reserve, amount, currency, amount) : Draft.Refused(Refusal.Invalid("amount", message, ErrorCode.InvalidAmount));
    }

    private static Draft OfPlan(CatalogDocument catalog, CheckoutRequest.Subscription wish, BuyerFacts buyer)
    {
        if (catalog.FindPlan(wish.Plan) is not { } plan)
        {
            return Draft.Refused(Refusal.Invalid("plan", $"The catalog has no plan '{wish.Plan}'. Nothing was done."));
        }

        if (plan.IsFree)
        {
            return Draft.Refused(Refusal.Invalid("plan", $"{plan.Name} costs nothing, so there is nothing to check out. Nothing was done."));
        }

        return SoldPrice.Choose(plan, wish.Interval, buyer.Currency, catalog) is { } price
            ? new(OrderKind.Subscription, price.Amount, price.Currency, Amount.Zero, TrialDays: plan.TrialDays > 0 && !buyer.HadSubscription ? plan.TrialDays : null)
            : Draft.Refused(Refusal.Invalid("interval", $"{plan.Name} is not sold by the {SoldPrice.Word(wish.Interval)}. Nothing was done."));
    }
}
