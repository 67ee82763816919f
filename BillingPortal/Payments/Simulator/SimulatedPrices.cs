using System.Globalization;
using System.Text.Json.Nodes;

namespace BillingPortal.Payments.Simulator;

/// <summary>Products and prices.</summary>
internal static class SimulatedPrices
{
    public static void Map(SimulatorApi api)
    {
        api.Post("/v1/products", CreateProductAsync, "id", "name", "active", "description", "metadata", "tax_code", "unit_label", "images", "url");
        api.Get("/v1/products", async c => SimulatorApi.Page(c, await c.State.ListAsync("product"), "/v1/products"), "active", "ids");
        api.Get("/v1/products/{id}", async c => await c.State.GetAsync("product", c.Id));
        api.Post("/v1/products/{id}", UpdateProductAsync, "name", "active", "description", "metadata", "tax_code", "unit_label");
        api.Post("/v1/prices", CreatePriceAsync, "currency", "product", "product_data", "unit_amount", "unit_amount_decimal", "recurring", "lookup_key", "transfer_lookup_key", "nickname", "tax_behavior", "metadata", "active", "billing_scheme");
        api.Get("/v1/prices", ListPricesAsync, "lookup_keys", "active", "product", "type", "currency");
        api.Get("/v1/prices/{id}", async c => await c.State.GetAsync("price", c.Id));
        api.Post("/v1/prices/{id}", UpdatePriceAsync, "active", "metadata", "nickname", "lookup_key", "transfer_lookup_key", "tax_behavior");
    }

    private static async Task<JsonObject> CreateProductAsync(SimulatorCall call)
    {
        if (call.Form.Text("id") is { } id && await call.State.FindAsync("product", id) is not null)
        {
            throw SimulatorError.Invalid("resource_already_exists", "Product already exists.", "id");
        }

        return await call.State.SaveAsync(Product(call.State, call.Form.Text("id"), call.Form.Required("name"), call.Form.Text("description"), call.Form.Metadata()), "product.created");
    }

    private static JsonObject Product(SimulatorState state, string? id, string name, string? description, JsonObject metadata) => new()
    {
        ["id"] = id ?? SimulatorState.NewId("prod_"),
        ["object"] = "product",
        ["active"] = true,
        ["created"] = state.Now,
        ["default_price"] = null,
        ["description"] = description,
        ["images"] = new JsonArray(),
        ["livemode"] = false,
        ["marketing_features"] = new JsonArray(),
        ["metadata"] = metadata,
        ["name"] = name,
        ["package_dimensions"] = null,
        ["shippable"] = null,
        ["statement_descriptor"] = null,
        ["tax_code"] = null,
        ["tax_details"] = null,
        ["type"] = "service",
        ["unit_label"] = null,
        ["updated"] = state.Now,
        ["url"] = null,
    };

    private static async Task<JsonObject> UpdateProductAsync(SimulatorCall call)
    {
        var product = await call.State.GetAsync("product", call.Id);
        product["name"] = call.Form.Text("name") ?? product.Text("name");
        product["active"] = call.Form.Flag("active") ?? product.Flag("active");
        product["description"] = call.Form.Text("description") ?? product.Text("description");
        product["metadata"] = call.Form.Metadata(product.Child("metadata"));
        return await call.State.SaveAsync(product, "product.updated", []);
    }

    private static async Task<JsonObject> CreatePriceAsync(SimulatorCall call)
    {
        var form = call.Form;
        var product = form.Text("product");
        if (product is not null)
        {
            await call.State.GetAsync("product", product, "product");
        }
        else
        {
            var made = await call.State.SaveAsync(Product(call.State, null, form.Required("product_data[name]"), null, []), "product.created");
            product = made.Text("id")!;
        }

        var recurring = Recurring(form, "recurring");
        if (recurring?.Text("meter") is { } meter)
        {
            await call.State.GetAsync("billing.meter", meter, "recurring[meter]");
        }

        var price = Price(call.State, product, form.Required("currency"), UnitAmount(form), recurring);
        price["nickname"] = form.Text("nickname");
        price["metadata"] = form.Metadata();
        await TakeLookupKeyAsync(call, price);
        return await call.State.SaveAsync(price, "price.created");
    }

    private static decimal UnitAmount(SimulatorForm form) => (form.Integer("unit_amount"), form.Text("unit_amount_decimal")) switch
    {
        ({ } whole, null) => whole,
        (null, { } text) when decimal.TryParse(text, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var fine) && fine == decimal.Round(fine, 12) => fine,
        (null, null) => throw SimulatorError.Invalid("parameter_missing", "Missing required param: unit_amount.", "unit_amount"),
        (null, _) => throw SimulatorError.Invalid(null, "Invalid decimal: at most 12 decimal places.", "unit_amount_decimal"),
        _ => throw SimulatorError.Invalid(null, "You may only specify one of these parameters: unit_amount, unit_amount_decimal.", "unit_amount_decimal"),
    };

