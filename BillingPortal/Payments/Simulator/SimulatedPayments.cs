using System.Text.Json.Nodes;

namespace BillingPortal.Payments.Simulator;

/// <summary>How an attempt to take money ended.</summary>
internal sealed record PaymentAttempt(JsonObject Intent, CardDecline? Decline, bool NeedsConfirmation)
{
    public bool Succeeded => Decline is null && !NeedsConfirmation;
}

/// <summary>PaymentIntents and the charges they make.</summary>
internal static class SimulatedPayments
{
    private static readonly CardDecline NotAuthenticated = new("payment_intent_authentication_failure", null, "The card's bank could not confirm that it is you. Nothing was charged.");
    private static readonly CardDecline NeedsCustomer = new("authentication_required", "authentication_required", "The card's bank asks the customer to confirm this payment.");

    public static void Map(SimulatorApi api)
    {
        api.Get("/v1/payment_intents", async c => SimulatorApi.Page(c, await c.State.ListAsync("payment_intent", ("customer", c.Form.Text("customer"))), "/v1/payment_intents"), "customer");
        api.Get("/v1/payment_intents/{id}", async c => await c.State.GetAsync("payment_intent", c.Id), "client_secret");
        api.Get("/v1/charges", async c => SimulatorApi.Page(c, await c.State.ListAsync("charge", ("customer", c.Form.Text("customer")), ("payment_intent", c.Form.Text("payment_intent"))), "/v1/charges"), "customer", "payment_intent");
        api.Get("/v1/charges/{id}", async c => await c.State.GetAsync("charge", c.Id));
    }

    /// <summary>Takes an amount from a card.</summary>
    /// <param name="present">The cardholder is there and can be asked to confirm.</param>
    public static async Task<PaymentAttempt> PayAsync(SimulatorState state, JsonObject customer, JsonObject method, long amount, string currency, string? description, JsonObject metadata, bool present)
    {
        var intent = Intent(state, customer.Text("id"), amount, currency, description, metadata);
        intent["payment_method"] = method.Text("id");
        await state.SaveAsync(intent, "payment_intent.created");
        var card = SimulatedCard.Of(method);
        if (card.Decline is { } decline)
        {
            return await DeclineAsync(state, intent, method, decline);
        }

        return card.Confirmation switch
        {
            CardConfirmation.Always when !present => await DeclineAsync(state, intent, method, NeedsCustomer),
            CardConfirmation.WhenPresent or CardConfirmation.Always when present => await AskAsync(state, intent),
            _ => await SucceedAsync(state, intent, method),
        };
    }

    /// <summary>What the cardholder answered to the bank's question.</summary>
    public static async Task<PaymentAttempt> ConfirmAsync(SimulatorState state, JsonObject intent, bool confirmed)
    {
        var method = await state.GetAsync("payment_method", intent.Text("payment_method")!);
        intent["next_action"] = null;
        return confirmed ? await SucceedAsync(state, intent, method) : await DeclineAsync(state, intent, method, NotAuthenticated);
    }

    private static async Task<PaymentAttempt> AskAsync(SimulatorState state, JsonObject intent)
    {
        intent["status"] = "requires_action";
        intent["next_action"] = new JsonObject { ["type"] = "use_stripe_sdk", ["use_stripe_sdk"] = new JsonObject { ["type"] = "three_d_secure_redirect" } };
        await state.SaveAsync(intent, "payment_intent.requires_action");
        return new(intent, null, true);
    }

    private static async Task<PaymentAttempt> SucceedAsync(SimulatorState state, JsonObject intent, JsonObject method)
    {
        var charge = Charge(state, intent, method, null);
        await state.SaveAsync(charge, "charge.succeeded");
        intent["status"] = "succeeded";
        intent["amount_received"] = intent.Number("amount");
        intent["latest_charge"] = charge.Text("id");
        intent["last_payment_error"] = null;
        await state.SaveAsync(intent, "payment_intent.succeeded");
        if (SimulatedCard.Of(method).Dispute is not CardDispute.None and var why)
        {
            await SimulatedDisputes.BeginAsync(state, charge, why);
        }

        return new(intent, null, false);
    }

    private static async Task<PaymentAttempt> DeclineAsync(SimulatorState state, JsonObject intent, JsonObject method, CardDecline decline)
    {
        var charge = Charge(state, intent, method, decline);
        await state.SaveAsync(charge, "charge.failed");
        intent["status"] = "requires_payment_method";
        intent["payment_method"] = null;
        intent["latest_charge"] = charge.Text("id");
        var error = new JsonObject { ["type"] = "card_error", ["code"] = decline.Code, ["message"] = decline.Message, ["charge"] = charge.Text("id"), ["payment_method"] = method.Public() };
        if (decline.DeclineCode is not null)
        {
            error["decline_code"] = decline.DeclineCode;
        }

        intent["last_payment_error"] = error;
        await state.SaveAsync(intent, "payment_intent.payment_failed");
        return new(intent, decline, false);
    }

