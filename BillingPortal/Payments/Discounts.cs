using BillingPortal.Payments.Stripe;

namespace BillingPortal.Payments;

/// <summary>What a buyer wants taken off: a coupon by its id, which only the product's backend may name, or a code that people type. One of them at most.</summary>
public sealed record DiscountWish(string? Coupon = null, string? PromotionCode = null)
{
    public bool IsEmpty => Coupon is null && PromotionCode is null;

    /// <summary>What is wrong with it; null when Stripe may be asked.</summary>
    public Primitives.Refusal? Check() =>
        Coupon is not null && PromotionCode is not null ? Primitives.Refusal.Invalid("promotion_code", "Name a coupon or a promotion code, not both. Nothing was done.")
        : Coupon is not null && !Primitives.PlainText.IsValid(Coupon, 200) ? Primitives.Refusal.Invalid("coupon", "A coupon's id has 1 to 200 characters. Nothing was done.")
        : PromotionCode is not null && !Primitives.PlainText.IsValid(PromotionCode, 200) ? Primitives.Refusal.Invalid("promotion_code", "A code has 1 to 200 characters. Nothing was done.")
        : null;
}

/// <summary>From a wish to what Stripe's calls name.</summary>
public sealed class Discounts(StripeClient stripe)
{
    /// <returns>Null for an empty wish; an error of <see cref="StripeFailure.Invalid"/> with the field at fault when there is no such discount now.</returns>
    public async Task<StripeResult<IReadOnlyList<StripeDiscountOptions>?>> FindAsync(DiscountWish wish, CancellationToken ct)
    {
        if (wish.PromotionCode is { } code)
        {
            return (await stripe.PromotionCodes.ListAsync(code, ct)).Match<StripeResult<IReadOnlyList<StripeDiscountOptions>?>>(
                codes => codes.Data.Count > 0 ? Answer(new() { PromotionCode = codes.Data[0].Id }) : NotValid("promotion_code"), error => error);
        }

        if (wish.Coupon is { } id)
        {
            return (await stripe.Coupons.GetAsync(id, ct)).Match<StripeResult<IReadOnlyList<StripeDiscountOptions>?>>(
                coupon => coupon.Valid ? Answer(new() { Coupon = coupon.Id }) : NotValid("coupon"), error => error.Failure == StripeFailure.Missing ? NotValid("coupon") : error);
        }

        return new StripeResult<IReadOnlyList<StripeDiscountOptions>?>.Answered(null);
    }

    /// <summary>The refusal of a discount that does not apply; null for other errors.</summary>
    public static Primitives.Refusal? Refused(StripeError error) => error.Failure == StripeFailure.Invalid && error.Param is "coupon" or "promotion_code"
        ? Primitives.Refusal.Invalid(error.Param, "This discount is not valid, or not any more. Nothing was done.")
        : null;

    private static StripeResult<IReadOnlyList<StripeDiscountOptions>?> Answer(StripeDiscountOptions options) => new StripeResult<IReadOnlyList<StripeDiscountOptions>?>.Answered([options]);

    private static StripeError NotValid(string field) => new(StripeFailure.Invalid, "There is no such discount.") { Param = field };
}
