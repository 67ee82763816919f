using System.Text.Json.Nodes;

namespace BillingPortal.Payments.Simulator;

internal static class SimulatedBillingPortal
{
    public static void Map(SimulatorApi api) =>
        api.Post("/v1/billing_portal/sessions", CreateAsync, "customer", "return_url", "configuration", "locale", "flow_data");

    private static async Task<JsonObject> CreateAsync(SimulatorCall call)
    {
        var customer = await call.State.GetAsync("customer", call.Form.Required("customer"), "customer");
        var id = SimulatorState.NewId("bps_");
        return await call.State.SaveAsync(new()
        {
            ["id"] = id,
            ["object"] = "billing_portal.session",
            ["after_expiration"] = null,
            ["configuration"] = "bpc_simulator",
            ["created"] = call.State.Now,
            ["customer"] = customer.Text("id"),
            ["customer_account"] = null,
            ["flow"] = null,
            ["livemode"] = false,
            ["locale"] = call.Form.Text("locale"),
            ["on_behalf_of"] = null,
            ["return_url"] = call.Form.Text("return_url"),
            ["url"] = $"{call.Address.Root}/portal/{id}",
        });
    }
}
