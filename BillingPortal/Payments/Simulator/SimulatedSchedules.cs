using System.Text.Json.Nodes;

namespace BillingPortal.Payments.Simulator;

/// <summary>Subscription schedules: phases that change what a subscription costs at its next border.</summary>
internal static class SimulatedSchedules
{
    public static void Map(SimulatorApi api)
    {
        api.Post("/v1/subscription_schedules", CreateAsync, "from_subscription", "metadata");
        api.Get("/v1/subscription_schedules", async c => SimulatorApi.Page(c, await c.State.ListAsync("subscription_schedule", ("customer", c.Form.Text("customer"))), "/v1/subscription_schedules"), "customer");
        api.Get("/v1/subscription_schedules/{id}", async c => await c.State.GetAsync("subscription_schedule", c.Id));
        api.Post("/v1/subscription_schedules/{id}", UpdateAsync, "phases", "end_behavior", "proration_behavior", "metadata");
        api.Post("/v1/subscription_schedules/{id}/release", async c => await ReleaseAsync(c.State, await LiveAsync(c), await SubscriptionAsync(c.State, await LiveAsync(c)), "released"));
    }

    private static async Task<JsonObject> CreateAsync(SimulatorCall call)
    {
        var subscription = await call.State.GetAsync("subscription", call.Form.Required("from_subscription"), "from_subscription");
        if (subscription.Text("schedule") is not null)
        {
            throw SimulatorError.Invalid(null, "You cannot migrate a subscription that is already attached to a schedule.", "from_subscription");
        }

        if (subscription.Text("status") is "canceled" or "incomplete_expired")
        {
            throw SimulatorError.Invalid(null, "You cannot migrate a subscription that is canceled.", "from_subscription");
        }

        var schedule = New(call.State, subscription);
        subscription["schedule"] = schedule.Text("id");
        await call.State.SaveAsync(subscription);
        return await call.State.SaveAsync(schedule, "subscription_schedule.created");
    }

    private static JsonObject New(SimulatorState state, JsonObject subscription)
    {
        var item = subscription.Items("items").First();
        return new()
        {
            ["id"] = SimulatorState.NewId("sub_sched_"),
            ["object"] = "subscription_schedule",
            ["application"] = null,
            ["billing_mode"] = subscription.Child("billing_mode").DeepClone(),
            ["canceled_at"] = null,
            ["completed_at"] = null,
            ["created"] = state.Now,
            ["current_phase"] = new JsonObject { ["start_date"] = item.Number("current_period_start"), ["end_date"] = item.Number("current_period_end") },
            ["customer"] = subscription.Text("customer"),
            ["customer_account"] = null,
            ["default_settings"] = new JsonObject(),
            ["end_behavior"] = "release",
            ["livemode"] = false,
            ["metadata"] = new JsonObject(),
            ["pause_schedules"] = new JsonArray(),
            ["phases"] = new JsonArray(Phase([.. subscription.Items("items").Select(i => (i.Child("price").Text("id")!, i.NumberOrNull("quantity")))], item.Number("current_period_start"), item.Number("current_period_end"), null)),
            ["released_at"] = null,
            ["released_subscription"] = null,
            ["status"] = "active",
            ["subscription"] = subscription.Text("id"),
            ["test_clock"] = subscription.Text("test_clock"),
        };
    }

    private static JsonObject Phase(IReadOnlyList<(string Price, long? Quantity)> items, long start, long end, string? proration) => new()
    {
        ["start_date"] = start,
        ["end_date"] = end,
        ["items"] = new JsonArray([.. items.Select(i => new JsonObject { ["price"] = i.Price, ["quantity"] = i.Quantity, ["metadata"] = new JsonObject() })]),
        ["proration_behavior"] = proration ?? "create_prorations",
        ["metadata"] = new JsonObject(),
    };

    private static async Task<JsonObject> LiveAsync(SimulatorCall call)
    {
        var schedule = await call.State.GetAsync("subscription_schedule", call.Id);
        return schedule.Text("status") is "active" or "not_started" ? schedule : throw SimulatorError.Invalid(null, $"This schedule is {schedule.Text("status")} and cannot be changed.");
    }

