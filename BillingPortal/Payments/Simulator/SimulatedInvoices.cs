using System.Globalization;
using System.Text.Json.Nodes;

namespace BillingPortal.Payments.Simulator;

/// <summary>One line to be billed.</summary>
/// <param name="Item">Subscription item.</param>
/// <param name="InvoiceItem">An item that somebody put on the bill by hand.</param>
/// <param name="Metadata">Of that item.</param>
internal sealed record InvoiceLineDraft(string Description, long Amount, long Quantity, JsonObject Price, string Subscription, string Item, long Start, long End, bool Proration, string? InvoiceItem = null, JsonObject? Metadata = null);

internal static class SimulatedInvoices
{
    public static void Map(SimulatorApi api)
    {
        api.Get("/v1/invoices", ListAsync, "customer", "subscription", "status", "collection_method");
        api.Get("/v1/invoices/{id}", async c => await c.State.GetAsync("invoice", c.Id));
        api.Get("/v1/invoices/{id}/lines", async c => SimulatorApi.Page(c, (await c.State.GetAsync("invoice", c.Id)).Items("lines"), $"/v1/invoices/{c.Id}/lines"));
        api.Post("/v1/invoices/{id}/pay", PayNowAsync, "payment_method", "off_session", "paid_out_of_band");
        api.Post("/v1/invoices/create_preview", SimulatedProration.PreviewAsync, "customer", "subscription", "subscription_details", "preview_mode", "currency", "discounts", "automatic_tax");
        api.Get("/v1/invoice_payments", InvoicePaymentsAsync, "invoice", "payment", "status");
    }

    private static async Task<JsonObject> ListAsync(SimulatorCall call)
    {
        var subscription = call.Form.Text("subscription");
        var invoices = (await call.State.ListAsync("invoice", ("customer", call.Form.Text("customer")), ("status", call.Form.Text("status"))))
            .Where(i => subscription is null || SubscriptionOf(i) == subscription);
        return SimulatorApi.Page(call, invoices, "/v1/invoices");
    }

    private static async Task<JsonObject> InvoicePaymentsAsync(SimulatorCall call)
    {
        var intent = call.Form.Text("payment[payment_intent]");
        var payments = (await call.State.ListAsync("invoice_payment", ("invoice", call.Form.Text("invoice"))))
            .Where(p => intent is null || p.Child("payment").Text("payment_intent") == intent);
        return SimulatorApi.Page(call, payments, "/v1/invoice_payments");
    }

    public static string? SubscriptionOf(JsonObject invoice) => invoice["parent"] is JsonObject parent ? parent.Child("subscription_details").Text("subscription") : null;

    /// <summary>A finalized invoice, open until it is paid.</summary>
    public static async Task<JsonObject> IssueAsync(SimulatorState state, JsonObject customer, JsonObject subscription, IReadOnlyList<InvoiceLineDraft> lines, string reason, SimulatorAddress address)
    {
        var off = await SimulatedDiscounts.OfBillAsync(state, subscription, lines.Sum(l => l.Amount), state.Now, spend: true);
        var invoice = Draft(state.Now, customer, subscription, lines, reason, SimulatorState.NewId("in_"), off);
        await state.SaveAsync(invoice, "invoice.created");
        return await FinalizeAsync(state, customer, subscription, invoice, address);
    }

    /// <summary>Gives a draft its number: from here on it can be paid, and no longer changed.</summary>
    public static async Task<JsonObject> FinalizeAsync(SimulatorState state, JsonObject customer, JsonObject subscription, JsonObject invoice, SimulatorAddress address)
    {
        var sequence = customer.Number("next_invoice_sequence");
        customer["next_invoice_sequence"] = sequence + 1;
        await state.SaveAsync(customer);
        var id = invoice.Text("id")!;
        invoice["number"] = string.Create(CultureInfo.InvariantCulture, $"{customer.Text("invoice_prefix")}-{sequence:0000}");
        invoice["status"] = "open";
        invoice["effective_at"] = state.Now;
        invoice["hosted_invoice_url"] = $"{address.Root}/invoices/{id}";
        invoice["invoice_pdf"] = $"{address.Root}/invoices/{id}";
        invoice.Child("status_transitions")["finalized_at"] = state.Now;
        await state.SaveAsync(invoice, "invoice.finalized");
        subscription["latest_invoice"] = id;
        await state.SaveAsync(subscription);
        return invoice;
    }

