using System.Text.Json.Nodes;

namespace BillingPortal.Payments.Simulator;

/// <summary>An answer of Stripe's that ends a request. Here, and only here, an exception: like Stripe, the simulator drops all that the request began, from whatever depth.</summary>
internal sealed class SimulatorError : Exception
{
    private SimulatorError(int status, JsonObject error) : base(error.Text("message")) => (Status, Error) = (status, error);

    public int Status { get; }
    public JsonObject Error { get; }
    /// <summary>A declined payment leaves its traces; anything else leaves none.</summary>
    public bool KeepsState { get; private init; }

    public JsonObject Body => new() { ["error"] = Error.Public() };

    public static SimulatorError Invalid(string? code, string message, string? parameter = null, int status = 400, string type = "invalid_request_error")
    {
        var error = new JsonObject { ["type"] = type, ["message"] = message };
        if (code is not null)
        {
            error["code"] = code;
            error["doc_url"] = $"https://stripe.com/docs/error-codes/{code.Replace('_', '-')}";
        }

        if (parameter is not null)
        {
            error["param"] = parameter;
        }

        return new(status, error);
    }

    /// <summary>404 for an id in the path, 400 for one that a parameter names.</summary>
    public static SimulatorError Missing(string type, string id, string? parameter) =>
        Invalid("resource_missing", $"No such {type.Split('.')[^1].Replace('_', ' ')}: '{id}'", parameter ?? "id", parameter is null ? 404 : 400);

    public static SimulatorError Declined(CardDecline decline, JsonObject paymentIntent)
    {
        var error = Invalid(decline.Code, decline.Message, null, 402, "card_error").Error;
        if (decline.DeclineCode is not null)
        {
            error["decline_code"] = decline.DeclineCode;
        }

        error["charge"] = paymentIntent.Text("latest_charge");
        error["payment_intent"] = paymentIntent.DeepClone();
        return new(402, error) { KeepsState = true };
    }

    /// <summary>A payment that failed where the caller asked for all or nothing: 402, and nothing is kept.</summary>
    public static SimulatorError Refused(PaymentAttempt attempt) =>
        new(402, Declined(attempt.Decline ?? new("authentication_required", null, "The card's bank asks the customer to confirm this payment."), attempt.Intent).Error);
}

/// <summary>How a card is refused.</summary>
internal sealed record CardDecline(string Code, string? DeclineCode, string Message);
