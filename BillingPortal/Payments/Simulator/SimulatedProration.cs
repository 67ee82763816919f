using System.Text.Json;
using System.Text.Json.Nodes;

namespace BillingPortal.Payments.Simulator;

/// <summary>A change of items in the middle of a period: what is given back for the unused time and what the new price takes. The preview and the bill come from the same sum.</summary>
internal static class SimulatedProration
{
    /// <param name="Lines">Of the change itself.</param>
    /// <param name="Restarts">The billing interval changed, so a new period starts now and is billed now.</param>
    private sealed record Change(List<InvoiceLineDraft> Lines, bool Restarts);

    /// <summary>Changes the items in place and bills as <c>proration_behavior</c> says.</summary>
    public static async Task ChangeAsync(SimulatorCall call, JsonObject customer, JsonObject subscription)
    {
        var (state, form) = (call.State, call.Form);
        var behavior = form.OneOf("proration_behavior", "create_prorations", "always_invoice", "none") ?? "create_prorations";
        var change = await ApplyAsync(state, form, "", subscription, form.Integer("proration_date") ?? state.Now, behavior);
        await state.SaveAsync(subscription);
        if (change.Lines.Count == 0)
        {
            return;
        }

        if (behavior == "create_prorations" && !change.Restarts)
        {
            var pending = subscription["_pending"]!.AsArray();
            change.Lines.ForEach(l => pending.Add(JsonSerializer.SerializeToNode(l)));
            await state.SaveAsync(subscription);
            return;
        }

        var lines = SimulatedBilling.Pending(subscription).Concat(change.Lines).ToList();
        subscription["_pending"] = new JsonArray();
        var invoice = await SimulatedInvoices.IssueAsync(state, customer, subscription, lines, "subscription_update", call.Address);
        var attempt = await SimulatedBilling.CollectAsync(state, invoice, null);
        if (attempt is { Succeeded: false })
        {
            if (form.Text("payment_behavior") == "error_if_incomplete")
            {
                throw SimulatorError.Refused(attempt);
            }

            subscription["status"] = "past_due";
        }
    }

    /// <summary><c>POST /v1/invoices/create_preview</c>: the next invoice, or what a change would bill. Changes nothing.</summary>
    public static async Task<JsonObject> PreviewAsync(SimulatorCall call)
    {
        var (state, form) = (call.State, call.Form);
        var id = form.Text("subscription") ?? (await state.ListAsync("subscription", ("customer", form.Required("customer")))).FirstOrDefault(s => s.Text("status") is "active" or "trialing" or "past_due")?.Text("id")
            ?? throw SimulatorError.Invalid("invoice_upcoming_none", "No upcoming invoices for customer.", null, 404);
        var subscription = (await state.GetAsync("subscription", id, "subscription")).DeepClone().AsObject();
        var customer = await state.GetAsync("customer", subscription.Text("customer")!);
        await state.UseClockOfAsync(customer);
        var behavior = form.OneOf("subscription_details[proration_behavior]", "create_prorations", "always_invoice", "none") ?? "create_prorations";
        var change = form.Has("subscription_details[items]")
            ? await ApplyAsync(state, form, "subscription_details", subscription, form.Integer("subscription_details[proration_date]") ?? state.Now, behavior)
            : new Change([], false);
        var now = change.Restarts || (behavior == "always_invoice" && change.Lines.Count > 0);
        if (!now && (subscription.Flag("cancel_at_period_end") || subscription.Text("status") == "canceled"))
        {
            throw SimulatorError.Invalid("invoice_upcoming_none", "No upcoming invoices for customer.", null, 404);
        }

        var lines = SimulatedBilling.Pending(subscription).Concat(change.Lines);
        var used = now || subscription.Text("status") == "trialing" ? [] : await SimulatedUsage.LinesAsync(state, subscription, SimulatedUsage.Of(subscription, long.MaxValue));
        var all = now ? lines.ToList() : [.. lines, .. subscription.Items("items").Where(i => !SimulatedUsage.IsMetered(i.Child("price"))).Select(i => NextPeriod(subscription, i)), .. used];
        var border = subscription.Items("items").Min(i => i.Number("current_period_end"));
        var preview = SimulatedInvoices.Draft(now ? state.Now : border, customer, subscription, all, now ? "subscription_update" : "upcoming", SimulatorState.NewId("upcoming_in_"),
            await SimulatedDiscounts.OfBillAsync(state, subscription, all.Sum(l => l.Amount), now ? state.Now : border, spend: false));
        preview["next_payment_attempt"] = now ? state.Now : border;
        return preview;
    }

