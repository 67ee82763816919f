using System.Text.Json.Nodes;

namespace BillingPortal.Payments.Simulator;

/// <summary>Subscriptions as resources; what they bill, and when, stands in <see cref="SimulatedBilling"/>.</summary>
internal static class SimulatedSubscriptions
{
    public static void Map(SimulatorApi api)
    {
        api.Post("/v1/subscriptions", CreateAsync, "customer", "items", "metadata", "trial_period_days", "payment_behavior", "default_payment_method", "off_session", "proration_behavior", "discounts");
        api.Post("/v1/subscriptions/{id}/pause", PauseAsync, "type", "bill_for", "invoicing_behavior");
        api.Post("/v1/subscriptions/{id}/resume", ResumeAsync, "billing_cycle_anchor", "proration_behavior", "payment_behavior", "proration_date");
        api.Get("/v1/subscriptions", ListAsync, "customer", "status", "price", "test_clock");
        api.Get("/v1/subscriptions/{id}", async c => await c.State.GetAsync("subscription", c.Id));
        api.Post("/v1/subscriptions/{id}", UpdateAsync, "items", "metadata", "proration_behavior", "proration_date", "payment_behavior", "cancel_at_period_end", "cancellation_details", "trial_end", "default_payment_method", "off_session");
        api.Delete("/v1/subscriptions/{id}", CancelAsync, "invoice_now", "prorate", "cancellation_details");
    }

    private static async Task<JsonObject> ListAsync(SimulatorCall call)
    {
        var status = call.Form.Text("status");
        var all = (await call.State.ListAsync("subscription", ("customer", call.Form.Text("customer"))))
            .Where(s => status switch
            {
                "all" => true,
                null => s.Text("status") != "canceled",
                "ended" => s.Text("status") is "canceled" or "incomplete_expired",
                _ => s.Text("status") == status,
            });
        return SimulatorApi.Page(call, all, "/v1/subscriptions");
    }

    private static async Task<JsonObject> CreateAsync(SimulatorCall call)
    {
        var form = call.Form;
        var customer = await call.State.GetAsync("customer", form.Required("customer"), "customer");
        await call.State.UseClockOfAsync(customer);
        var lines = new List<(JsonObject Price, long Quantity)>();
        foreach (var item in form.Items("items"))
        {
            lines.Add((await RecurringPriceAsync(call.State, form.Required($"{item}[price]"), $"{item}[price]"), Math.Max(0, form.Integer($"{item}[quantity]", 999_999) ?? 1)));
        }

        if (lines.Count == 0)
        {
            throw SimulatorError.Invalid("parameter_missing", "Missing required param: items.", "items");
        }

        var subscription = New(call.State, customer, lines, form.Metadata(), form.Integer("trial_period_days", 730), form.Text("default_payment_method"));
        if (await SimulatedDiscounts.AskedAsync(call.State, form) is var (coupon, code))
        {
            subscription["discounts"] = new JsonArray((await SimulatedDiscounts.RedeemAsync(call.State, coupon, code, subscription.Text("id"))).Text("id"));
        }

        await call.State.SaveAsync(subscription);
        var attempt = await SimulatedBilling.FirstInvoiceAsync(call.State, customer, subscription, null, call.Address);
        if (attempt is { Succeeded: false } && form.Text("payment_behavior") == "error_if_incomplete")
        {
            throw SimulatorError.Refused(attempt);
        }

        await call.State.EmitAsync("customer.subscription.created", subscription);
        return subscription;
    }

    public static async Task<JsonObject> RecurringPriceAsync(SimulatorState state, string id, string parameter)
    {
        var price = await state.GetAsync("price", id, parameter);
        return !price.Flag("active") ? throw SimulatorError.Invalid("resource_missing", "This price is not active.", parameter)
            : price["recurring"] is null ? throw SimulatorError.Invalid(null, "The price specified is set to `type=one_time` but this field only accepts prices with `type=recurring`.", parameter)
            : price;
    }