    /// <summary>Marks an invoice paid, by a payment where there was one.</summary>
    public static async Task PaidAsync(SimulatorState state, JsonObject invoice, JsonObject? intent)
    {
        invoice["attempted"] = true;
        invoice["attempt_count"] = invoice.Number("attempt_count") + (intent is null ? 0 : 1);
        invoice["status"] = "paid";
        invoice["amount_paid"] = invoice.Number("amount_due");
        invoice["amount_remaining"] = 0;
        invoice["next_payment_attempt"] = null;
        invoice.Child("status_transitions")["paid_at"] = state.Now;
        if (intent is not null)
        {
            await RecordPaymentAsync(state, invoice, intent);
        }

        await state.SaveAsync(invoice, "invoice.paid");
        await state.EmitAsync("invoice.payment_succeeded", invoice);
    }

    /// <summary>One failed attempt; the next follows in three days, four in all.</summary>
    public static async Task FailedAsync(SimulatorState state, JsonObject invoice, PaymentAttempt attempt)
    {
        invoice["attempted"] = true;
        invoice["attempt_count"] = invoice.Number("attempt_count") + 1;
        invoice["next_payment_attempt"] = invoice.Number("attempt_count") < 4 ? state.Now + (3 * 86_400) : null;
        await state.SaveAsync(invoice, "invoice.payment_failed");
        if (attempt.Decline?.Code == "authentication_required")
        {
            await state.EmitAsync("invoice.payment_action_required", invoice);
        }
    }

    private static async Task RecordPaymentAsync(SimulatorState state, JsonObject invoice, JsonObject intent)
    {
        var payment = new JsonObject
        {
            ["id"] = SimulatorState.NewId("inpay_"),
            ["object"] = "invoice_payment",
            ["amount_paid"] = invoice.Number("amount_paid"),
            ["amount_requested"] = invoice.Number("amount_due"),
            ["created"] = state.Now,
            ["currency"] = invoice.Text("currency"),
            ["invoice"] = invoice.Text("id"),
            ["is_default"] = true,
            ["livemode"] = false,
            ["payment"] = new JsonObject { ["payment_intent"] = intent.Text("id"), ["type"] = "payment_intent" },
            ["status"] = "paid",
            ["status_transitions"] = new JsonObject { ["canceled_at"] = null, ["paid_at"] = state.Now },
        };
        await state.SaveAsync(payment, "invoice_payment.paid");
        invoice["_payments"] = JsonFields.ListOf([payment.DeepClone().AsObject()], "/v1/invoice_payments");
    }

    private static async Task<JsonObject> PayNowAsync(SimulatorCall call)
    {
        var invoice = await call.State.GetAsync("invoice", call.Id);
        if (invoice.Text("status") != "open")
        {
            throw SimulatorError.Invalid("invoice_not_open", "Invoice is not open.");
        }

        await call.State.UseClockOfAsync(await call.State.GetAsync("customer", invoice.Text("customer")!));
        var attempt = await SimulatedBilling.CollectAsync(call.State, invoice, call.Form.Text("payment_method"));
        return attempt is null or { Succeeded: true } ? invoice : throw SimulatorError.Declined(attempt.Decline!, attempt.Intent);
    }

