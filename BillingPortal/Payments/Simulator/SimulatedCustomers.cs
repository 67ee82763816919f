using System.Text.Json.Nodes;

namespace BillingPortal.Payments.Simulator;

internal static class SimulatedCustomers
{
    private static readonly string[] Parameters = ["email", "name", "phone", "description", "metadata", "address", "preferred_locales", "tax", "tax_exempt", "invoice_settings", "payment_method", "test_clock", "balance"];

    private static readonly string[] Texts = ["email", "name", "phone", "description"];

    public static void Map(SimulatorApi api)
    {
        api.Post("/v1/customers", CreateAsync, Parameters);
        api.Get("/v1/customers", async c => SimulatorApi.Page(c, await c.State.ListAsync("customer", ("email", c.Form.Text("email"))), "/v1/customers"), "email", "test_clock");
        api.Get("/v1/customers/{id}", async c => await c.State.GetAsync("customer", c.Id));
        api.Post("/v1/customers/{id}", UpdateAsync, Parameters);
        api.Delete("/v1/customers/{id}", DeleteAsync);
        api.Get("/v1/customers/{id}/payment_methods", PaymentMethodsAsync, "type");
    }

    private static async Task<JsonObject> CreateAsync(SimulatorCall call)
    {
        var clock = call.Form.Text("test_clock");
        if (clock is not null)
        {
            call.State.Now = (await call.State.GetAsync("test_helpers.test_clock", clock, "test_clock")).Number("frozen_time");
        }

        var customer = New(call.State, call.Form.Text("email"), call.Form.Text("name"), clock);
        customer["description"] = call.Form.Text("description");
        customer["phone"] = call.Form.Text("phone");
        customer["metadata"] = call.Form.Metadata();
        await call.State.SaveAsync(customer);
        if (call.Form.Text("payment_method") is { } method)
        {
            await SimulatedPaymentMethods.AttachAsync(call.State, method, customer);
        }

        await call.State.EmitAsync("customer.created", customer);
        return customer;
    }

    /// <summary>A customer whom the hosted checkout makes for somebody who came without one.</summary>
    public static Task<JsonObject> NewGuestAsync(SimulatorState state, string? email, string name) => state.SaveAsync(New(state, email, name.Length == 0 ? null : name, null), "customer.created");

    private static JsonObject New(SimulatorState state, string? email, string? name, string? clock) => new()
    {
        ["id"] = SimulatorState.NewId("cus_"),
        ["object"] = "customer",
        ["address"] = null,
        ["balance"] = 0,
        ["created"] = state.Now,
        ["currency"] = null,
        ["customer_account"] = null,
        ["default_source"] = null,
        ["delinquent"] = false,
        ["description"] = null,
        ["discount"] = null,
        ["email"] = email,
        ["invoice_prefix"] = SimulatorState.NewId("")[..8].ToUpperInvariant(),
        ["invoice_settings"] = new JsonObject { ["custom_fields"] = null, ["default_payment_method"] = null, ["footer"] = null, ["rendering_options"] = null },
        ["livemode"] = false,
        ["metadata"] = new JsonObject(),
        ["name"] = name,
        ["next_invoice_sequence"] = 1,
        ["phone"] = null,
        ["preferred_locales"] = new JsonArray(),
        ["shipping"] = null,
        ["tax_exempt"] = "none",
        ["test_clock"] = clock,
    };

    private static async Task<JsonObject> UpdateAsync(SimulatorCall call)
    {
        var customer = await call.State.GetAsync("customer", call.Id);
        if (customer.Flag("deleted"))
        {
            throw SimulatorError.Missing("customer", call.Id, null);
        }

        var previous = new JsonObject();
        foreach (var field in Texts.Where(call.Form.Has))
        {
            previous[field] = customer[field]?.DeepClone();
            customer[field] = call.Form.Text(field);
        }

        if (call.Form.Text("invoice_settings[default_payment_method]") is { } method)
        {
            await call.State.GetAsync("payment_method", method, "invoice_settings[default_payment_method]");
            customer.Child("invoice_settings")["default_payment_method"] = method;
        }

        customer["metadata"] = call.Form.Metadata(customer.Child("metadata"));
        return await call.State.SaveAsync(customer, "customer.updated", previous);
    }

    /// <summary>Deleting ends the customer's subscriptions at once, and what is left answers 200 with <c>deleted</c>.</summary>
    private static async Task<JsonObject> DeleteAsync(SimulatorCall call)
    {
        var customer = await call.State.GetAsync("customer", call.Id, "id");
        await call.State.UseClockOfAsync(customer);
        foreach (var subscription in await call.State.ListAsync("subscription", ("customer", call.Id)))
        {
            if (subscription.Text("status") != "canceled")
            {
                await SimulatedSubscriptions.EndAsync(call.State, subscription, "cancellation_requested");
            }
        }

        await call.State.EmitAsync("customer.deleted", customer);
        return await call.State.SaveAsync(new JsonObject { ["id"] = call.Id, ["object"] = "customer", ["deleted"] = true });
    }

    private static async Task<JsonObject> PaymentMethodsAsync(SimulatorCall call)
    {
        await call.State.GetAsync("customer", call.Id, "customer");
        return SimulatorApi.Page(call, await call.State.ListAsync("payment_method", ("customer", call.Id)), $"/v1/customers/{call.Id}/payment_methods");
    }
}
