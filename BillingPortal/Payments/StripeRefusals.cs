using BillingPortal.Payments.Stripe;
using BillingPortal.Primitives;

namespace BillingPortal.Payments;

/// <summary>What a failed call to Stripe means for the caller. Stripe's own words stay in the log: they may name internals.</summary>
public static class StripeRefusals
{
    /// <summary>Staff paused new checkouts; what was begun before goes on.</summary>
    public static Refusal Paused => new(ErrorCode.Conflict, "New purchases are paused for the moment. Nothing was done and nothing is charged; try again later.");

    public static Refusal ToRefusal(this StripeError error) => error.Failure switch
    {
        StripeFailure.NotConfigured => new(ErrorCode.Conflict, "Payments are not set up here, so nothing can be bought. Nothing was done."),
        StripeFailure.Unknown or StripeFailure.Unavailable => new(ErrorCode.Overloaded, "The payment provider does not answer just now. Try again shortly; nothing is charged twice."),
        StripeFailure.Unauthorized => new(ErrorCode.Overloaded, "The payment provider refuses this portal's key. Nothing was done; staff find the cause in the doctor."),
        StripeFailure.Declined => new(ErrorCode.PaymentRequired, $"The payment was declined. {DeclineText(error)}"),
        StripeFailure.Missing => new(ErrorCode.Conflict, "Something this needs is missing at the payment provider. Nothing was done; staff find the cause in the doctor."),
        StripeFailure.Invalid or StripeFailure.IdempotencyConflict => new(ErrorCode.Conflict, "The payment provider did not accept this. Nothing was done; staff find the cause in the log."),
    };

    // Messages of card errors are written for cardholders (https://docs.stripe.com/error-handling).
    private static string DeclineText(StripeError error) => error.Type == "card_error" ? error.Message : "Use another payment method.";
}
