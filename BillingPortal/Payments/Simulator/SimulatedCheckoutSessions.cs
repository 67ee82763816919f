using System.Text.Json.Nodes;

namespace BillingPortal.Payments.Simulator;

/// <summary>Checkout sessions: made by the API, completed by a person on <see cref="CheckoutPage"/>.</summary>
internal static class SimulatedCheckoutSessions
{
    private static readonly string[] Parameters =
    [
        "mode", "success_url", "cancel_url", "customer", "customer_email", "client_reference_id", "metadata", "locale", "expires_at", "ui_mode", "line_items",
        "subscription_data", "payment_intent_data", "allow_promotion_codes", "automatic_tax", "billing_address_collection", "customer_update", "invoice_creation",
        "payment_method_collection", "tax_id_collection", "currency", "setup_intent_data", "discounts",
    ];

    private static readonly string[] Urls = ["success_url", "cancel_url"];

    public static void Map(SimulatorApi api)
    {
        api.Post("/v1/checkout/sessions", CreateAsync, Parameters);
        api.Get("/v1/checkout/sessions", async c => SimulatorApi.Page(c, await c.State.ListAsync("checkout.session", ("customer", c.Form.Text("customer")), ("payment_intent", c.Form.Text("payment_intent")), ("subscription", c.Form.Text("subscription"))), "/v1/checkout/sessions"), "customer", "payment_intent", "subscription", "status");
        api.Get("/v1/checkout/sessions/{id}", async c => await c.State.GetAsync("checkout.session", c.Id));
        api.Get("/v1/checkout/sessions/{id}/line_items", async c => SimulatorApi.Page(c, (await c.State.GetAsync("checkout.session", c.Id)).Items("_line_items"), $"/v1/checkout/sessions/{c.Id}/line_items"));
        api.Post("/v1/checkout/sessions/{id}/expire", ExpireNowAsync);
    }

    private static async Task<JsonObject> CreateAsync(SimulatorCall call)
    {
        var form = call.Form;
        form.Required("mode");
        var mode = form.OneOf("mode", "payment", "subscription", "setup")!;
        // A page is for people: it is made and expires by the real time, whatever clock the customer lives by.
        var customer = form.Text("customer") is { } id ? await call.State.GetAsync("customer", id, "customer") : null;
        foreach (var url in Urls.Where(form.Has))
        {
            if (!Uri.TryCreate(form.Required(url).Replace("{CHECKOUT_SESSION_ID}", "x", StringComparison.Ordinal), UriKind.Absolute, out var parsed) || parsed.Scheme is not ("http" or "https"))
            {
                throw SimulatorError.Invalid("url_invalid", "Not a valid URL", url);
            }
        }

        if (mode == "setup")
        {
            form.Required("currency");
        }

        var lines = mode == "setup" ? [] : await LinesAsync(call, mode);
        var expires = form.Integer("expires_at") ?? call.State.Now + 86_400;
        if (expires < call.State.Now + 1_800 - 60 || expires > call.State.Now + 86_400 + 60)
        {
            throw SimulatorError.Invalid(null, "expires_at is 30 minutes to 24 hours from now.", "expires_at");
        }

        if (form.Has("discounts") && form.Has("allow_promotion_codes"))
        {
            throw SimulatorError.Invalid(null, "You may only specify one of these parameters: allow_promotion_codes, discounts.", "discounts");
        }

        var session = New(call, mode, customer, lines, expires);
        session["allow_promotion_codes"] = form.Flag("allow_promotion_codes");
        if (await SimulatedDiscounts.AskedAsync(call.State, form) is var (coupon, code))
        {
            Discount(session, coupon, code);
        }

        return await call.State.SaveAsync(session);
    }

    /// <summary>Takes a coupon off what is owed.</summary>
    public static void Discount(JsonObject session, JsonObject coupon, string? code)
    {
        var subtotal = session.Number("amount_subtotal");
        var off = SimulatedDiscounts.Off(coupon, subtotal);
        session["amount_total"] = subtotal - off;
        session.Child("total_details")["amount_discount"] = off;
        session["discounts"] = new JsonArray(new JsonObject { ["coupon"] = code is null ? coupon.Text("id") : null, ["promotion_code"] = code });
        (session["_coupon"], session["_code"]) = (coupon.Text("id"), code);
    }

