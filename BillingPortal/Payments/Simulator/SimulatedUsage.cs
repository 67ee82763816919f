using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace BillingPortal.Payments.Simulator;

/// <summary>One metered item over a stretch of time, to be billed by what its meter counted.</summary>
internal sealed record MeteredStretch(string Item, JsonObject Price, long Start, long End);

/// <summary>What subscriptions bill by use: in arrears, and after an hour in which late reports still count (https://docs.stripe.com/billing/subscriptions/usage-based/configure-grace-period).</summary>
internal static class SimulatedUsage
{
    private const long Grace = 3_600;

    public static bool IsMetered(JsonObject price) => price["recurring"] is JsonObject recurring && recurring.Text("usage_type") == "metered";

    /// <summary>The metered items as they stand, up to an instant.</summary>
    public static List<MeteredStretch> Of(JsonObject subscription, long until) =>
        [.. subscription.Items("items").Where(i => IsMetered(i.Child("price")))
            .Select(i => new MeteredStretch(i.Text("id")!, i.Child("price").DeepClone().AsObject(), i.Number("current_period_start"), Math.Min(until, i.Number("current_period_end"))))];

    public static async Task<List<InvoiceLineDraft>> LinesAsync(SimulatorState state, JsonObject subscription, IEnumerable<MeteredStretch> stretches)
    {
        var lines = new List<InvoiceLineDraft>();
        foreach (var stretch in stretches)
        {
            var meter = await state.GetAsync("billing.meter", stretch.Price.Child("recurring").Text("meter")!);
            var quantity = (long)(await SimulatedMeters.SumAsync(state, meter, subscription.Text("customer")!, stretch.Start, stretch.End) ?? 0m);
            var each = decimal.Parse(stretch.Price.Text("unit_amount_decimal")!, CultureInfo.InvariantCulture);
            lines.Add(new($"{quantity} × {stretch.Price.Text("nickname") ?? meter.Text("display_name")}", (long)decimal.Round(quantity * each, 0, MidpointRounding.AwayFromZero), quantity,
                stretch.Price, subscription.Text("id")!, stretch.Item, stretch.Start, stretch.End, false));
        }

        return lines;
    }

    /// <summary>A renewal's invoice waits as a draft; what its lines by use are is seen when the hour is over.</summary>
    public static async Task HoldAsync(SimulatorState state, JsonObject customer, JsonObject subscription, List<InvoiceLineDraft> lines, List<MeteredStretch> used)
    {
        var soFar = lines.Concat(await LinesAsync(state, subscription, used)).ToList();
        var draft = SimulatedInvoices.Draft(state.Now, customer, subscription, soFar, "subscription_cycle", SimulatorState.NewId("in_"), 0);
        draft["automatically_finalizes_at"] = state.Now + Grace;
        draft["_lines"] = JsonSerializer.SerializeToNode(lines);
        draft["_used"] = JsonSerializer.SerializeToNode(used);
        await state.SaveAsync(draft, "invoice.created");
        subscription["_has_draft"] = true;
        subscription["latest_invoice"] = draft.Text("id");
        await state.SaveAsync(subscription);
    }

    /// <summary>The draft that waits; null for none.</summary>
    public static async Task<JsonObject?> DraftAsync(SimulatorState state, JsonObject subscription) => !subscription.Flag("_has_draft") ? null
        : (await state.ListAsync("invoice", ("customer", subscription.Text("customer")), ("status", "draft")))
            .Where(i => SimulatedInvoices.SubscriptionOf(i) == subscription.Text("id")).MinBy(i => i.Number("automatically_finalizes_at"));

    public static async Task FinalizeAsync(SimulatorState state, JsonObject subscription, JsonObject draft, SimulatorAddress address)
    {
        var customer = await state.GetAsync("customer", subscription.Text("customer")!);
        // What was put on the bill by hand within the hour goes with it.
        var lines = draft["_lines"].Deserialize<List<InvoiceLineDraft>>()!.Concat(SimulatedBilling.Pending(subscription).Where(l => l.InvoiceItem is not null))
            .Concat(await LinesAsync(state, subscription, draft["_used"].Deserialize<List<MeteredStretch>>()!)).ToList();
        subscription["_pending"] = new JsonArray([.. SimulatedBilling.Pending(subscription).Where(l => l.InvoiceItem is null).Select(l => JsonSerializer.SerializeToNode(l))]);
        subscription["_has_draft"] = false;
        var off = await SimulatedDiscounts.OfBillAsync(state, subscription, lines.Sum(l => l.Amount), state.Now, spend: true);
        var invoice = SimulatedInvoices.Draft(draft.Number("created"), customer, subscription, lines, draft.Text("billing_reason")!, draft.Text("id")!, off);
        await state.SaveAsync(invoice);
        await SimulatedInvoices.FinalizeAsync(state, customer, subscription, invoice, address);
        await SimulatedBilling.CollectAsync(state, invoice, null);
    }

    /// <summary>At the end of a subscription: what was used and is not billed yet, at once.</summary>
    public static async Task BillLastAsync(SimulatorState state, JsonObject subscription, long until, SimulatorAddress address)
    {
        if (await DraftAsync(state, subscription) is { } draft)
        {
            await FinalizeAsync(state, subscription, draft, address);
        }

        var lines = (await LinesAsync(state, subscription, Of(subscription, until))).Where(l => l.Quantity > 0).Concat(SimulatedBilling.Pending(subscription)).ToList();
        if (lines.Count > 0 && subscription.Text("status") != "trialing")
        {
            subscription["_pending"] = new JsonArray();
            var customer = await state.GetAsync("customer", subscription.Text("customer")!);
            await SimulatedBilling.CollectAsync(state, await SimulatedInvoices.IssueAsync(state, customer, subscription, lines, "subscription_update", address), null);
        }
    }

