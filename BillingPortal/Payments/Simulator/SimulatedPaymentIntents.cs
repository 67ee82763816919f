using System.Text.Json.Nodes;

namespace BillingPortal.Payments.Simulator;

/// <summary>PaymentIntents that the API makes: on a saved card, with nobody present, confirmed at once.</summary>
internal static class SimulatedPaymentIntents
{
    public static void Map(SimulatorApi api) => api.Post(
        "/v1/payment_intents", CreateAsync,
        "amount", "currency", "customer", "payment_method", "confirm", "off_session", "description", "metadata", "receipt_email", "statement_descriptor_suffix", "automatic_payment_methods", "error_on_requires_action");

    private static async Task<JsonObject> CreateAsync(SimulatorCall call)
    {
        var (state, form) = (call.State, call.Form);
        var amount = form.Integer("amount") ?? throw SimulatorError.Invalid("parameter_missing", "Missing required param: amount.", "amount");
        if (amount is < 50 or > 99_999_999)
        {
            throw amount < 50 ? SimulatorError.Invalid("amount_too_small", "Amount must be at least $0.50 usd", "amount") : SimulatorError.Invalid("amount_too_large", "Amount must be no more than $999,999.99", "amount");
        }

        if (form.Flag("confirm") != true)
        {
            throw SimulatorError.Invalid(form.Has("off_session") ? "parameter_invalid_empty" : null, "The simulator makes PaymentIntents that are confirmed at once: pass confirm=true.", "confirm");
        }

        var customer = await state.GetAsync("customer", form.Required("customer"), "customer");
        await state.UseClockOfAsync(customer);
        var method = await state.GetAsync("payment_method", form.Required("payment_method"), "payment_method");
        if (method.Text("customer") != customer.Text("id"))
        {
            throw SimulatorError.Invalid("resource_missing", $"The provided PaymentMethod ({method.Text("id")}) is not attached to the customer.", "payment_method");
        }

        var attempt = await SimulatedPayments.PayAsync(state, customer, method, amount, form.Required("currency"), form.Text("description"), form.Metadata(), present: form.Flag("off_session") != true);
        return attempt.Decline is { } decline ? throw SimulatorError.Declined(decline, attempt.Intent) : attempt.Intent;
    }
}
