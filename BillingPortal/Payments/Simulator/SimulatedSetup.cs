using System.Text.Json.Nodes;

namespace BillingPortal.Payments.Simulator;

/// <summary>What an account is set up with: webhook endpoints (kept, not delivered to: deliveries go to this portal), portal configurations.</summary>
internal static class SimulatedSetup
{
    private static readonly string[] EndpointParameters = ["url", "enabled_events", "api_version", "description", "metadata", "disabled"];
    private static readonly string[] ConfigurationParameters = ["features", "business_profile", "default_return_url", "metadata", "active"];

    public static void Map(SimulatorApi api)
    {
        api.Get("/v1/webhook_endpoints", async c => SimulatorApi.Page(c, await c.State.ListAsync("webhook_endpoint"), "/v1/webhook_endpoints"));
        api.Post("/v1/webhook_endpoints", CreateEndpointAsync, EndpointParameters);
        api.Get("/v1/webhook_endpoints/{id}", async c => await c.State.GetAsync("webhook_endpoint", c.Id));
        api.Post("/v1/webhook_endpoints/{id}", UpdateEndpointAsync, EndpointParameters);
        api.Get("/v2/core/event_destinations", async c => SimulatorApi.Page(c, await c.State.ListAsync("v2.core.event_destination"), "/v2/core/event_destinations"), "include");
        api.Post("/v2/core/event_destinations", CreateDestinationAsync, "name", "type", "event_payload", "enabled_events", "webhook_endpoint", "include", "description");
        api.Post("/v2/core/event_destinations/{id}", UpdateDestinationAsync, "name", "enabled_events", "include", "description");
        api.Get("/v1/billing_portal/configurations", async c => SimulatorApi.Page(c, (await c.State.ListAsync("billing_portal.configuration")).Where(o => c.Form.Flag("active") is not { } active || o.Flag("active") == active), "/v1/billing_portal/configurations"), "active", "is_default");
        api.Post("/v1/billing_portal/configurations", c => SaveConfigurationAsync(c, null), ConfigurationParameters);
        api.Get("/v1/billing_portal/configurations/{id}", async c => await c.State.GetAsync("billing_portal.configuration", c.Id));
        api.Post("/v1/billing_portal/configurations/{id}", async c => await SaveConfigurationAsync(c, await c.State.GetAsync("billing_portal.configuration", c.Id)), ConfigurationParameters);
    }

    private static async Task<JsonObject> CreateEndpointAsync(SimulatorCall call)
    {
        var url = call.Form.Required("url");
        if (!Uri.TryCreate(url, UriKind.Absolute, out _))
        {
            throw SimulatorError.Invalid("url_invalid", $"Not a valid URL: {url}", "url");
        }

        var endpoint = await call.State.SaveAsync(new()
        {
            ["id"] = SimulatorState.NewId("we_"),
            ["object"] = "webhook_endpoint",
            ["api_version"] = call.Form.Text("api_version"),
            ["application"] = null,
            ["created"] = call.State.Now,
            ["description"] = call.Form.Text("description"),
            ["enabled_events"] = Events(call.Form) ?? throw SimulatorError.Invalid("parameter_missing", "Missing required param: enabled_events.", "enabled_events"),
            ["livemode"] = false,
            ["metadata"] = call.Form.Metadata(),
            ["status"] = "enabled",
            ["url"] = url,
        });
        // Told once: it is not in what was saved.
        var told = endpoint.DeepClone().AsObject();
        told["secret"] = SimulatorState.NewId("whsec_");
        return told;
    }

