using System.Text.Json.Nodes;

namespace BillingPortal.Payments.Simulator;

/// <summary>Refunds of succeeded payments, in part or whole; the card decides whether they pend or fail later.</summary>
internal static class SimulatedRefunds
{
    /// <summary>How long a pending refund pends, and a failing one seems to have succeeded; seconds.</summary>
    private const int Delay = 2;

    public static void Map(SimulatorApi api)
    {
        api.Post("/v1/refunds", CreateAsync, "payment_intent", "charge", "amount", "reason", "metadata");
        api.Get("/v1/refunds", async c => SimulatorApi.Page(c, await c.State.ListAsync("refund", ("payment_intent", c.Form.Text("payment_intent")), ("charge", c.Form.Text("charge"))), "/v1/refunds"), "payment_intent", "charge");
        api.Get("/v1/refunds/{id}", async c => await c.State.GetAsync("refund", c.Id));
    }

    private static async Task<JsonObject> CreateAsync(SimulatorCall call)
    {
        var (state, form) = (call.State, call.Form);
        var charge = await ChargeAsync(state, form);
        if (charge.Text("customer") is { } customer && await state.FindAsync("customer", customer) is { } owner)
        {
            await state.UseClockOfAsync(owner);
        }

        var left = charge.Number("amount_captured") - charge.Number("amount_refunded");
        var amount = form.Integer("amount") ?? left;
        if (left == 0)
        {
            throw SimulatorError.Invalid("charge_already_refunded", $"Charge {charge.Text("id")} has already been refunded.");
        }

        if (charge.Flag("disputed"))
        {
            throw SimulatorError.Invalid("charge_disputed", $"Charge {charge.Text("id")} has been charged back; cannot issue a refund.");
        }

        if (amount <= 0 || amount > left)
        {
            throw SimulatorError.Invalid(null, amount <= 0 ? "Invalid positive integer" : $"Refund amount ({amount}) is greater than unrefunded amount on charge ({left})", "amount");
        }

        var method = await state.FindAsync("payment_method", charge.Text("payment_method") ?? "");
        var fate = method is null ? CardRefund.Succeeds : SimulatedCard.Of(method).Refund;
        var refund = New(state, charge, amount, form, fate);
        await GiveBackAsync(state, charge, amount);
        await state.SaveAsync(refund, "refund.created");
        return refund;
    }

    private static async Task<JsonObject> ChargeAsync(SimulatorState state, SimulatorForm form)
    {
        if (form.Text("charge") is { } id)
        {
            return await state.GetAsync("charge", id, "charge");
        }

        var intent = await state.GetAsync("payment_intent", form.Required("payment_intent"), "payment_intent");
        return intent.Text("status") == "succeeded"
            ? await state.GetAsync("charge", intent.Text("latest_charge")!)
            : throw SimulatorError.Invalid("payment_intent_unexpected_state", "This PaymentIntent does not have a successful charge to refund.", "payment_intent");
    }

    private static JsonObject New(SimulatorState state, JsonObject charge, long amount, SimulatorForm form, CardRefund fate) => new()
    {
        ["id"] = SimulatorState.NewId("re_"),
        ["object"] = "refund",
        ["amount"] = amount,
        ["balance_transaction"] = SimulatorState.NewId("txn_"),
        ["charge"] = charge.Text("id"),
        ["created"] = state.Now,
        ["currency"] = charge.Text("currency"),
        ["customer"] = charge.Text("customer"),
        ["customer_account"] = null,
        ["destination_details"] = new JsonObject { ["card"] = new JsonObject { ["reference_status"] = "pending", ["reference_type"] = "acquirer_reference_number", ["type"] = "refund" }, ["type"] = "card" },
        ["metadata"] = form.Metadata(),
        ["payment_intent"] = charge.Text("payment_intent"),
        ["payment_method"] = charge.Text("payment_method"),
        ["reason"] = form.OneOf("reason", "duplicate", "fraudulent", "requested_by_customer"),
        ["receipt_number"] = null,
        ["source_transfer_reversal"] = null,
        ["status"] = fate == CardRefund.Pends ? "pending" : "succeeded",
        ["transfer_reversal"] = null,
        ["_settles_at"] = fate == CardRefund.Succeeds ? null : state.Now + Delay,
        ["_settles_as"] = fate switch { CardRefund.Pends => "succeeded", CardRefund.Fails => "failed", _ => null },
    };

    private static async Task GiveBackAsync(SimulatorState state, JsonObject charge, long amount)
    {
        var before = new JsonObject { ["amount_refunded"] = charge.Number("amount_refunded"), ["refunded"] = charge.Flag("refunded") };
        var refunded = charge.Number("amount_refunded") + amount;
        charge["amount_refunded"] = refunded;
        charge["refunded"] = refunded == charge.Number("amount_captured");
        await state.SaveAsync(charge, "charge.refunded", before);
    }

    /// <summary>What pends comes to its end: the money arrives, or it comes back to our balance.</summary>
    public static async Task SettleDueAsync(SimulatorState state)
    {
        foreach (var refund in (await state.ListAsync("refund")).Where(r => r.NumberOrNull("_settles_at") <= state.Now))
        {
            var previous = new JsonObject { ["status"] = refund.Text("status") };
            refund["_settles_at"] = null;
            refund["status"] = refund.Text("_settles_as");
            if (refund.Text("status") != "failed")
            {
                await state.SaveAsync(refund, "refund.updated", previous);
                continue;
            }

            refund["failure_reason"] = "lost_or_stolen_card";
            refund["failure_balance_transaction"] = SimulatorState.NewId("txn_");
            var charge = await state.GetAsync("charge", refund.Text("charge")!);
            charge["amount_refunded"] = charge.Number("amount_refunded") - refund.Number("amount");
            charge["refunded"] = false;
            await state.SaveAsync(charge);
            await state.SaveAsync(refund, "refund.updated", previous);
            await state.EmitAsync("refund.failed", refund);
        }
    }
}
