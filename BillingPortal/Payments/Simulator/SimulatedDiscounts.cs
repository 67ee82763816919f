using System.Globalization;
using System.Text.Json.Nodes;

namespace BillingPortal.Payments.Simulator;

/// <summary>Coupons, promotion codes, and what they take off.</summary>
internal static class SimulatedDiscounts
{
    public static void Map(SimulatorApi api)
    {
        api.Post("/v1/coupons", CreateCouponAsync, "id", "name", "percent_off", "amount_off", "currency", "duration", "duration_in_months", "max_redemptions", "redeem_by", "metadata");
        api.Get("/v1/coupons", async c => SimulatorApi.Page(c, await c.State.ListAsync("coupon"), "/v1/coupons"));
        api.Get("/v1/coupons/{id}", async c => await c.State.GetAsync("coupon", c.Id));
        api.Post("/v1/promotion_codes", CreateCodeAsync, "promotion", "code", "active", "expires_at", "max_redemptions", "metadata", "customer");
        api.Get("/v1/promotion_codes", ListCodesAsync, "code", "active", "coupon");
        api.Get("/v1/promotion_codes/{id}", async c => await c.State.GetAsync("promotion_code", c.Id));
        api.Post("/v1/promotion_codes/{id}", ChangeCodeAsync, "active", "metadata");
    }

    private static async Task<JsonObject> CreateCouponAsync(SimulatorCall call)
    {
        var form = call.Form;
        var percent = form.Text("percent_off") is { } text
            ? decimal.TryParse(text, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var parsed) && parsed is > 0 and <= 100 ? parsed : throw SimulatorError.Invalid(null, "percent_off is above 0 and at most 100.", "percent_off")
            : (decimal?)null;
        var amount = form.Integer("amount_off", 99_999_999);
        if ((percent is null) == (amount is null) || (amount is not null && form.Text("currency") is null))
        {
            throw SimulatorError.Invalid("parameter_missing", "Give percent_off, or amount_off with its currency.", "percent_off");
        }

        return await call.State.SaveAsync(new()
        {
            ["id"] = form.Text("id") ?? SimulatorState.NewId("")[..8],
            ["object"] = "coupon",
            ["amount_off"] = amount,
            ["created"] = call.State.Now,
            ["currency"] = amount is null ? null : form.Text("currency"),
            ["duration"] = form.OneOf("duration", "once", "repeating", "forever") ?? "once",
            ["duration_in_months"] = form.Integer("duration_in_months", 120),
            ["livemode"] = false,
            ["max_redemptions"] = form.Integer("max_redemptions"),
            ["metadata"] = form.Metadata(),
            ["name"] = form.Text("name"),
            ["percent_off"] = percent,
            ["redeem_by"] = form.Integer("redeem_by"),
            ["times_redeemed"] = 0,
            ["valid"] = true,
        }, "coupon.created");
    }

    private static async Task<JsonObject> CreateCodeAsync(SimulatorCall call)
    {
        var form = call.Form;
        form.OneOf("promotion[type]", "coupon");
        form.Required("promotion[type]");
        var coupon = await call.State.GetAsync("coupon", form.Required("promotion[coupon]"), "promotion[coupon]");
        var code = form.Text("code") ?? SimulatorState.NewId("")[..8].ToUpperInvariant();
        if ((await call.State.ListAsync("promotion_code", ("code", code))).Exists(c => c.Flag("active")))
        {
            throw SimulatorError.Invalid(null, $"An active promotion code with `code: {code}` already exists.", "code");
        }

        return await call.State.SaveAsync(new()
        {
            ["id"] = SimulatorState.NewId("promo_"),
            ["object"] = "promotion_code",
            ["active"] = form.Flag("active") ?? true,
            ["code"] = code,
            ["created"] = call.State.Now,
            ["customer"] = form.Text("customer"),
            ["customer_account"] = null,
            ["expires_at"] = form.Integer("expires_at"),
            ["livemode"] = false,
            ["max_redemptions"] = form.Integer("max_redemptions"),
            ["metadata"] = form.Metadata(),
            ["promotion"] = new JsonObject { ["type"] = "coupon", ["coupon"] = coupon.Text("id") },
            ["restrictions"] = new JsonObject { ["first_time_transaction"] = false, ["minimum_amount"] = null, ["minimum_amount_currency"] = null },
            ["times_redeemed"] = 0,
        }, "promotion_code.created");
    }

    private static async Task<JsonObject> ListCodesAsync(SimulatorCall call)
    {
        var active = call.Form.Flag("active");
        var codes = (await call.State.ListAsync("promotion_code", ("code", call.Form.Text("code")))).Where(c => active is null || c.Flag("active") == active);
        return SimulatorApi.Page(call, codes, "/v1/promotion_codes");
    }

