using System.Text.Json.Nodes;

namespace BillingPortal.Payments.Simulator;

/// <summary>Disputes that magic cards bring; the evidence's text decides them, as in Stripe's tests (https://docs.stripe.com/testing#disputes).</summary>
internal static class SimulatedDisputes
{
    public static void Map(SimulatorApi api)
    {
        api.Get("/v1/disputes", async c => SimulatorApi.Page(c, await c.State.ListAsync("dispute", ("payment_intent", c.Form.Text("payment_intent")), ("charge", c.Form.Text("charge"))), "/v1/disputes"), "payment_intent", "charge");
        api.Get("/v1/disputes/{id}", async c => await c.State.GetAsync("dispute", c.Id));
        api.Post("/v1/disputes/{id}", SubmitAsync, "evidence", "submit", "metadata");
        api.Post("/v1/disputes/{id}/close", async c => await CloseAsync(c.State, await OpenAsync(c), "lost"));
    }

    /// <summary>The cardholder disputes a charge that has just succeeded.</summary>
    public static async Task BeginAsync(SimulatorState state, JsonObject charge, CardDispute why)
    {
        var inquiry = why == CardDispute.Inquiry;
        var dispute = New(state, charge, why == CardDispute.NotReceived ? "product_not_received" : "fraudulent", inquiry ? "warning_needs_response" : "needs_response");
        if (!inquiry)
        {
            charge["disputed"] = true;
            await state.SaveAsync(charge);
        }

        await state.SaveAsync(dispute, "charge.dispute.created");
        if (!inquiry)
        {
            await state.EmitAsync("charge.dispute.funds_withdrawn", dispute);
        }
    }

    private static JsonObject New(SimulatorState state, JsonObject charge, string reason, string status) => new()
    {
        ["id"] = SimulatorState.NewId("dp_"),
        ["object"] = "dispute",
        ["amount"] = charge.Number("amount"),
        ["balance_transactions"] = new JsonArray(),
        ["charge"] = charge.Text("id"),
        ["created"] = state.Now,
        ["currency"] = charge.Text("currency"),
        ["enhanced_eligibility_types"] = new JsonArray(),
        ["evidence"] = new JsonObject { ["uncategorized_text"] = null },
        ["evidence_details"] = new JsonObject { ["due_by"] = state.Now + (9 * 86_400), ["has_evidence"] = false, ["past_due"] = false, ["submission_count"] = 0 },
        ["intended_submission_method"] = null,
        ["is_charge_refundable"] = status.StartsWith("warning_", StringComparison.Ordinal),
        ["livemode"] = false,
        ["metadata"] = new JsonObject(),
        ["network_reason_code"] = null,
        ["payment_intent"] = charge.Text("payment_intent"),
        ["payment_method_details"] = new JsonObject { ["card"] = new JsonObject { ["brand"] = "visa", ["case_type"] = "chargeback", ["network_reason_code"] = "83" }, ["type"] = "card" },
        ["reason"] = reason,
        ["status"] = status,
    };

    private static async Task<JsonObject> OpenAsync(SimulatorCall call)
    {
        var dispute = await call.State.GetAsync("dispute", call.Id);
        return dispute.Text("status") is "won" or "lost" or "warning_closed"
            ? throw SimulatorError.Invalid(null, "This dispute is already closed.")
            : dispute;
    }

    private static async Task<JsonObject> SubmitAsync(SimulatorCall call)
    {
        var dispute = await OpenAsync(call);
        var text = call.Form.Text("evidence[uncategorized_text]");
        dispute.Child("evidence")["uncategorized_text"] = text;
        dispute.Child("evidence_details")["has_evidence"] = text is not null;
        if (call.Form.Flag("submit") == false)
        {
            return await call.State.SaveAsync(dispute, "charge.dispute.updated", []);
        }

        dispute.Child("evidence_details")["submission_count"] = dispute.Child("evidence_details").Number("submission_count") + 1;
        var inquiry = dispute.Text("status")!.StartsWith("warning_", StringComparison.Ordinal);
        dispute["status"] = inquiry ? "warning_under_review" : "under_review";
        await call.State.SaveAsync(dispute, "charge.dispute.updated", []);
        return text switch
        {
            "winning_evidence" => await CloseAsync(call.State, dispute, inquiry ? "warning_closed" : "won"),
            "losing_evidence" => await CloseAsync(call.State, dispute, inquiry ? "warning_closed" : "lost"),
            _ => dispute,
        };
    }

    private static async Task<JsonObject> CloseAsync(SimulatorState state, JsonObject dispute, string status)
    {
        dispute["status"] = status;
        await state.SaveAsync(dispute, "charge.dispute.closed");
        if (status == "won")
        {
            var charge = await state.GetAsync("charge", dispute.Text("charge")!);
            charge["disputed"] = false;
            await state.SaveAsync(charge);
            await state.EmitAsync("charge.dispute.funds_reinstated", dispute);
        }

        return dispute;
    }
}