    public static JsonObject New(SimulatorState state, JsonObject customer, IReadOnlyList<(JsonObject Price, long Quantity)> lines, JsonObject metadata, long? trialDays, string? method)
    {
        var id = SimulatorState.NewId("sub_");
        var trialEnd = trialDays > 0 ? state.Now + (trialDays * 86_400) : null;
        var end = trialEnd ?? SimulatedBilling.NextBorder(state.Now, lines[0].Price, state.Now);
        return new()
        {
            ["id"] = id,
            ["object"] = "subscription",
            ["application"] = null,
            ["application_fee_percent"] = null,
            ["automatic_tax"] = new JsonObject { ["disabled_reason"] = null, ["enabled"] = false, ["liability"] = null },
            ["billing_cycle_anchor"] = trialEnd ?? state.Now,
            ["billing_cycle_anchor_config"] = null,
            ["billing_mode"] = new JsonObject { ["flexible"] = new JsonObject { ["proration_discounts"] = "included" }, ["type"] = "flexible" },
            ["billing_schedules"] = new JsonArray(),
            ["billing_thresholds"] = null,
            ["cancel_at"] = null,
            ["cancel_at_period_end"] = false,
            ["canceled_at"] = null,
            ["cancellation_details"] = new JsonObject { ["comment"] = null, ["feedback"] = null, ["reason"] = null },
            ["collection_method"] = "charge_automatically",
            ["created"] = state.Now,
            ["currency"] = lines[0].Price.Text("currency"),
            ["customer"] = customer.Text("id"),
            ["customer_account"] = null,
            ["days_until_due"] = null,
            ["default_payment_method"] = method,
            ["default_source"] = null,
            ["default_tax_rates"] = new JsonArray(),
            ["description"] = null,
            ["discounts"] = new JsonArray(),
            ["ended_at"] = null,
            ["invoice_settings"] = new JsonObject { ["account_tax_ids"] = null, ["issuer"] = new JsonObject { ["type"] = "self" } },
            ["items"] = JsonFields.ListOf(lines.Select(l => Item(state.Now, id, l.Price, l.Quantity, end)), $"/v1/subscription_items?subscription={id}"),
            ["latest_invoice"] = null,
            ["livemode"] = false,
            ["managed_payments"] = null,
            ["metadata"] = metadata,
            ["next_pending_invoice_item_invoice"] = null,
            ["on_behalf_of"] = null,
            ["pause_collection"] = null,
            ["payment_settings"] = new JsonObject { ["payment_method_options"] = null, ["payment_method_types"] = null, ["save_default_payment_method"] = "off" },
            ["pending_invoice_item_interval"] = null,
            ["pending_setup_intent"] = null,
            ["pending_update"] = null,
            ["schedule"] = null,
            ["start_date"] = state.Now,
            ["status"] = trialEnd is null ? "incomplete" : "trialing",
            ["test_clock"] = customer.Text("test_clock"),
            ["transfer_data"] = null,
            ["trial_end"] = trialEnd,
            ["trial_settings"] = new JsonObject { ["end_behavior"] = new JsonObject { ["missing_payment_method"] = "create_invoice" } },
            ["trial_start"] = trialEnd is null ? null : state.Now,
            ["_pending"] = new JsonArray(),
        };
    }

    /// <summary>What is billed by use has no quantity.</summary>
    public static JsonObject Item(long now, string subscription, JsonObject price, long quantity, long end)
    {
        var item = Item(now, subscription, price, end);
        if (!SimulatedUsage.IsMetered(price))
        {
            item["quantity"] = quantity;
        }

        return item;
    }

    private static JsonObject Item(long now, string subscription, JsonObject price, long end) => new()
    {
        ["id"] = SimulatorState.NewId("si_"),
        ["object"] = "subscription_item",
        ["billing_thresholds"] = null,
        ["created"] = now,
        ["current_period_end"] = end,
        ["current_period_start"] = now,
        ["current_trial"] = null,
        ["discounts"] = new JsonArray(),
        ["metadata"] = new JsonObject(),
        ["plan"] = PlanOf(price),
        ["price"] = price.DeepClone(),
        ["subscription"] = subscription,
        ["tax_rates"] = new JsonArray(),
    };

