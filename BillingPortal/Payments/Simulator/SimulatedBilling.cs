using System.Text.Json;
using System.Text.Json.Nodes;

namespace BillingPortal.Payments.Simulator;

/// <summary>What a subscription bills and when: first invoice, renewals, retries after a failure, the end.</summary>
internal static class SimulatedBilling
{
    /// <summary>The first border of the anchored periods after an instant; short months are clamped, always counted from the anchor.</summary>
    public static long NextBorder(long anchor, JsonObject price, long after)
    {
        var recurring = price.Child("recurring");
        var every = (int)recurring.Number("interval_count");
        var from = DateTimeOffset.FromUnixTimeSeconds(anchor);
        DateTimeOffset At(int n) => recurring.Text("interval") switch
        {
            "day" => from.AddDays(n * every),
            "week" => from.AddDays(7 * n * every),
            "year" => from.AddYears(n * every),
            _ => from.AddMonths(n * every),
        };
        var n = 0;
        while (At(n).ToUnixTimeSeconds() <= after)
        {
            n++;
        }

        return At(n).ToUnixTimeSeconds();
    }

    /// <summary>Bills the start of a new subscription and sets its status by how that went.</summary>
    /// <param name="paid">A payment already taken on the hosted page; null: charge the stored card.</param>
    /// <returns>Null when there was nothing to take.</returns>
    public static async Task<PaymentAttempt?> FirstInvoiceAsync(SimulatorState state, JsonObject customer, JsonObject subscription, JsonObject? paid, SimulatorAddress address)
    {
        var trialing = subscription.Text("status") == "trialing";
        var lines = subscription.Items("items").Where(i => !SimulatedUsage.IsMetered(i.Child("price"))).Select(i => Line(subscription, i, trialing ? 0 : Price(i) * i.Number("quantity"), i.Number("current_period_start"), i.Number("current_period_end"), trialing ? "Trial period for" : null)).ToList();
        var invoice = await SimulatedInvoices.IssueAsync(state, customer, subscription, lines, "subscription_create", address);
        if (!trialing)
        {
            subscription["status"] = "active";
            await state.SaveAsync(subscription);
        }

        if (paid is not null || invoice.Number("amount_due") == 0)
        {
            await SettleBalanceAsync(state, customer, invoice);
            await SimulatedInvoices.PaidAsync(state, invoice, paid);
            return paid is null ? null : new(paid, null, false);
        }

        var attempt = await CollectAsync(state, invoice, null);
        if (attempt is { Succeeded: false })
        {
            subscription["status"] = "incomplete";
            await state.SaveAsync(subscription);
        }

        return attempt;
    }

    /// <summary>Tries to take an open invoice's amount from the card on file.</summary>
    /// <returns>Null when there was nothing to take.</returns>
    public static async Task<PaymentAttempt?> CollectAsync(SimulatorState state, JsonObject invoice, string? paymentMethod)
    {
        var customer = await state.GetAsync("customer", invoice.Text("customer")!);
        await SettleBalanceAsync(state, customer, invoice);
        if (invoice.Number("amount_due") == 0)
        {
            await SimulatedInvoices.PaidAsync(state, invoice, null);
            return null;
        }

        var subscription = await state.GetAsync("subscription", SimulatedInvoices.SubscriptionOf(invoice)!);
        var attempt = await ChargeAsync(state, customer, subscription, invoice, paymentMethod);
        if (attempt.Succeeded)
        {
            await SimulatedInvoices.PaidAsync(state, invoice, attempt.Intent);
        }
        else
        {
            await SimulatedInvoices.FailedAsync(state, invoice, attempt);
        }

        await FollowAsync(state, subscription, invoice, attempt);
        return attempt;
    }

    private static async Task<PaymentAttempt> ChargeAsync(SimulatorState state, JsonObject customer, JsonObject subscription, JsonObject invoice, string? paymentMethod)
    {
        var id = paymentMethod ?? subscription.Text("default_payment_method") ?? customer.Child("invoice_settings").Text("default_payment_method");
        var method = id is null ? null : await state.FindAsync("payment_method", id);
        return method?.Text("customer") == customer.Text("id") && method is not null
            ? await SimulatedPayments.PayAsync(state, customer, method, invoice.Number("amount_due"), invoice.Text("currency")!, $"Invoice {invoice.Text("number")}", [], present: false)
            : new(new JsonObject(), new("missing_payment_method", null, "This customer has no attached payment source or default payment method."), false);
    }

    /// <summary>What a payment, or the lack of one, means for the subscription.</summary>
    private static async Task FollowAsync(SimulatorState state, JsonObject subscription, JsonObject invoice, PaymentAttempt attempt)
    {
        var before = subscription.DeepClone().AsObject();
        var status = subscription.Text("status");
        if (!attempt.Succeeded && status == "past_due" && invoice["next_payment_attempt"] is null)
        {
            await SimulatedSubscriptions.EndAsync(state, subscription, "payment_failed");
            return;
        }

        subscription["status"] = (attempt.Succeeded, status) switch
        {
            (true, "past_due" or "incomplete" or "unpaid") => "active",
            (false, "active" or "trialing") when invoice.Text("billing_reason") != "subscription_create" => "past_due",
            _ => status,
        };
        if (subscription.Text("status") != status)
        {
            await state.SaveAsync(subscription, "customer.subscription.updated", SimulatedSubscriptions.Difference(before, subscription));
        }
    }

