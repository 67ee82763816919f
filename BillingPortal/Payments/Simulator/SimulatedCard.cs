using System.Text.Json.Nodes;

namespace BillingPortal.Payments.Simulator;

/// <summary>When a card's bank asks the cardholder to confirm.</summary>
internal enum CardConfirmation { Never, WhenPresent, Always }

/// <summary>How the cardholder objects to each payment. An inquiry asks before money moves.</summary>
internal enum CardDispute { None, Fraudulent, NotReceived, Inquiry }

/// <summary>What becomes of a refund to the card.</summary>
internal enum CardRefund { Succeeds, Pends, Fails }

/// <summary>Stripe's test cards (https://docs.stripe.com/testing): the number decides what happens.</summary>
internal sealed record SimulatedCard(string Number, string Brand, string What)
{
    private static readonly CardDecline Generic = new("card_declined", "generic_decline", "Your card was declined.");

    public CardDecline? Decline { get; init; }
    /// <summary>Attaches, then declines each charge.</summary>
    public bool DeclinesLater { get; init; }
    public CardConfirmation Confirmation { get; init; }
    public CardRefund Refund { get; init; }
    public CardDispute Dispute { get; init; }
    /// <summary>Id of the payment method that stands for it in API calls.</summary>
    public string? Alias { get; init; }

    public static readonly IReadOnlyList<SimulatedCard> All =
    [
        new("4242424242424242", "visa", "works") { Alias = "pm_card_visa" },
        new("5555555555554444", "mastercard", "works") { Alias = "pm_card_mastercard" },
        new("4000000000000002", "visa", "is declined") { Decline = Generic, Alias = "pm_card_chargeDeclined" },
        new("4000000000009995", "visa", "has insufficient funds")
        {
            Decline = new("card_declined", "insufficient_funds", "Your card has insufficient funds. Try a different card."), Alias = "pm_card_chargeDeclinedInsufficientFunds",
        },
        new("4000000000000069", "visa", "has expired") { Decline = new("expired_card", null, "Your card has expired.") },
        new("4000000000000127", "visa", "has a wrong security code") { Decline = new("incorrect_cvc", null, "Your card's security code is incorrect.") },
        new("4000000000003220", "visa", "asks for 3-D Secure") { Confirmation = CardConfirmation.WhenPresent },
        new("4000002760003184", "visa", "asks for 3-D Secure each time") { Confirmation = CardConfirmation.Always, Alias = "pm_card_authenticationRequired" },
        new("4000000000007726", "visa", "works; a refund is pending at first") { Refund = CardRefund.Pends, Alias = "pm_card_pendingRefund" },
        new("4000000000005126", "visa", "works; a refund fails later") { Refund = CardRefund.Fails, Alias = "pm_card_refundFail" },
        new("4000000000000259", "visa", "works; then disputed as fraudulent") { Dispute = CardDispute.Fraudulent, Alias = "pm_card_createDispute" },
        new("4000000000002685", "visa", "works; then disputed as not received") { Dispute = CardDispute.NotReceived, Alias = "pm_card_createDisputeProductNotReceived" },
        new("4000000000001976", "visa", "works; then the bank inquires") { Dispute = CardDispute.Inquiry, Alias = "pm_card_createDisputeInquiry" },
        new("4000000000000341", "visa", "is kept, and declined when charged") { Decline = Generic, DeclinesLater = true, Alias = "pm_card_chargeCustomerFail" },
    ];

    public static SimulatedCard? Find(string number) => All.FirstOrDefault(c => c.Number == number);

    /// <summary>The card behind a stored payment method.</summary>
    public static SimulatedCard Of(JsonObject paymentMethod) => Find(paymentMethod.Text("_number") ?? "") ?? All[0];
}

internal static class SimulatedPaymentMethods
{
    public static void Map(SimulatorApi api)
    {
        api.Get("/v1/payment_methods", async c => SimulatorApi.Page(c, await c.State.ListAsync("payment_method", ("customer", c.Form.Required("customer"))), "/v1/payment_methods"), "customer", "type");
        api.Get("/v1/payment_methods/{id}", async c => await c.State.GetAsync("payment_method", c.Id));
        api.Post("/v1/payment_methods/{id}/attach", async c => await AttachAsync(c.State, c.Id, await c.State.GetAsync("customer", c.Form.Required("customer"), "customer")), "customer");
        api.Post("/v1/payment_methods/{id}/detach", DetachAsync);
    }

    /// <summary>Attaches a payment method, or makes one from the name of a test card.</summary>
    public static async Task<JsonObject> AttachAsync(SimulatorState state, string id, JsonObject customer)
    {
        var card = SimulatedCard.All.FirstOrDefault(c => c.Alias == id);
        var method = card is null ? await state.GetAsync("payment_method", id) : New(state, card, null, null);
        if (card is { DeclinesLater: false, Decline: { } decline })
        {
            throw SimulatorError.Invalid(decline.Code, decline.Message, null, 402, "card_error");
        }

        method["customer"] = customer.Text("id");
        return await state.SaveAsync(method, "payment_method.attached");
    }

    /// <summary>A card as the hosted page took it. Only its brand and last digits are told.</summary>
    public static JsonObject New(SimulatorState state, SimulatedCard card, string? customer, string? name) => new()
    {
        ["id"] = SimulatorState.NewId("pm_"),
        ["object"] = "payment_method",
        ["allow_redisplay"] = "limited",
        ["billing_details"] = new JsonObject { ["address"] = null, ["email"] = null, ["name"] = name, ["phone"] = null, ["tax_id"] = null },
        ["card"] = new JsonObject
        {
            ["brand"] = card.Brand,
            ["checks"] = new JsonObject { ["address_line1_check"] = null, ["address_postal_code_check"] = null, ["cvc_check"] = "pass" },
            ["country"] = "US",
            ["display_brand"] = card.Brand,
            ["exp_month"] = 12,
            ["exp_year"] = DateTimeOffset.FromUnixTimeSeconds(state.Now).Year + 3,
            ["fingerprint"] = $"sim{card.Number[^8..]}",
            ["funding"] = "credit",
            ["generated_from"] = null,
            ["last4"] = card.Number[^4..],
            ["networks"] = new JsonObject { ["available"] = new JsonArray(card.Brand), ["preferred"] = null },
            ["three_d_secure_usage"] = new JsonObject { ["supported"] = true },
            ["wallet"] = null,
        },
        ["created"] = state.Now,
        ["customer"] = customer,
        ["customer_account"] = null,
        ["livemode"] = false,
        ["metadata"] = new JsonObject(),
        ["type"] = "card",
        ["_number"] = card.Number,
    };

    private static async Task<JsonObject> DetachAsync(SimulatorCall call)
    {
        var method = await call.State.GetAsync("payment_method", call.Id);
        method["customer"] = null;
        return await call.State.SaveAsync(method, "payment_method.detached");
    }
}