    /// <summary>An item is taken off: what it has counted so far is billed with the change.</summary>
    public static async Task<IEnumerable<InvoiceLineDraft>> RemoveAsync(SimulatorState state, JsonObject subscription, JsonObject item, long at, string parameter)
    {
        if (!IsMetered(item.Child("price")))
        {
            throw SimulatorError.Invalid(null, "The simulator takes only metered items off.", parameter);
        }

        var stretch = new MeteredStretch(item.Text("id")!, item.Child("price").DeepClone().AsObject(), item.Number("current_period_start"), at);
        subscription.Child("items")["data"]!.AsArray().Remove(item);
        return subscription.Text("status") == "trialing" ? [] : (await LinesAsync(state, subscription, [stretch])).Where(l => l.Quantity > 0);
    }

    /// <summary>An item is added: it counts from now on, and turns with the others.</summary>
    public static async Task AddAsync(SimulatorState state, JsonObject subscription, string priceId, string parameter, long at)
    {
        var price = await SimulatedSubscriptions.RecurringPriceAsync(state, priceId, parameter);
        if (!IsMetered(price))
        {
            throw SimulatorError.Invalid(null, "The simulator adds only metered items.", parameter);
        }

        var end = subscription.Items("items").First().Number("current_period_end");
        subscription.Child("items")["data"]!.AsArray().Add(SimulatedSubscriptions.Item(at, subscription.Text("id")!, price, 0, end));
    }

    /// <summary>Other metered items instead of the present ones, from a border on.</summary>
    public static async Task ReplaceAsync(SimulatorState state, JsonObject subscription, IReadOnlyList<string> prices, long border)
    {
        var all = subscription.Child("items")["data"]!.AsArray();
        foreach (var old in subscription.Items("items").Where(i => IsMetered(i.Child("price"))).ToList())
        {
            all.Remove(old);
        }

        foreach (var id in prices)
        {
            // Its period ends at the border, so that it turns there with the others.
            all.Add(SimulatedSubscriptions.Item(border, subscription.Text("id")!, await state.GetAsync("price", id), 0, border));
        }
    }
}

/// <summary>Items put on a customer's next bill by hand.</summary>
internal static class SimulatedInvoiceItems
{
    private const string Path = "/v1/invoiceitems";

    public static void Map(SimulatorApi api)
    {
        api.Get(Path, async c => SimulatorApi.Page(c, await c.State.ListAsync("invoiceitem", ("customer", c.Form.Text("customer"))), Path), "customer", "invoice", "pending");
        api.Get(Path + "/{id}", async c => await c.State.GetAsync("invoiceitem", c.Id));
        api.Post(Path, CreateAsync, "customer", "subscription", "amount", "currency", "description", "metadata", "period", "discountable");
    }

    private static async Task<JsonObject> CreateAsync(SimulatorCall call)
    {
        var (state, form) = (call.State, call.Form);
        var customer = await state.GetAsync("customer", form.Required("customer"), "customer");
        await state.UseClockOfAsync(customer);
        var amount = form.Integer("amount", 99_999_999) ?? throw SimulatorError.Invalid("parameter_missing", "Missing required param: amount.", "amount");
        var subscription = form.Text("subscription") is { } id ? await state.GetAsync("subscription", id, "subscription") : await FirstAsync(state, customer);
        var item = new JsonObject
        {
            ["id"] = SimulatorState.NewId("ii_"),
            ["object"] = "invoiceitem",
            ["amount"] = amount,
            ["created"] = state.Now,
            ["currency"] = form.Required("currency"),
            ["customer"] = customer.Text("id"),
            ["date"] = state.Now,
            ["description"] = form.Text("description"),
            ["discountable"] = form.Flag("discountable") ?? amount >= 0,
            ["discounts"] = new JsonArray(),
            ["invoice"] = null,
            ["livemode"] = false,
            ["metadata"] = form.Metadata(),
            ["net_amount"] = amount,
            ["parent"] = subscription is null ? null : new JsonObject { ["subscription_details"] = new JsonObject { ["subscription"] = subscription.Text("id"), ["subscription_item"] = null }, ["type"] = "subscription_details" },
            ["period"] = new JsonObject { ["end"] = state.Now, ["start"] = state.Now },
            ["proration"] = false,
            ["quantity"] = 1,
            ["tax_rates"] = new JsonArray(),
            ["test_clock"] = customer.Text("test_clock"),
        };
        await state.SaveAsync(item, "invoiceitem.created");
        if (subscription is not null)
        {
            // A one-time amount: no price of the catalog stands behind it.
            var price = new JsonObject { ["id"] = null, ["product"] = null, ["currency"] = item.Text("currency"), ["unit_amount_decimal"] = amount.ToString(CultureInfo.InvariantCulture) };
            subscription["_pending"]!.AsArray().Add(JsonSerializer.SerializeToNode(
                new InvoiceLineDraft(item.Text("description") ?? "", amount, 1, price, subscription.Text("id")!, "", state.Now, state.Now, false, item.Text("id"), item.Child("metadata"))));
            await state.SaveAsync(subscription);
        }

        return item;
    }

    private static async Task<JsonObject?> FirstAsync(SimulatorState state, JsonObject customer) =>
        (await state.ListAsync("subscription", ("customer", customer.Text("id")))).FirstOrDefault(s => s.Text("status") is "active" or "trialing" or "past_due");
}
