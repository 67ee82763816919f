namespace BillingPortal.Payments.Stripe;

/// <summary>What came of a call to Stripe: the answered object, or why there is none. Closed: match both.</summary>
public abstract record StripeResult<T>
{
    private StripeResult()
    {
    }

    public sealed record Answered(T Value) : StripeResult<T>;

    public sealed record Failed(StripeError Error) : StripeResult<T>;

    public static implicit operator StripeResult<T>(T value) => new Answered(value);
    public static implicit operator StripeResult<T>(StripeError error) => new Failed(error);

    public TOut Match<TOut>(Func<T, TOut> answered, Func<StripeError, TOut> failed) => this switch
    {
        Answered a => answered(a.Value),
        Failed f => failed(f.Error),
        _ => throw new InvalidOperationException("A StripeResult is answered or failed."),
    };

    /// <returns>True with the answer; false with the error.</returns>
    public bool TryGet([System.Diagnostics.CodeAnalysis.MaybeNullWhen(false)] out T value, [System.Diagnostics.CodeAnalysis.NotNullWhen(false)] out StripeError? error)
    {
        value = this is Answered a ? a.Value : default;
        error = (this as Failed)?.Error;
        return error is null;
    }

    /// <summary>For answers that may be null.</summary>
    public bool TryGetOrNull(out T? value, [System.Diagnostics.CodeAnalysis.NotNullWhen(false)] out StripeError? error) => TryGet(out value, out error);
}

/// <summary>Why a call gave no object.</summary>
public enum StripeFailure
{
    /// <summary>No payments are set up.</summary>
    NotConfigured,
    /// <summary>Sent, but no answer came: it may have happened. Retry with the same idempotency key, never with a new one.</summary>
    Unknown,
    /// <summary>Stripe could not be reached, or answered 5xx, or asked to slow down: try again later.</summary>
    Unavailable,
    /// <summary>The key is wrong, revoked, or may not do this.</summary>
    Unauthorized,
    /// <summary>The payment was refused; a new attempt needs a new idempotency key.</summary>
    Declined,
    /// <summary>The object named in the path or in a parameter does not exist, or was deleted.</summary>
    Missing,
    /// <summary>Stripe does not accept the request as it is.</summary>
    Invalid,
    /// <summary>The idempotency key was used with other parameters.</summary>
    IdempotencyConflict,
}

/// <summary>An error as a value (https://docs.stripe.com/api/errors). Never shown to customers as it is: <see cref="Message"/> may name internals.</summary>
public sealed record StripeError(StripeFailure Failure, string Message)
{
    /// <summary>HTTP status; 0 when there was no answer.</summary>
    public int Status { get; init; }
    public string? Type { get; init; }
    public string? Code { get; init; }
    /// <summary>The parameter at fault, in bracket form: <c>items[0][price]</c>.</summary>
    public string? Param { get; init; }
    public string? DeclineCode { get; init; }
    /// <summary><c>try_again_later</c>, <c>do_not_try_again</c> or <c>confirm_card_data</c>.</summary>
    public string? AdviceCode { get; init; }
    /// <summary>The PaymentIntent of a declined payment.</summary>
    public StripePaymentIntent? PaymentIntent { get; init; }
    public string? RequestId { get; init; }

    /// <summary>True when the customer named in the request does not exist (any more).</summary>
    public bool IsMissingCustomer => Failure == StripeFailure.Missing && Param is "customer" or "id" && Message.Contains("customer", StringComparison.OrdinalIgnoreCase);

    /// <summary>True when trying again later, under the same key, may help.</summary>
    public bool IsTransient => Failure is StripeFailure.Unknown or StripeFailure.Unavailable;
}