    public static JsonObject? Recurring(SimulatorForm form, string name)
    {
        if (!form.Has(name))
        {
            return null;
        }

        form.Required($"{name}[interval]");
        var usage = form.OneOf($"{name}[usage_type]", "licensed", "metered") ?? "licensed";
        if ((usage == "metered") != (form.Text($"{name}[meter]") is not null))
        {
            throw SimulatorError.Invalid(null, usage == "metered" ? "A metered price must be backed by a meter." : "Only metered prices take a meter.", $"{name}[meter]");
        }

        return new()
        {
            ["interval"] = form.OneOf($"{name}[interval]", "day", "week", "month", "year"),
            ["interval_count"] = Math.Max(1, form.Integer($"{name}[interval_count]", 36) ?? 1),
            ["meter"] = form.Text($"{name}[meter]"),
            ["trial_period_days"] = null,
            ["usage_type"] = usage,
        };
    }

    public static JsonObject Price(SimulatorState state, string product, string currency, decimal unitAmount, JsonObject? recurring)
    {
        if (currency.Length != 3 || currency.Any(c => c is < 'a' or > 'z'))
        {
            throw SimulatorError.Invalid(null, $"Invalid currency: {currency}", "currency");
        }

        if (unitAmount is < 0 or > 99_999_999)
        {
            throw SimulatorError.Invalid("amount_too_large", "An amount has at most eight digits.", "unit_amount");
        }

        return new()
        {
            ["id"] = SimulatorState.NewId("price_"),
            ["object"] = "price",
            ["active"] = true,
            ["billing_scheme"] = "per_unit",
            ["created"] = state.Now,
            ["currency"] = currency,
            ["custom_unit_amount"] = null,
            ["livemode"] = false,
            ["lookup_key"] = null,
            ["metadata"] = new JsonObject(),
            ["nickname"] = null,
            ["product"] = product,
            ["recurring"] = recurring,
            ["tax_behavior"] = "unspecified",
            ["tiers_mode"] = null,
            ["transform_quantity"] = null,
            ["type"] = recurring is null ? "one_time" : "recurring",
            ["unit_amount"] = unitAmount == decimal.Truncate(unitAmount) ? (long)unitAmount : null,
            ["unit_amount_decimal"] = unitAmount.ToString(CultureInfo.InvariantCulture),
        };
    }

    private static async Task TakeLookupKeyAsync(SimulatorCall call, JsonObject price)
    {
        if (call.Form.Text("lookup_key") is not { } key)
        {
            return;
        }

        foreach (var other in (await call.State.ListAsync("price", ("lookup_key", key))).Where(o => o.Text("id") != price.Text("id")))
        {
            if (call.Form.Flag("transfer_lookup_key") != true)
            {
                throw SimulatorError.Invalid(null, $"A price (`{other.Text("id")}`) already uses that lookup key.", "lookup_key");
            }

            other["lookup_key"] = null;
            await call.State.SaveAsync(other, "price.updated", new JsonObject { ["lookup_key"] = key });
        }

        price["lookup_key"] = key;
    }

    private static async Task<JsonObject> ListPricesAsync(SimulatorCall call)
    {
        var keys = call.Form.Texts("lookup_keys").ToHashSet();
        if (keys.Count > 10)
        {
            throw SimulatorError.Invalid(null, "lookup_keys takes at most 10.", "lookup_keys");
        }

        var active = call.Form.Flag("active");
        var prices = (await call.State.ListAsync("price", ("product", call.Form.Text("product")), ("type", call.Form.Text("type")), ("currency", call.Form.Text("currency"))))
            .Where(p => (active is null || p.Flag("active") == active) && (keys.Count == 0 || (p.Text("lookup_key") is { } key && keys.Contains(key))));
        return SimulatorApi.Page(call, prices, "/v1/prices");
    }

    private static async Task<JsonObject> UpdatePriceAsync(SimulatorCall call)
    {
        var price = await call.State.GetAsync("price", call.Id);
        price["active"] = call.Form.Flag("active") ?? price.Flag("active");
        price["nickname"] = call.Form.Text("nickname") ?? price.Text("nickname");
        price["metadata"] = call.Form.Metadata(price.Child("metadata"));
        if (call.Form.Has("lookup_key") && call.Form.Text("lookup_key") is null)
        {
            price["lookup_key"] = null;
        }

        await TakeLookupKeyAsync(call, price);
        return await call.State.SaveAsync(price, "price.updated", []);
    }
}