    public static void SetPrice(JsonObject item, JsonObject price) => (item["plan"], item["price"]) = (PlanOf(price), price.DeepClone());

    /// <summary>The older name of a price, which items still carry beside it.</summary>
    private static JsonObject PlanOf(JsonObject price) => new()
    {
        ["id"] = price.Text("id"),
        ["object"] = "plan",
        ["active"] = price.Flag("active"),
        ["amount"] = price.Number("unit_amount"),
        ["amount_decimal"] = price.Text("unit_amount_decimal"),
        ["billing_scheme"] = "per_unit",
        ["created"] = price.Number("created"),
        ["currency"] = price.Text("currency"),
        ["interval"] = price.Child("recurring").Text("interval"),
        ["interval_count"] = price.Child("recurring").Number("interval_count"),
        ["livemode"] = false,
        ["metadata"] = new JsonObject(),
        ["meter"] = price.Child("recurring").Text("meter"),
        ["nickname"] = price.Text("nickname"),
        ["product"] = price.Text("product"),
        ["tiers_mode"] = null,
        ["transform_usage"] = null,
        ["trial_period_days"] = null,
        ["usage_type"] = price.Child("recurring").Text("usage_type") ?? "licensed",
    };

    private static async Task<JsonObject> UpdateAsync(SimulatorCall call)
    {
        var (state, form) = (call.State, call.Form);
        var subscription = await state.GetAsync("subscription", call.Id);
        if (subscription.Text("status") is "canceled" or "incomplete_expired")
        {
            throw SimulatorError.Invalid(null, "A canceled subscription can only update its cancellation_details and metadata.");
        }

        var customer = await state.GetAsync("customer", subscription.Text("customer")!, "customer");
        await state.UseClockOfAsync(customer);
        var before = subscription.DeepClone().AsObject();
        SetCancellation(state, subscription, form);
        subscription["metadata"] = form.Metadata(subscription.Child("metadata"));
        if (form.Text("default_payment_method") is { } method)
        {
            await state.GetAsync("payment_method", method, "default_payment_method");
            subscription["default_payment_method"] = method;
        }

        if (form.Has("items"))
        {
            await SimulatedProration.ChangeAsync(call, customer, subscription);
        }

        return await state.SaveAsync(subscription, "customer.subscription.updated", Difference(before, subscription));
    }

    private static void SetCancellation(SimulatorState state, JsonObject subscription, SimulatorForm form)
    {
        if (form.Flag("cancel_at_period_end") is not { } atEnd)
        {
            return;
        }

        if (subscription.Text("schedule") is { } schedule)
        {
            throw SimulatorError.Invalid(null, $"The subscription is managed by the subscription schedule `{schedule}`, and updating any cancelation behavior directly is not allowed.", "cancel_at_period_end");
        }

        subscription["cancel_at_period_end"] = atEnd;
        subscription["cancel_at"] = atEnd ? subscription.Items("items").First().Number("current_period_end") : null;
        subscription["canceled_at"] = atEnd ? state.Now : null;
        subscription.Child("cancellation_details")["reason"] = atEnd ? "cancellation_requested" : null;
    }

    /// <summary>The top-level fields that changed, as they were.</summary>
    public static JsonObject Difference(JsonObject before, JsonObject after) =>
        new(before.Where(p => !JsonNode.DeepEquals(p.Value, after[p.Key])).Select(p => KeyValuePair.Create(p.Key, p.Value?.DeepClone())));