    private static async Task<List<JsonObject>> LinesAsync(SimulatorCall call, string mode)
    {
        var lines = new List<JsonObject>();
        foreach (var item in call.Form.Items("line_items"))
        {
            var price = await PriceAsync(call, item);
            if (mode == "payment" && price["recurring"] is not null)
            {
                throw SimulatorError.Invalid(null, "You must use `subscription` mode with recurring prices.", $"{item}[price]");
            }

            var quantity = call.Form.Integer($"{item}[quantity]", 999_999) ?? (SimulatedUsage.IsMetered(price) ? 0 : throw SimulatorError.Invalid("parameter_missing", "Quantity is required.", $"{item}[quantity]"));
            if (SimulatedUsage.IsMetered(price) && quantity > 0)
            {
                throw SimulatorError.Invalid(null, "Quantity should not be specified where usage_type is `metered`.", $"{item}[quantity]");
            }

            var product = await call.State.GetAsync("product", price.Text("product")!);
            var amount = price.Number("unit_amount") * quantity;
            lines.Add(new()
            {
                ["id"] = SimulatorState.NewId("li_"),
                ["object"] = "item",
                ["adjustable_quantity"] = null,
                ["amount_discount"] = 0,
                ["amount_subtotal"] = amount,
                ["amount_tax"] = 0,
                ["amount_total"] = amount,
                ["currency"] = price.Text("currency"),
                ["description"] = product.Text("name"),
                ["metadata"] = new JsonObject(),
                ["price"] = price,
                ["quantity"] = SimulatedUsage.IsMetered(price) ? null : quantity,
            });
        }

        return lines.Count == 0 ? throw SimulatorError.Invalid("parameter_missing", "Missing required param: line_items.", "line_items")
            : mode == "subscription" && lines.All(l => l.Child("price")["recurring"] is null) ? throw SimulatorError.Invalid(null, "Subscription mode needs a recurring price.", "mode")
            : lines.Select(l => l.Text("currency")).Distinct().Count() > 1 ? throw SimulatorError.Invalid(null, "All prices must have the same currency.", "line_items")
            : lines;
    }

    private static async Task<JsonObject> PriceAsync(SimulatorCall call, string item)
    {
        var form = call.Form;
        if (form.Text($"{item}[price]") is { } id)
        {
            var price = await call.State.GetAsync("price", id, $"{item}[price]");
            return price.Flag("active") ? price : throw SimulatorError.Invalid(null, "The price specified is inactive. This field only accepts active prices.", $"{item}[price]");
        }

        var product = new JsonObject { ["id"] = SimulatorState.NewId("prod_"), ["object"] = "product", ["active"] = false, ["created"] = call.State.Now, ["livemode"] = false, ["metadata"] = new JsonObject(), ["name"] = form.Required($"{item}[price_data][product_data][name]") };
        await call.State.SaveAsync(product);
        var made = SimulatedPrices.Price(call.State, product.Text("id")!, form.Required($"{item}[price_data][currency]"),
            form.Integer($"{item}[price_data][unit_amount]") ?? throw SimulatorError.Invalid("parameter_missing", "Missing required param.", $"{item}[price_data][unit_amount]"),
            SimulatedPrices.Recurring(form, $"{item}[price_data][recurring]"));
        made["active"] = false;
        return await call.State.SaveAsync(made);
    }

    private static JsonObject New(SimulatorCall call, string mode, JsonObject? customer, List<JsonObject> lines, long expires)
    {
        var form = call.Form;
        var id = SimulatorState.NewId("cs_test_");
        var total = lines.Sum(l => l.Number("amount_total"));
        if (mode == "payment" && total is > 0 and < 50 && lines[0].Text("currency") is "usd" or "eur")
        {
            throw SimulatorError.Invalid("amount_too_small", "The Checkout Session's total amount due must add up to at least 0.50.", "line_items");
        }

        return new()
        {
            ["id"] = id,
            ["object"] = "checkout.session",
            ["adaptive_pricing"] = new JsonObject { ["enabled"] = false },
            ["after_expiration"] = null,
            ["allow_promotion_codes"] = null,
            ["allowed_payment_method_types"] = null,
            ["amount_subtotal"] = mode == "setup" ? null : total,
            ["amount_total"] = mode == "setup" ? null : total,
            ["automatic_tax"] = new JsonObject { ["enabled"] = false, ["liability"] = null, ["provider"] = null, ["status"] = null },
            ["billing_address_collection"] = null,
            ["cancel_url"] = form.Text("cancel_url"),
            ["client_reference_id"] = form.Text("client_reference_id"),
            ["client_secret"] = null,
            ["collected_information"] = null,
            ["consent"] = null,
            ["consent_collection"] = null,
            ["created"] = call.State.Now,
            ["currency"] = mode == "setup" ? form.Text("currency") : lines[0].Text("currency"),
            ["currency_conversion"] = null,
            ["custom_fields"] = new JsonArray(),
            ["custom_text"] = new JsonObject { ["after_submit"] = null, ["shipping_address"] = null, ["submit"] = null, ["terms_of_service_acceptance"] = null },
            ["customer"] = customer?.Text("id"),
            ["customer_account"] = null,
            ["customer_creation"] = mode is "payment" or "setup" ? "if_required" : null,
            ["customer_details"] = null,
            ["customer_email"] = form.Text("customer_email"),
            ["discounts"] = new JsonArray(),
            ["expires_at"] = expires,
            ["integration_identifier"] = null,
            ["invoice"] = null,
            ["invoice_creation"] = mode == "payment" ? new JsonObject { ["enabled"] = false, ["invoice_data"] = new JsonObject() } : null,
            ["livemode"] = false,
            ["locale"] = form.Text("locale"),
            ["managed_payments"] = null,
            ["metadata"] = form.Metadata(),
            ["mode"] = mode,
            ["origin_context"] = null,
            ["payment_intent"] = null,
            ["payment_link"] = null,
            ["payment_method_collection"] = "always",
            ["payment_method_configuration_details"] = null,
            ["payment_method_options"] = new JsonObject(),
            ["payment_method_types"] = new JsonArray("card"),
            ["payment_status"] = mode == "setup" ? "no_payment_required" : "unpaid",
            ["permissions"] = null,
            ["recovered_from"] = null,
            ["saved_payment_method_options"] = null,
            ["setup_intent"] = null,
            ["shipping_address_collection"] = null,
            ["shipping_cost"] = null,
            ["shipping_options"] = new JsonArray(),
            ["status"] = "open",
            ["submit_type"] = null,
            ["subscription"] = null,
            ["success_url"] = form.Required("success_url"),
            ["total_details"] = new JsonObject { ["amount_discount"] = 0, ["amount_shipping"] = 0, ["amount_tax"] = 0 },
            ["ui_mode"] = "hosted_page",
            ["url"] = $"{call.Address.Root}/checkout/{id}",
            ["wallet_options"] = null,
            ["_line_items"] = JsonFields.ListOf(lines, $"/v1/checkout/sessions/{id}/line_items"),
            ["_setup_metadata"] = form.Metadata(null, "setup_intent_data[metadata]"),
            ["_payment_metadata"] = form.Metadata(null, "payment_intent_data[metadata]"),
            ["_subscription_metadata"] = form.Metadata(null, "subscription_data[metadata]"),
            ["_trial_days"] = form.Integer("subscription_data[trial_period_days]", 730),
            ["_email"] = customer?.Text("email") ?? form.Text("customer_email"),
        };
    }