    private static async Task<JsonObject> CreateDestinationAsync(SimulatorCall call)
    {
        var destination = await call.State.SaveAsync(new()
        {
            ["id"] = SimulatorState.NewId("ed_test_"),
            ["object"] = "v2.core.event_destination",
            ["description"] = call.Form.Text("description") ?? "",
            ["enabled_events"] = Events(call.Form) ?? throw SimulatorError.Invalid("parameter_missing", "Missing required param: enabled_events.", "enabled_events"),
            ["event_payload"] = call.Form.OneOf("event_payload", "snapshot", "thin"),
            ["livemode"] = false,
            ["name"] = call.Form.Required("name"),
            ["status"] = "enabled",
            ["type"] = call.Form.OneOf("type", "webhook_endpoint"),
            ["webhook_endpoint"] = new JsonObject { ["url"] = call.Form.Required("webhook_endpoint[url]") },
        });
        // Told once: it is not in what was saved.
        var told = destination.DeepClone().AsObject();
        told.Child("webhook_endpoint")["signing_secret"] = SimulatorState.NewId("whsec_");
        return told;
    }

    private static async Task<JsonObject> UpdateDestinationAsync(SimulatorCall call)
    {
        var destination = await call.State.GetAsync("v2.core.event_destination", call.Id);
        destination["enabled_events"] = Events(call.Form) ?? destination["enabled_events"]!.DeepClone();
        return await call.State.SaveAsync(destination);
    }

    private static async Task<JsonObject> UpdateEndpointAsync(SimulatorCall call)
    {
        var endpoint = await call.State.GetAsync("webhook_endpoint", call.Id);
        if (call.Form.Has("api_version"))
        {
            throw SimulatorError.Invalid("parameter_unknown", "Received unknown parameter: api_version", "api_version");
        }

        endpoint["url"] = call.Form.Text("url") ?? endpoint.Text("url");
        endpoint["enabled_events"] = Events(call.Form) ?? endpoint["enabled_events"]!.DeepClone();
        endpoint["status"] = call.Form.Flag("disabled") is { } disabled ? disabled ? "disabled" : "enabled" : endpoint.Text("status");
        return await call.State.SaveAsync(endpoint);
    }

    private static JsonArray? Events(SimulatorForm form) => form.Has("enabled_events") ? [.. form.Texts("enabled_events").Select(e => (JsonNode)e)] : null;

    private static async Task<JsonObject> SaveConfigurationAsync(SimulatorCall call, JsonObject? present)
    {
        var form = call.Form;
        var features = present?.Child("features").DeepClone().AsObject() ?? new();
        foreach (var feature in (string[])["customer_update", "invoice_history", "payment_method_update", "subscription_cancel", "subscription_update"])
        {
            if (form.Has($"features[{feature}]") || present is null)
            {
                features[feature] = Feature(form, feature);
            }
        }

        return await call.State.SaveAsync(new()
        {
            ["id"] = present?.Text("id") ?? SimulatorState.NewId("bpc_"),
            ["object"] = "billing_portal.configuration",
            ["active"] = form.Flag("active") ?? present?.Flag("active") ?? true,
            ["application"] = null,
            ["business_profile"] = new JsonObject { ["headline"] = null, ["privacy_policy_url"] = null, ["terms_of_service_url"] = null },
            ["created"] = present?.Number("created") ?? call.State.Now,
            ["default_return_url"] = form.Text("default_return_url") ?? present?.Text("default_return_url"),
            ["features"] = features,
            ["is_default"] = false,
            ["livemode"] = false,
            ["login_page"] = new JsonObject { ["enabled"] = false, ["url"] = null },
            ["metadata"] = form.Metadata(present?.Child("metadata")),
            ["name"] = null,
            ["updated"] = call.State.Now,
        });
    }

    private static JsonObject Feature(SimulatorForm form, string name)
    {
        var feature = new JsonObject { ["enabled"] = form.Flag($"features[{name}][enabled]") ?? false };
        if (name == "customer_update")
        {
            feature["allowed_updates"] = new JsonArray([.. form.Texts($"features[{name}][allowed_updates]").Select(u => (JsonNode)u)]);
        }
        else if (name == "subscription_cancel")
        {
            feature["mode"] = form.OneOf($"features[{name}][mode]", "at_period_end", "immediately") ?? "at_period_end";
        }

        return feature;
    }
}
