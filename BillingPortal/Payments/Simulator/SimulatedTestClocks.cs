using System.Text.Json.Nodes;

namespace BillingPortal.Payments.Simulator;

/// <summary>Clocks that stand still until they are advanced; customers made on one live by it.</summary>
internal static class SimulatedTestClocks
{
    private const string Type = "test_helpers.test_clock";

    public static void Map(SimulatorApi api)
    {
        api.Post("/v1/test_helpers/test_clocks", CreateAsync, "frozen_time", "name");
        api.Get("/v1/test_helpers/test_clocks", async c => SimulatorApi.Page(c, await c.State.ListAsync(Type), "/v1/test_helpers/test_clocks"));
        api.Get("/v1/test_helpers/test_clocks/{id}", async c => await c.State.GetAsync(Type, c.Id));
        api.Post("/v1/test_helpers/test_clocks/{id}/advance", AdvanceAsync, "frozen_time");
        api.Delete("/v1/test_helpers/test_clocks/{id}", DeleteAsync);
    }

    private static async Task<JsonObject> CreateAsync(SimulatorCall call)
    {
        var frozen = call.Form.Integer("frozen_time") ?? throw SimulatorError.Invalid("parameter_missing", "Missing required param: frozen_time.", "frozen_time");
        return await call.State.SaveAsync(new()
        {
            ["id"] = SimulatorState.NewId("clock_"),
            ["object"] = Type,
            ["created"] = call.State.Now,
            ["deletes_after"] = call.State.Now + (30 * 86_400),
            ["frozen_time"] = frozen,
            ["livemode"] = false,
            ["name"] = call.Form.Text("name"),
            ["status"] = "ready",
            ["status_details"] = new JsonObject(),
        }, "test_helpers.test_clock.created");
    }

    /// <summary>Forward only. All that is due happens before the answer, where Stripe would say <c>advancing</c> first.</summary>
    private static async Task<JsonObject> AdvanceAsync(SimulatorCall call)
    {
        var clock = await call.State.GetAsync(Type, call.Id);
        var to = call.Form.Integer("frozen_time") ?? throw SimulatorError.Invalid("parameter_missing", "Missing required param: frozen_time.", "frozen_time");
        if (to < clock.Number("frozen_time"))
        {
            throw SimulatorError.Invalid(null, "frozen_time must be after the clock's present time.", "frozen_time");
        }

        foreach (var subscription in await call.State.ListAsync("subscription", ("test_clock", call.Id)))
        {
            await SimulatedBilling.CatchUpAsync(call.State, subscription.Text("id")!, to, call.Address);
        }

        clock["frozen_time"] = to;
        call.State.Now = to;
        await call.State.SaveAsync(clock, "test_helpers.test_clock.advancing");
        await call.State.EmitAsync("test_helpers.test_clock.ready", clock);
        return clock;
    }

    private static async Task<JsonObject> DeleteAsync(SimulatorCall call)
    {
        await call.State.GetAsync(Type, call.Id);
        return await call.State.SaveAsync(new JsonObject { ["id"] = call.Id, ["object"] = Type, ["deleted"] = true });
    }
}