    /// <summary>An invoice before it has a number. Also what a preview answers.</summary>
    public static JsonObject Draft(long now, JsonObject customer, JsonObject subscription, IReadOnlyList<InvoiceLineDraft> lines, string reason, string id, long off)
    {
        var subtotal = lines.Sum(l => l.Amount);
        var total = subtotal - off;
        // Credit that exceeds the bill stays with the customer for the next one.
        var starting = customer.Number("balance");
        var due = Math.Max(0, total + starting);
        var sub = subscription.Text("id");
        var currency = subscription.Text("currency");
        return new()
        {
            ["id"] = id,
            ["object"] = "invoice",
            ["account_country"] = "US",
            ["account_name"] = "Stripe simulator",
            ["account_tax_ids"] = null,
            ["amount_due"] = due,
            ["amount_overpaid"] = 0,
            ["amount_paid"] = 0,
            ["amount_remaining"] = due,
            ["amount_shipping"] = 0,
            ["application"] = null,
            ["attempt_count"] = 0,
            ["attempted"] = false,
            ["auto_advance"] = true,
            ["automatic_tax"] = new JsonObject { ["disabled_reason"] = null, ["enabled"] = false, ["liability"] = null, ["provider"] = null, ["status"] = null },
            ["automatically_finalizes_at"] = null,
            ["billing_reason"] = reason,
            ["collection_method"] = "charge_automatically",
            ["created"] = now,
            ["currency"] = currency,
            ["custom_fields"] = null,
            ["customer"] = customer.Text("id"),
            ["customer_account"] = null,
            ["customer_address"] = null,
            ["customer_email"] = customer.Text("email"),
            ["customer_name"] = customer.Text("name"),
            ["customer_phone"] = null,
            ["customer_shipping"] = null,
            ["customer_tax_exempt"] = "none",
            ["customer_tax_ids"] = new JsonArray(),
            ["default_payment_method"] = null,
            ["default_source"] = null,
            ["default_tax_rates"] = new JsonArray(),
            ["description"] = null,
            ["discounts"] = new JsonArray(),
            ["due_date"] = null,
            ["effective_at"] = null,
            ["ending_balance"] = Math.Min(0, total + starting),
            ["footer"] = null,
            ["from_invoice"] = null,
            ["hosted_invoice_url"] = null,
            ["invoice_pdf"] = null,
            ["issuer"] = new JsonObject { ["type"] = "self" },
            ["last_finalization_error"] = null,
            ["latest_revision"] = null,
            ["lines"] = JsonFields.ListOf(lines.Select(l => Line(id, l)), $"/v1/invoices/{id}/lines"),
            ["livemode"] = false,
            ["metadata"] = new JsonObject(),
            ["next_payment_attempt"] = null,
            ["number"] = null,
            ["on_behalf_of"] = null,
            ["parent"] = new JsonObject
            {
                ["quote_details"] = null,
                ["subscription_details"] = new JsonObject { ["metadata"] = subscription.Child("metadata").DeepClone(), ["subscription"] = sub },
                ["type"] = "subscription_details",
            },
            ["payment_settings"] = new JsonObject { ["default_mandate"] = null, ["payment_method_options"] = null, ["payment_method_types"] = null },
            ["period_end"] = now,
            ["period_start"] = now,
            ["post_payment_credit_notes_amount"] = 0,
            ["pre_payment_credit_notes_amount"] = 0,
            ["receipt_number"] = null,
            ["rendering"] = null,
            ["shipping_cost"] = null,
            ["shipping_details"] = null,
            ["starting_balance"] = starting,
            ["statement_descriptor"] = null,
            ["status"] = "draft",
            ["status_transitions"] = new JsonObject { ["finalized_at"] = null, ["marked_uncollectible_at"] = null, ["paid_at"] = null, ["voided_at"] = null },
            ["subtotal"] = subtotal,
            ["subtotal_excluding_tax"] = subtotal,
            ["test_clock"] = customer.Text("test_clock"),
            ["total"] = total,
            ["total_discount_amounts"] = off == 0 ? new JsonArray() : new JsonArray(new JsonObject { ["amount"] = off, ["discount"] = subscription["discounts"]!.AsArray().FirstOrDefault()?.DeepClone() }),
            ["total_excluding_tax"] = total,
            ["total_pretax_credit_amounts"] = new JsonArray(),
            ["total_taxes"] = new JsonArray(),
            ["webhooks_delivered_at"] = null,
        };
    }

    private static JsonObject Line(string invoice, InvoiceLineDraft line)
    {
        var made = OfSubscription(invoice, line);
        if (line.InvoiceItem is not null)
        {
            made["parent"] = new JsonObject
            {
                ["invoice_item_details"] = new JsonObject { ["invoice_item"] = line.InvoiceItem, ["proration"] = false, ["proration_details"] = new JsonObject { ["credited_items"] = null }, ["subscription"] = line.Subscription },
                ["subscription_item_details"] = null,
                ["type"] = "invoice_item_details",
            };
        }

        return made;
    }

    private static JsonObject OfSubscription(string invoice, InvoiceLineDraft line) => new()
    {
        ["id"] = SimulatorState.NewId("il_"),
        ["object"] = "line_item",
        ["amount"] = line.Amount,
        ["currency"] = line.Price.Text("currency"),
        ["description"] = line.Description,
        ["discount_amounts"] = new JsonArray(),
        ["discountable"] = !line.Proration,
        ["discounts"] = new JsonArray(),
        ["invoice"] = invoice,
        ["livemode"] = false,
        ["metadata"] = line.Metadata?.DeepClone() ?? new JsonObject(),
        ["parent"] = new JsonObject
        {
            ["invoice_item_details"] = null,
            ["subscription_item_details"] = new JsonObject { ["invoice_item"] = null, ["proration"] = line.Proration, ["proration_details"] = new JsonObject { ["credited_items"] = null }, ["subscription"] = line.Subscription, ["subscription_item"] = line.Item },
            ["type"] = "subscription_item_details",
        },
        ["period"] = new JsonObject { ["end"] = line.End, ["start"] = line.Start },
        ["pretax_credit_amounts"] = new JsonArray(),
        ["pricing"] = new JsonObject
        {
            ["price_details"] = new JsonObject { ["price"] = line.Price.Text("id"), ["product"] = line.Price.Text("product") },
            ["type"] = "price_details",
            ["unit_amount_decimal"] = line.Price.Text("unit_amount_decimal"),
        },
        ["quantity"] = line.Quantity,
        ["quantity_decimal"] = line.Quantity.ToString(CultureInfo.InvariantCulture),
        ["subscription"] = line.Subscription,
        ["subtotal"] = line.Amount,
        ["taxes"] = new JsonArray(),
    };
}