    private static InvoiceLineDraft NextPeriod(JsonObject subscription, JsonObject item)
    {
        var start = item.Number("current_period_end");
        var end = SimulatedBilling.NextBorder(subscription.Number("billing_cycle_anchor"), item.Child("price"), start);
        return SimulatedBilling.Line(subscription, item, SimulatedBilling.Price(item) * item.Number("quantity"), start, end, null);
    }

    private static async Task<Change> ApplyAsync(SimulatorState state, SimulatorForm form, string under, JsonObject subscription, long at, string behavior)
    {
        var lines = new List<InvoiceLineDraft>();
        var restarts = false;
        foreach (var given in form.Items(under.Length == 0 ? "items" : $"{under}[items]"))
        {
            if (form.Text($"{given}[id]") is not { } id)
            {
                await SimulatedUsage.AddAsync(state, subscription, form.Required($"{given}[price]"), $"{given}[price]", at);
                continue;
            }

            var item = subscription.Items("items").FirstOrDefault(i => i.Text("id") == id) ?? throw SimulatorError.Missing("subscription_item", id, $"{given}[id]");
            if (form.Flag($"{given}[deleted]") == true)
            {
                lines.AddRange(await SimulatedUsage.RemoveAsync(state, subscription, item, at, $"{given}[deleted]"));
                continue;
            }

            restarts |= await ChangeItemAsync(state, form, given, subscription, item, at, behavior, lines);
        }

        return new(lines, restarts);
    }

    private static async Task<bool> ChangeItemAsync(SimulatorState state, SimulatorForm form, string given, JsonObject subscription, JsonObject item, long at, string behavior, List<InvoiceLineDraft> lines)
    {
        var old = item.DeepClone().AsObject();
        var (start, end) = (item.Number("current_period_start"), item.Number("current_period_end"));
        if (at < start || at >= end)
        {
            throw SimulatorError.Invalid(null, "proration_date must be within the current period.", "proration_date");
        }

        if (form.Text($"{given}[price]") is { } price)
        {
            SimulatedSubscriptions.SetPrice(item, await SimulatedSubscriptions.RecurringPriceAsync(state, price, $"{given}[price]"));
        }

        item["quantity"] = form.Integer($"{given}[quantity]", 999_999) ?? item.Number("quantity");
        var restarts = !JsonNode.DeepEquals(old.Child("price")["recurring"], item.Child("price")["recurring"]) && subscription.Text("status") != "trialing";
        var share = (decimal)(end - at) / (end - start);
        if (behavior != "none" && subscription.Text("status") != "trialing" && !JsonNode.DeepEquals(old, item))
        {
            Add(lines, SimulatedBilling.Line(subscription, old, -Part(old, share), at, end, "Unused time on", proration: true));
            if (!restarts)
            {
                Add(lines, SimulatedBilling.Line(subscription, item, Part(item, share), at, end, "Remaining time on", proration: true));
            }
        }

        if (restarts)
        {
            subscription["billing_cycle_anchor"] = at;
            item["current_period_start"] = at;
            item["current_period_end"] = SimulatedBilling.NextBorder(at, item.Child("price"), at);
            lines.Add(SimulatedBilling.Line(subscription, item, SimulatedBilling.Price(item) * item.Number("quantity"), at, item.Number("current_period_end"), null));
        }

        return restarts;
    }

    private static void Add(List<InvoiceLineDraft> lines, InvoiceLineDraft line)
    {
        if (line.Amount != 0)
        {
            lines.Add(line);
        }
    }

    private static long Part(JsonObject item, decimal share) => (long)decimal.Round(SimulatedBilling.Price(item) * item.Number("quantity") * share, 0, MidpointRounding.AwayFromZero);
}
