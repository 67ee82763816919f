namespace BillingPortal.Primitives;

/// <summary>A machine-readable reason with the HTTP status it always has. Names and statuses are part of the outside contract.</summary>
public sealed record ErrorCode(string Name, int Status, string Title)
{
    public static readonly ErrorCode InvalidRequest = new("INVALID_REQUEST", 400, "The request is malformed");
    public static readonly ErrorCode InvalidAmount = new("INVALID_AMOUNT", 400, "The amount is not usable");
    public static readonly ErrorCode Unauthenticated = new("UNAUTHENTICATED", 401, "No valid credential was sent");
    public static readonly ErrorCode ForbiddenScope = new("FORBIDDEN_SCOPE", 403, "The credential may not do this");
    public static readonly ErrorCode InsufficientCredits = new("BILLING_INSUFFICIENT_CREDITS", 402, "Not enough credits");
    public static readonly ErrorCode InsufficientFunds = new("BILLING_INSUFFICIENT_FUNDS", 402, "Not enough funds");
    public static readonly ErrorCode PaymentRequired = new("BILLING_PAYMENT_REQUIRED", 402, "A payment is overdue");
    public static readonly ErrorCode FeatureNotInPlan = new("BILLING_FEATURE_NOT_IN_PLAN", 403, "The plan does not include this feature");
    public static readonly ErrorCode ModelNotInPlan = new("BILLING_MODEL_NOT_IN_PLAN", 403, "The plan does not include this model");
    public static readonly ErrorCode ToolNotInPlan = new("BILLING_TOOL_NOT_IN_PLAN", 403, "The plan does not include this tool");
    public static readonly ErrorCode ProviderNotInPlan = new("BILLING_PROVIDER_NOT_IN_PLAN", 403, "The plan does not include this provider");
    public static readonly ErrorCode AccountSuspended = new("BILLING_ACCOUNT_SUSPENDED", 403, "The account is suspended");
    public static readonly ErrorCode NotFound = new("NOT_FOUND", 404, "Not found");
    public static readonly ErrorCode UnknownAction = new("BILLING_UNKNOWN_ACTION", 404, "The catalog has no such action");
    public static readonly ErrorCode UnknownMeter = new("BILLING_UNKNOWN_METER", 404, "The catalog has no such meter");
    public static readonly ErrorCode MethodNotAllowed = new("METHOD_NOT_ALLOWED", 405, "Method not allowed");
    public static readonly ErrorCode IdempotencyConflict = new("BILLING_IDEMPOTENCY_CONFLICT", 409, "The idempotency key was used for another request");
    public static readonly ErrorCode HoldClosed = new("BILLING_HOLD_CLOSED", 409, "The hold is closed");
    public static readonly ErrorCode Conflict = new("CONFLICT", 409, "The request conflicts with the present state");
    public static readonly ErrorCode TooLarge = new("TOO_LARGE", 413, "The request body is too large");
    public static readonly ErrorCode UnsupportedMediaType = new("UNSUPPORTED_MEDIA_TYPE", 415, "Unsupported media type");
    public static readonly ErrorCode UnpricedModel = new("BILLING_UNPRICED_MODEL", 422, "No rate is known for this model");
    public static readonly ErrorCode QuotaExceeded = new("BILLING_QUOTA_EXCEEDED", 429, "The quota is used up");
    public static readonly ErrorCode RateLimited = new("RATE_LIMITED", 429, "Too many requests");
    public static readonly ErrorCode BudgetExceeded = new("BILLING_BUDGET_EXCEEDED", 429, "The budget is used up");
    public static readonly ErrorCode Overloaded = new("OVERLOADED", 503, "Overloaded, try again shortly");
    public static readonly ErrorCode DatabaseUnavailable = new("DATABASE_UNAVAILABLE", 503, "The database is unavailable");

    /// <summary>A bug of ours; the only code that no caller can provoke on purpose.</summary>
    public static readonly ErrorCode Internal = new("INTERNAL_ERROR", 500, "Something went wrong on our side");

    public override string ToString() => Name;
}
