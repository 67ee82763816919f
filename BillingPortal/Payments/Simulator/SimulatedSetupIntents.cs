using System.Text.Json.Nodes;

namespace BillingPortal.Payments.Simulator;

/// <summary>Cards saved without a payment.</summary>
internal static class SimulatedSetupIntents
{
    public static void Map(SimulatorApi api)
    {
        api.Get("/v1/setup_intents", async c => SimulatorApi.Page(c, await c.State.ListAsync("setup_intent", ("customer", c.Form.Text("customer"))), "/v1/setup_intents"), "customer");
        api.Get("/v1/setup_intents/{id}", async c => await c.State.GetAsync("setup_intent", c.Id), "client_secret");
    }

    /// <summary>The cardholder agreed that the card may be charged later.</summary>
    public static async Task<JsonObject> SucceedAsync(SimulatorState state, JsonObject customer, JsonObject method, JsonObject metadata)
    {
        var id = SimulatorState.NewId("seti_");
        return await state.SaveAsync(new()
        {
            ["id"] = id,
            ["object"] = "setup_intent",
            ["allowed_payment_method_types"] = null,
            ["application"] = null,
            ["automatic_payment_methods"] = null,
            ["cancellation_reason"] = null,
            ["client_secret"] = $"{id}_secret_{SimulatorState.NewId("")}",
            ["created"] = state.Now,
            ["customer"] = customer.Text("id"),
            ["customer_account"] = null,
            ["description"] = null,
            ["excluded_payment_method_types"] = null,
            ["flow_directions"] = null,
            ["last_setup_error"] = null,
            ["latest_attempt"] = null,
            ["livemode"] = false,
            ["mandate"] = null,
            ["metadata"] = metadata.DeepClone(),
            ["next_action"] = null,
            ["on_behalf_of"] = null,
            ["payment_method"] = method.Text("id"),
            ["payment_method_configuration_details"] = null,
            ["payment_method_options"] = new JsonObject(),
            ["payment_method_types"] = new JsonArray("card"),
            ["single_use_mandate"] = null,
            ["status"] = "succeeded",
            ["usage"] = "off_session",
        }, "setup_intent.succeeded");
    }
}