    private static async Task<JsonObject> ChangeCodeAsync(SimulatorCall call)
    {
        var code = await call.State.GetAsync("promotion_code", call.Id);
        code["active"] = call.Form.Flag("active") ?? code.Flag("active");
        return await call.State.SaveAsync(code, "promotion_code.updated", []);
    }

    /// <summary>The coupon that <c>discounts[0]</c> names, or null.</summary>
    public static async Task<(JsonObject Coupon, string? Code)?> AskedAsync(SimulatorState state, SimulatorForm form)
    {
        if (form.Text("discounts[0][coupon]") is { } id)
        {
            var coupon = await state.GetAsync("coupon", id, "discounts[0][coupon]");
            return IsUsable(state, coupon) ? (coupon, null) : throw SimulatorError.Invalid("coupon_expired", "This coupon has expired.", "discounts[0][coupon]");
        }

        if (form.Text("discounts[0][promotion_code]") is { } promo)
        {
            return await OfCodeAsync(state, await state.GetAsync("promotion_code", promo, "discounts[0][promotion_code]"))
                ?? throw SimulatorError.Invalid(null, "This promotion code cannot be redeemed.", "discounts[0][promotion_code]");
        }

        return null;
    }

    /// <summary>The coupon behind a code that may be used now; null otherwise.</summary>
    public static async Task<(JsonObject Coupon, string? Code)?> OfCodeAsync(SimulatorState state, JsonObject? code) =>
        code is not null && code.Flag("active") && !(code.NumberOrNull("expires_at") <= state.Now) && !(code.NumberOrNull("max_redemptions") <= code.Number("times_redeemed"))
        && await state.FindAsync("coupon", code.Child("promotion").Text("coupon")!) is { } coupon && IsUsable(state, coupon)
            ? (coupon, code.Text("id"))
            : null;

    private static bool IsUsable(SimulatorState state, JsonObject coupon) => !(coupon.NumberOrNull("redeem_by") <= state.Now) && !(coupon.NumberOrNull("max_redemptions") <= coupon.Number("times_redeemed"));

    /// <summary>What a coupon takes off a total, in minor units.</summary>
    public static long Off(JsonObject coupon, long total) => total <= 0 ? 0
        : coupon.NumberOrNull("amount_off") is { } amount ? Math.Min(amount, total)
        : (long)decimal.Round(total * decimal.Parse(coupon["percent_off"]!.ToJsonString(), CultureInfo.InvariantCulture) / 100m, 0, MidpointRounding.AwayFromZero);

    /// <summary>Counts a redemption, and makes the discount that a subscription carries.</summary>
    public static async Task<JsonObject> RedeemAsync(SimulatorState state, JsonObject coupon, string? code, string? subscription)
    {
        coupon["times_redeemed"] = coupon.Number("times_redeemed") + 1;
        await state.SaveAsync(coupon);
        if (code is not null && await state.FindAsync("promotion_code", code) is { } used)
        {
            used["times_redeemed"] = used.Number("times_redeemed") + 1;
            await state.SaveAsync(used);
        }

        var months = coupon.Text("duration") == "repeating" ? (int)coupon.Number("duration_in_months") : (int?)null;
        return await state.SaveAsync(new()
        {
            ["id"] = SimulatorState.NewId("di_"),
            ["object"] = "discount",
            ["checkout_session"] = null,
            ["customer"] = null,
            ["customer_account"] = null,
            ["end"] = months is { } many ? DateTimeOffset.FromUnixTimeSeconds(state.Now).AddMonths(many).ToUnixTimeSeconds() : null,
            ["invoice"] = null,
            ["invoice_item"] = null,
            ["promotion_code"] = code,
            ["source"] = new JsonObject { ["type"] = "coupon", ["coupon"] = coupon.Text("id") },
            ["start"] = state.Now,
            ["subscription"] = subscription,
            ["subscription_item"] = null,
        });
    }

    /// <summary>What the subscription's discounts take off a bill at an instant; one that counts once is used up.</summary>
    /// <param name="spend">False for a preview.</param>
    public static async Task<long> OfBillAsync(SimulatorState state, JsonObject subscription, long subtotal, long at, bool spend)
    {
        var off = 0L;
        foreach (var id in subscription["discounts"]!.AsArray().Select(d => d!.GetValue<string>()).ToList())
        {
            if (await state.FindAsync("discount", id) is not { } discount || discount.NumberOrNull("end") <= at || await state.FindAsync("coupon", discount.Child("source").Text("coupon")!) is not { } coupon)
            {
                continue;
            }

            off += Off(coupon, subtotal - off);
            if (spend && coupon.Text("duration") == "once")
            {
                subscription["discounts"] = new JsonArray([.. subscription["discounts"]!.AsArray().Where(d => d!.GetValue<string>() != id).Select(d => (JsonNode?)d!.GetValue<string>())]);
            }
        }

        return off;
    }
}
