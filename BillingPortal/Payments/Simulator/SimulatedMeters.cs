using System.Globalization;
using System.Text.Json.Nodes;

namespace BillingPortal.Payments.Simulator;

/// <summary>Meters, the events reported to them, and what those come to.</summary>
internal static class SimulatedMeters
{
    private const long Day = 86_400;
    private const string Path = "/v1/billing/meters";
    private static readonly string[] MeterParameters = ["display_name", "event_name", "default_aggregation", "customer_mapping", "value_settings", "event_time_window"];

    public static void Map(SimulatorApi api)
    {
        api.Get(Path, async c => SimulatorApi.Page(c, await c.State.ListAsync("billing.meter", ("status", c.Form.Text("status"))), Path), "status");
        api.Post(Path, CreateAsync, MeterParameters);
        api.Get(Path + "/{id}", async c => await c.State.GetAsync("billing.meter", c.Id));
        api.Post(Path + "/{id}", UpdateAsync, "display_name");
        api.Post(Path + "/{id}/deactivate", c => SwitchAsync(c, "inactive", "billing.meter.deactivated"));
        api.Post(Path + "/{id}/reactivate", c => SwitchAsync(c, "active", "billing.meter.reactivated"));
        api.Get(Path + "/{id}/event_summaries", SummarizeAsync, "customer", "start_time", "end_time", "value_grouping_window");
        api.Post("/v1/billing/meter_events", ReportAsync, "event_name", "payload", "identifier", "timestamp");
    }

    private static async Task<JsonObject> CreateAsync(SimulatorCall call)
    {
        var name = call.Form.Required("event_name");
        call.Form.Required("display_name");
        call.Form.Required("default_aggregation[formula]");
        await RequireFreeAsync(call.State, name);
        return await call.State.SaveAsync(
            new()
            {
                ["id"] = SimulatorState.NewId("mtr_"),
                ["object"] = "billing.meter",
                ["created"] = call.State.Now,
                ["customer_mapping"] = new JsonObject { ["event_payload_key"] = call.Form.Text("customer_mapping[event_payload_key]") ?? "stripe_customer_id", ["type"] = "by_id" },
                ["default_aggregation"] = new JsonObject { ["formula"] = call.Form.OneOf("default_aggregation[formula]", "sum", "count", "last") },
                ["display_name"] = call.Form.Text("display_name"),
                ["event_name"] = name,
                ["event_time_window"] = call.Form.OneOf("event_time_window", "day", "hour"),
                ["livemode"] = false,
                ["status"] = "active",
                ["status_transitions"] = new JsonObject { ["deactivated_at"] = null },
                ["updated"] = call.State.Now,
                ["value_settings"] = new JsonObject { ["event_payload_key"] = call.Form.Text("value_settings[event_payload_key]") ?? "value" },
            },
            "billing.meter.created");
    }

    private static async Task RequireFreeAsync(SimulatorState state, string name)
    {
        if (await FindAsync(state, name) is not null)
        {
            throw SimulatorError.Invalid(null, $"There is an active meter with event name {name} already.", "event_name");
        }
    }

    private static async Task<JsonObject?> FindAsync(SimulatorState state, string name) =>
        (await state.ListAsync("billing.meter", ("event_name", name), ("status", "active"))).FirstOrDefault();

    private static async Task<JsonObject> UpdateAsync(SimulatorCall call)
    {
        var meter = await call.State.GetAsync("billing.meter", call.Id);
        meter["display_name"] = call.Form.Text("display_name") ?? meter.Text("display_name");
        return await call.State.SaveAsync(meter, "billing.meter.updated", []);
    }

    private static async Task<JsonObject> SwitchAsync(SimulatorCall call, string status, string told)
    {
        var meter = await call.State.GetAsync("billing.meter", call.Id);
        if (status == "active")
        {
            await RequireFreeAsync(call.State, meter.Text("event_name")!);
        }

        meter["status"] = status;
        meter.Child("status_transitions")["deactivated_at"] = status == "active" ? null : call.State.Now;
        return await call.State.SaveAsync(meter, told);
    }

