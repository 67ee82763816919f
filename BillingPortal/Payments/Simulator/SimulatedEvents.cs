namespace BillingPortal.Payments.Simulator;

internal static class SimulatedEvents
{
    public static void Map(SimulatorApi api)
    {
        api.Get("/v1/events", async c =>
        {
            var types = c.Form.Texts("types").Append(c.Form.Text("type")).OfType<string>().ToHashSet();
            return SimulatorApi.Page(c, (await c.State.ListAsync("event")).Where(e => types.Count == 0 || types.Contains(e.Text("type")!)), "/v1/events");
        }, "type", "types", "delivery_success");
        api.Get("/v2/core/events/{id}", async c =>
        {
            var thin = await c.State.GetAsync("v2.core.event", c.Id);
            thin["data"] = thin["_data"]?.DeepClone();
            return thin;
        });
        api.Get("/v1/events/{id}", async c => await c.State.GetAsync("event", c.Id));
    }
}