    private static async Task<JsonObject> ExpireNowAsync(SimulatorCall call)
    {
        var session = await call.State.GetAsync("checkout.session", call.Id);
        return session.Text("status") == "open"
            ? await ExpireAsync(call.State, session)
            : throw SimulatorError.Invalid(null, "Only Checkout Sessions with a status in [\"open\"] can be expired.");
    }

    public static async Task<JsonObject> ExpireAsync(SimulatorState state, JsonObject session)
    {
        session["status"] = "expired";
        session["url"] = null;
        return await state.SaveAsync(session, "checkout.session.expired");
    }

    private static async Task<JsonObject?> RedeemAsync(SimulatorState state, JsonObject session, string? subscription) =>
        session.Text("_coupon") is { } id && await state.FindAsync("coupon", id) is { } coupon ? await SimulatedDiscounts.RedeemAsync(state, coupon, session.Text("_code"), subscription) : null;

    /// <summary>What the customer owes when pressing the button; 0 during a trial.</summary>
    public static long DueNow(JsonObject session) => session.Number("_trial_days") > 0 ? 0 : session.Number("amount_total");

    /// <summary>The person paid: the subscription and its invoice come into being only now.</summary>
    public static async Task CompleteAsync(SimulatorState state, JsonObject session, JsonObject customer, JsonObject method, JsonObject? intent, SimulatorAddress address)
    {
        method["customer"] = customer.Text("id");
        await state.SaveAsync(method, "payment_method.attached");
        session["customer"] = customer.Text("id");
        session["customer_details"] = new JsonObject { ["address"] = null, ["business_name"] = null, ["email"] = customer.Text("email"), ["individual_name"] = null, ["name"] = customer.Text("name"), ["phone"] = null, ["tax_exempt"] = "none", ["tax_ids"] = new JsonArray() };
        if (session.Text("mode") == "subscription")
        {
            var recurring = session.Items("_line_items").Where(l => l.Child("price")["recurring"] is not null).Select(l => (l.Child("price"), l.Number("quantity"))).ToList();
            var subscription = SimulatedSubscriptions.New(state, customer, recurring, session.Child("_subscription_metadata").DeepClone().AsObject(), session.NumberOrNull("_trial_days"), method.Text("id"));
            if (await RedeemAsync(state, session, subscription.Text("id")) is { } discount)
            {
                subscription["discounts"] = new JsonArray(discount.Text("id"));
            }

            await state.SaveAsync(subscription);
            await SimulatedBilling.FirstInvoiceAsync(state, customer, subscription, intent, address);
            await state.EmitAsync("customer.subscription.created", subscription);
            session["subscription"] = subscription.Text("id");
            session["invoice"] = subscription.Text("latest_invoice");
        }
        else if (session.Text("mode") == "setup")
        {
            session["setup_intent"] = (await SimulatedSetupIntents.SucceedAsync(state, customer, method, session.Child("_setup_metadata"))).Text("id");
        }
        else
        {
            await RedeemAsync(state, session, null);
            session["payment_intent"] = intent?.Text("id");
        }

        session["status"] = "complete";
        session["payment_status"] = intent is null ? "no_payment_required" : "paid";
        session["url"] = null;
        await state.SaveAsync(session, "checkout.session.completed");
    }
}