    /// <summary>Accepted or refused by form, identifier and time; what is wrong in it otherwise is told by a thin event, and not counted.</summary>
    private static async Task<JsonObject> ReportAsync(SimulatorCall call)
    {
        var (state, form) = (call.State, call.Form);
        var name = form.Required("event_name");
        var payload = form.Metadata(name: "payload");
        if (payload.Text("stripe_customer_id") is { } id && await state.FindAsync("customer", id) is { } known)
        {
            await state.UseClockOfAsync(known);
        }

        var timestamp = form.Integer("timestamp") ?? state.Now;
        if (timestamp > state.Now + 300 || timestamp < state.Now - (35 * Day))
        {
            throw SimulatorError.Invalid(timestamp > state.Now ? "timestamp_in_future" : "timestamp_too_far_in_past", "The timestamp must be within the past 35 calendar days or up to 5 minutes in the future.", "timestamp");
        }

        var identifier = form.Text("identifier") ?? SimulatorState.NewId("");
        if (identifier.Length > 100)
        {
            throw SimulatorError.Invalid(null, "Invalid identifier: at most 100 characters.", "identifier");
        }

        var kept = $"meter_event:{identifier}";
        if (await state.FindAsync("billing.meter_event", kept) is { } before)
        {
            if (before.Number("created") > state.Now - Day)
            {
                throw SimulatorError.Invalid(null, $"An event already exists with identifier {identifier}.");
            }

            kept = SimulatorState.NewId("meter_event:");
        }

        var meter = await FindAsync(state, name);
        var wrong = await WhatIsWrongAsync(state, meter, payload);
        var saved = await state.SaveAsync(new()
        {
            ["id"] = kept,
            ["object"] = "billing.meter_event",
            ["created"] = state.Now,
            ["customer"] = wrong is null ? Customer(meter!, payload) : null,
            ["event_name"] = name,
            ["identifier"] = identifier,
            ["livemode"] = false,
            ["payload"] = payload,
            ["timestamp"] = timestamp,
        });
        if (wrong is { } error)
        {
            await TellAsync(state, meter, identifier, error);
        }

        var answer = saved.DeepClone().AsObject();
        answer.Remove("id");
        answer.Remove("customer");
        return answer;
    }

    private static string? Customer(JsonObject meter, JsonObject payload) => payload.Text(meter.Child("customer_mapping").Text("event_payload_key")!);

    private static string? Value(JsonObject meter, JsonObject payload) => payload.Text(meter.Child("value_settings").Text("event_payload_key")!);

    private static async Task<(string Code, string Message)?> WhatIsWrongAsync(SimulatorState state, JsonObject? meter, JsonObject payload) =>
        meter is null ? ("no_meter", "No active meter takes events of this name.")
        : Customer(meter, payload) is not { } customer ? ("meter_event_no_customer_defined", "The payload names no customer.")
        : await state.FindAsync("customer", customer) is not { } found || found.Flag("deleted") ? ("meter_event_customer_not_found", $"No customer {customer} exists.")
        : !decimal.TryParse(Value(meter, payload), NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out _) ? ("meter_event_invalid_value", "The value is no number.")
        : null;

    private static Task TellAsync(SimulatorState state, JsonObject? meter, string identifier, (string Code, string Message) error) => state.EmitThinAsync(
        meter is null ? "v1.billing.meter.no_meter_found" : "v1.billing.meter.error_report_triggered", meter, meter is null ? null : $"{Path}/{meter.Text("id")}", new()
        {
            ["developer_message_summary"] = $"There is 1 invalid event: {error.Message}",
            ["reason"] = new JsonObject
            {
                ["error_count"] = 1,
                ["error_types"] = new JsonArray(new JsonObject
                {
                    ["code"] = error.Code,
                    ["error_count"] = 1,
                    ["sample_errors"] = new JsonArray(new JsonObject { ["error_message"] = error.Message, ["request"] = new JsonObject { ["identifier"] = identifier } }),
                }),
            },
            ["validation_end"] = null,
            ["validation_start"] = null,
        });

    private static async Task<JsonObject> SummarizeAsync(SimulatorCall call)
    {
        var meter = await call.State.GetAsync("billing.meter", call.Id);
        var customer = call.Form.Required("customer");
        var start = Minute(call.Form, "start_time");
        var end = Minute(call.Form, "end_time");
        var value = await SumAsync(call.State, meter, customer, start, end);
        return JsonFields.ListOf(value is not { } sum ? [] : [new()
        {
            ["id"] = SimulatorState.NewId("mtrusg_"),
            ["object"] = "billing.meter_event_summary",
            ["aggregated_value"] = sum,
            ["end_time"] = end,
            ["livemode"] = false,
            ["meter"] = call.Id,
            ["start_time"] = start,
        }], $"{Path}/{call.Id}/event_summaries");
    }

    private static long Minute(SimulatorForm form, string name)
    {
        var at = form.Integer(name) ?? throw SimulatorError.Invalid("parameter_missing", $"Missing required param: {name}.", name);
        return at % 60 == 0 ? at : throw SimulatorError.Invalid(null, $"{name} must be aligned with minute boundaries.", name);
    }

    /// <summary>What a customer's events from <paramref name="start"/> on and before <paramref name="end"/> come to; null where there are none.</summary>
    public static async Task<decimal?> SumAsync(SimulatorState state, JsonObject meter, string customer, long start, long end)
    {
        var key = meter.Child("value_settings").Text("event_payload_key");
        var formula = meter.Child("default_aggregation").Text("formula") switch
        {
            "count" => "count(*)::numeric",
            "last" => "(array_agg((body -> 'payload' ->> $3)::numeric order by seq desc))[1]",
            _ => "sum((body -> 'payload' ->> $3)::numeric)",
        };
        await using var command = state.Command(
            $"select case when count(*) > 0 then {formula} end from simulator_objects where customer = $1 and type = 'billing.meter_event' and body ->> 'event_name' = $2 and (body ->> 'timestamp')::bigint >= $4 and (body ->> 'timestamp')::bigint < $5 and $3::text is not null",
            customer, meter.Text("event_name"), key, start, end);
        return await command.ExecuteScalarAsync() is decimal sum ? sum : null;
    }
}