    private static JsonObject Intent(SimulatorState state, string? customer, long amount, string currency, string? description, JsonObject metadata)
    {
        var id = SimulatorState.NewId("pi_");
        return new()
        {
            ["id"] = id,
            ["object"] = "payment_intent",
            ["allowed_payment_method_types"] = null,
            ["amount"] = amount,
            ["amount_capturable"] = 0,
            ["amount_details"] = new JsonObject { ["tip"] = new JsonObject() },
            ["amount_received"] = 0,
            ["application"] = null,
            ["application_fee_amount"] = null,
            ["automatic_payment_methods"] = new JsonObject { ["allow_redirects"] = "always", ["enabled"] = true },
            ["canceled_at"] = null,
            ["cancellation_reason"] = null,
            ["capture_method"] = "automatic_async",
            ["client_secret"] = $"{id}_secret_{SimulatorState.NewId("")}",
            ["confirmation_method"] = "automatic",
            ["created"] = state.Now,
            ["currency"] = currency,
            ["customer"] = customer,
            ["customer_account"] = null,
            ["description"] = description,
            ["excluded_payment_method_types"] = null,
            ["last_payment_error"] = null,
            ["latest_charge"] = null,
            ["livemode"] = false,
            ["managed_payments"] = null,
            ["metadata"] = metadata.DeepClone(),
            ["next_action"] = null,
            ["on_behalf_of"] = null,
            ["payment_method"] = null,
            ["payment_method_configuration_details"] = null,
            ["payment_method_options"] = new JsonObject(),
            ["payment_method_types"] = new JsonArray("card"),
            ["payment_record"] = null,
            ["processing"] = null,
            ["receipt_email"] = null,
            ["review"] = null,
            ["setup_future_usage"] = null,
            ["shipping"] = null,
            ["source"] = null,
            ["statement_descriptor"] = null,
            ["statement_descriptor_suffix"] = null,
            ["status"] = "requires_confirmation",
            ["transfer_data"] = null,
            ["transfer_group"] = null,
        };
    }

    private static JsonObject Charge(SimulatorState state, JsonObject intent, JsonObject method, CardDecline? decline)
    {
        var card = method.Child("card");
        return new()
        {
            ["id"] = SimulatorState.NewId("ch_"),
            ["object"] = "charge",
            ["amount"] = intent.Number("amount"),
            ["amount_captured"] = decline is null ? intent.Number("amount") : 0,
            ["amount_refunded"] = 0,
            ["application"] = null,
            ["application_fee"] = null,
            ["application_fee_amount"] = null,
            ["balance_transaction"] = decline is null ? SimulatorState.NewId("txn_") : null,
            ["billing_details"] = method.Child("billing_details").DeepClone(),
            ["calculated_statement_descriptor"] = "SIMULATOR",
            ["captured"] = decline is null,
            ["created"] = state.Now,
            ["currency"] = intent.Text("currency"),
            ["customer"] = intent.Text("customer"),
            ["description"] = intent.Text("description"),
            ["disputed"] = false,
            ["failure_balance_transaction"] = null,
            ["failure_code"] = decline?.Code,
            ["failure_message"] = decline?.Message,
            ["fraud_details"] = new JsonObject(),
            ["livemode"] = false,
            ["metadata"] = intent.Child("metadata").DeepClone(),
            ["on_behalf_of"] = null,
            ["outcome"] = new JsonObject
            {
                ["advice_code"] = decline is null ? null : "try_again_later",
                ["network_status"] = decline is null ? "approved_by_network" : "declined_by_network",
                ["reason"] = decline?.DeclineCode,
                ["risk_level"] = "normal",
                ["seller_message"] = decline is null ? "Payment complete." : "The bank declined the payment.",
                ["type"] = decline is null ? "authorized" : "issuer_declined",
            },
            ["paid"] = decline is null,
            ["payment_intent"] = intent.Text("id"),
            ["payment_method"] = method.Text("id"),
            ["payment_method_details"] = new JsonObject
            {
                ["card"] = new JsonObject { ["brand"] = card.Text("brand"), ["last4"] = card.Text("last4"), ["exp_month"] = card.Number("exp_month"), ["exp_year"] = card.Number("exp_year"), ["country"] = "US", ["funding"] = "credit", ["network"] = card.Text("brand") },
                ["type"] = "card",
            },
            ["receipt_email"] = null,
            ["receipt_number"] = null,
            ["receipt_url"] = null,
            ["refunded"] = false,
            ["review"] = null,
            ["shipping"] = null,
            ["source"] = null,
            ["source_transfer"] = null,
            ["statement_descriptor"] = null,
            ["statement_descriptor_suffix"] = null,
            ["status"] = decline is null ? "succeeded" : "failed",
            ["transfer_data"] = null,
            ["transfer_group"] = null,
        };
    }
}