    private static async Task<JsonObject> SubscriptionAsync(SimulatorState state, JsonObject schedule) => await state.GetAsync("subscription", schedule.Text("subscription")!);

    private static async Task<JsonObject> UpdateAsync(SimulatorCall call)
    {
        var (state, form) = (call.State, call.Form);
        var schedule = await LiveAsync(call);
        schedule["end_behavior"] = form.OneOf("end_behavior", "release", "cancel") ?? schedule.Text("end_behavior");
        var phases = new JsonArray();
        long? previous = null;
        foreach (var given in form.Items("phases"))
        {
            var price = await SimulatedSubscriptions.RecurringPriceAsync(state, form.Required($"{given}[items][0][price]"), $"{given}[items][0][price]");
            var start = form.Integer($"{given}[start_date]") ?? previous ?? schedule["phases"]!.AsArray()[0]!.AsObject().Number("start_date");
            var end = form.Integer($"{given}[end_date]") ?? SimulatedBilling.NextBorder(start, price, start);
            if (end <= start || (previous is { } border && start != border))
            {
                throw SimulatorError.Invalid(null, "Phases follow one another without gaps.", $"{given}[start_date]");
            }

            previous = end;
            var items = new List<(string, long?)>();
            foreach (var item in form.Items($"{given}[items]"))
            {
                var each = await SimulatedSubscriptions.RecurringPriceAsync(state, form.Required($"{item}[price]"), $"{item}[price]");
                items.Add((each.Text("id")!, SimulatedUsage.IsMetered(each) ? null : Math.Max(1, form.Integer($"{item}[quantity]", 999_999) ?? 1)));
            }

            phases.Add(Phase(items, start, end, form.Text($"{given}[proration_behavior]")));
        }

        if (phases.Count > 0)
        {
            schedule["phases"] = phases;
        }

        await state.SaveAsync(schedule, "subscription_schedule.updated", []);
        return schedule;
    }

    public static async Task<JsonObject> ReleaseAsync(SimulatorState state, JsonObject schedule, JsonObject subscription, string status)
    {
        schedule["status"] = status;
        schedule["released_at"] = state.Now;
        schedule["released_subscription"] = subscription.Text("id");
        schedule["subscription"] = null;
        schedule["current_phase"] = null;
        subscription["schedule"] = null;
        await state.SaveAsync(subscription, "customer.subscription.updated", new JsonObject { ["schedule"] = schedule.Text("id") });
        return await state.SaveAsync(schedule, "subscription_schedule.released");
    }

    /// <summary>At a border: the phase that begins there takes over, and the last one lets the subscription go.</summary>
    public static async Task TurnAsync(SimulatorState state, JsonObject subscription, long border)
    {
        if (subscription.Text("schedule") is not { } id || await state.FindAsync("subscription_schedule", id) is not { } schedule)
        {
            return;
        }

        var phases = schedule["phases"]!.AsArray().Select(p => p!.AsObject()).ToList();
        if (phases.Find(p => p.Number("start_date") == border) is { } begins)
        {
            var item = subscription.Items("items").First();
            var wanted = begins["items"]!.AsArray()[0]!.AsObject();
            var price = await state.GetAsync("price", wanted.Text("price")!);
            if (!JsonNode.DeepEquals(price["recurring"], item.Child("price")["recurring"]))
            {
                subscription["billing_cycle_anchor"] = border;
            }

            SimulatedSubscriptions.SetPrice(item, price);
            item["quantity"] = wanted.Number("quantity");
            await SimulatedUsage.ReplaceAsync(state, subscription, [.. begins["items"]!.AsArray().Skip(1).Select(i => i!.AsObject().Text("price")!)], border);
        }

        if (!phases.Exists(p => p.Number("start_date") > border))
        {
            await ReleaseAsync(state, schedule, subscription, "released");
        }
    }
}