    /// <summary>A credit left over from an earlier bill is used up, or a new one kept.</summary>
    private static async Task SettleBalanceAsync(SimulatorState state, JsonObject customer, JsonObject invoice)
    {
        if (!invoice.Flag("attempted") && customer.Number("balance") != invoice.Number("ending_balance"))
        {
            customer["balance"] = invoice.Number("ending_balance");
            await state.SaveAsync(customer);
        }
    }

    /// <summary>Does all that is due up to an instant: renewals, retries, ends. In order of time, so that it may be called late.</summary>
    public static async Task CatchUpAsync(SimulatorState state, string subscriptionId, long until, SimulatorAddress address)
    {
        for (var guard = 0; guard < 1000; guard++)
        {
            var subscription = await state.GetAsync("subscription", subscriptionId);
            if (subscription.Text("status") is "canceled" or "incomplete_expired" or "incomplete" or "paused")
            {
                return;
            }

            var border = subscription.Items("items").Min(i => i.Number("current_period_end"));
            var retry = await NextRetryAsync(state, subscription);
            var draft = await SimulatedUsage.DraftAsync(state, subscription);
            var due = Math.Min(Math.Min(border, retry?.Number("next_payment_attempt") ?? long.MaxValue), draft?.Number("automatically_finalizes_at") ?? long.MaxValue);
            if (due > until)
            {
                return;
            }

            state.Now = due;
            if (draft?.Number("automatically_finalizes_at") == due)
            {
                await SimulatedUsage.FinalizeAsync(state, subscription, draft, address);
            }
            else if (retry is not null && retry.Number("next_payment_attempt") == due)
            {
                await CollectAsync(state, retry, null);
            }
            else if (subscription.Flag("cancel_at_period_end"))
            {
                await SimulatedUsage.BillLastAsync(state, subscription, border, address);
                await SimulatedSubscriptions.EndAsync(state, subscription, "cancellation_requested");
            }
            else
            {
                await RenewAsync(state, subscription, border, address);
            }
        }
    }

    private static async Task<JsonObject?> NextRetryAsync(SimulatorState state, JsonObject subscription) =>
        (await state.ListAsync("invoice", ("customer", subscription.Text("customer")), ("status", "open")))
            .Where(i => SimulatedInvoices.SubscriptionOf(i) == subscription.Text("id") && i["next_payment_attempt"] is not null)
            .MinBy(i => i.Number("next_payment_attempt"));

    private static async Task RenewAsync(SimulatorState state, JsonObject subscription, long border, SimulatorAddress address)
    {
        var before = subscription.DeepClone().AsObject();
        // What was used belongs to the prices of the period that ends, whatever follows; a trial's use is free.
        var used = subscription.Text("status") == "trialing" ? [] : SimulatedUsage.Of(subscription, border);
        await SimulatedSchedules.TurnAsync(state, subscription, border);
        foreach (var item in subscription.Items("items").Where(i => i.Number("current_period_end") == border))
        {
            item["current_period_start"] = border;
            item["current_period_end"] = NextBorder(subscription.Number("billing_cycle_anchor"), item.Child("price"), border);
        }

        if (subscription.Text("status") == "trialing")
        {
            subscription["status"] = "active";
        }

        var customer = await state.GetAsync("customer", subscription.Text("customer")!);
        var lines = Pending(subscription).Concat(subscription.Items("items").Where(i => !SimulatedUsage.IsMetered(i.Child("price"))).Select(i => Line(subscription, i, Price(i) * i.Number("quantity"), i.Number("current_period_start"), i.Number("current_period_end"), null))).ToList();
        subscription["_pending"] = new JsonArray();
        await state.SaveAsync(subscription, "customer.subscription.updated", SimulatedSubscriptions.Difference(before, subscription));
        if (used.Count > 0)
        {
            await SimulatedUsage.HoldAsync(state, customer, subscription, lines, used);
            return;
        }

        var invoice = await SimulatedInvoices.IssueAsync(state, customer, subscription, lines, "subscription_cycle", address);
        await CollectAsync(state, invoice, null);
    }

    public static long Price(JsonObject item) => item.Child("price").Number("unit_amount");

    public static IEnumerable<InvoiceLineDraft> Pending(JsonObject subscription) => subscription["_pending"]!.AsArray().Select(l => l.Deserialize<InvoiceLineDraft>()!);

    public static InvoiceLineDraft Line(JsonObject subscription, JsonObject item, long amount, long start, long end, string? prefix, bool proration = false)
    {
        var what = item.Child("price").Text("nickname") ?? item.Child("price").Text("lookup_key") ?? "subscription";
        return new($"{prefix ?? $"{item.Number("quantity")} ×"} {what}", amount, item.Number("quantity"), item.Child("price").DeepClone().AsObject(), subscription.Text("id")!, item.Text("id")!, start, end, proration);
    }
}