    private static async Task<JsonObject> CancelAsync(SimulatorCall call)
    {
        var subscription = await call.State.GetAsync("subscription", call.Id);
        if (subscription.Text("status") == "canceled")
        {
            throw SimulatorError.Missing("subscription", call.Id, null);
        }

        await call.State.UseClockOfAsync(await call.State.GetAsync("customer", subscription.Text("customer")!));
        if (call.Form.Flag("invoice_now") == true)
        {
            await SimulatedUsage.BillLastAsync(call.State, subscription, call.State.Now, call.Address);
        }

        return await EndAsync(call.State, subscription, "cancellation_requested");
    }

    private static async Task<JsonObject> PauseAsync(SimulatorCall call)
    {
        var subscription = await call.State.GetAsync("subscription", call.Id);
        if (subscription.Text("status") is not ("active" or "trialing" or "past_due"))
        {
            throw SimulatorError.Invalid("status_transition_invalid", $"A subscription that is {subscription.Text("status")} cannot be paused.");
        }

        await call.State.UseClockOfAsync(await call.State.GetAsync("customer", subscription.Text("customer")!));
        subscription["status"] = "paused";
        subscription["status_details"] = new JsonObject { ["paused"] = new JsonObject { ["subscription"] = new JsonObject { ["type"] = "api" }, ["transitioned_at"] = call.State.Now } };
        return await call.State.SaveAsync(subscription, "customer.subscription.paused");
    }

    /// <summary>The first bill decides: unpaid, it stays paused.</summary>
    private static async Task<JsonObject> ResumeAsync(SimulatorCall call)
    {
        var subscription = await call.State.GetAsync("subscription", call.Id);
        if (subscription.Text("status") != "paused")
        {
            throw SimulatorError.Invalid("status_transition_invalid", "Only a paused subscription can be resumed.");
        }

        var customer = await call.State.GetAsync("customer", subscription.Text("customer")!);
        await call.State.UseClockOfAsync(customer);
        subscription["status"] = "active";
        subscription.Remove("status_details");
        subscription["billing_cycle_anchor"] = call.State.Now;
        foreach (var item in subscription.Items("items"))
        {
            item["current_period_start"] = call.State.Now;
            item["current_period_end"] = SimulatedBilling.NextBorder(call.State.Now, item.Child("price"), call.State.Now);
        }

        await call.State.SaveAsync(subscription);
        var lines = subscription.Items("items").Where(i => !SimulatedUsage.IsMetered(i.Child("price"))).Select(i => SimulatedBilling.Line(subscription, i, SimulatedBilling.Price(i) * i.Number("quantity"), i.Number("current_period_start"), i.Number("current_period_end"), null)).ToList();
        var invoice = await SimulatedInvoices.IssueAsync(call.State, customer, subscription, lines, "subscription_update", call.Address);
        if (await SimulatedBilling.CollectAsync(call.State, invoice, null) is { Succeeded: false } attempt)
        {
            throw SimulatorError.Refused(attempt);
        }

        return await call.State.SaveAsync(subscription, "customer.subscription.resumed");
    }

    /// <summary>Ends it now; open invoices are no longer collected.</summary>
    public static async Task<JsonObject> EndAsync(SimulatorState state, JsonObject subscription, string reason)
    {
        if (subscription.Text("schedule") is { } scheduled && await state.FindAsync("subscription_schedule", scheduled) is { } schedule)
        {
            (schedule["status"], schedule["canceled_at"], schedule["subscription"], subscription["schedule"]) = ("canceled", state.Now, null, null);
            await state.SaveAsync(schedule, "subscription_schedule.canceled");
        }

        subscription["status"] = "canceled";
        subscription["canceled_at"] ??= state.Now;
        subscription["ended_at"] = state.Now;
        subscription.Child("cancellation_details")["reason"] = reason;
        foreach (var invoice in (await state.ListAsync("invoice", ("customer", subscription.Text("customer")), ("status", "open")))
            .Where(i => SimulatedInvoices.SubscriptionOf(i) == subscription.Text("id")))
        {
            invoice["auto_advance"] = false;
            invoice["next_payment_attempt"] = null;
            await state.SaveAsync(invoice);
        }

        return await state.SaveAsync(subscription, "customer.subscription.deleted");
    }
}
