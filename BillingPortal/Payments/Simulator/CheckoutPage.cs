using System.Text.Json.Nodes;
using static BillingPortal.Payments.Simulator.SimulatorPage;

namespace BillingPortal.Payments.Simulator;

/// <summary>The hosted checkout: a person pays, is declined, confirms by 3-D Secure, or goes back. Works without script.</summary>
internal static class CheckoutPage
{
    public static void Map(RouteGroupBuilder routes)
    {
        routes.MapGet("/checkout/{id}", ShowAsync).AllowAnonymous().ExcludeFromDescription();
        routes.MapPost("/checkout/{id}", PayAsync).AllowAnonymous().DisableAntiforgery().ExcludeFromDescription();
        routes.MapGet("/checkout/{id}/confirm", ShowConfirmAsync).AllowAnonymous().ExcludeFromDescription();
        routes.MapPost("/checkout/{id}/confirm", ConfirmAsync).AllowAnonymous().DisableAntiforgery().ExcludeFromDescription();
    }

    private static async Task<IResult> ShowAsync(HttpContext http, string id, SimulatorStore store, CancellationToken ct)
    {
        await using var state = await store.OpenAsync(ct);
        return await state.FindAsync("checkout.session", id) is { } session ? Form(http, session, null) : NotFound(http);
    }

    private static async Task<IResult> PayAsync(HttpContext http, string id, SimulatorStore store, SimulatorHost host, CancellationToken ct)
    {
        var form = await http.Request.ReadFormAsync(ct);
        await using var state = await store.OpenAsync(CancellationToken.None);
        if (await state.FindAsync("checkout.session", id) is not { } session)
        {
            return NotFound(http);
        }

        if (session.Text("status") != "open")
        {
            return Form(http, session, null);
        }

        if (session.Number("expires_at") <= state.Now)
        {
            await SimulatedCheckoutSessions.ExpireAsync(state, session);
            await state.CommitAsync();
            return Form(http, session, null);
        }

        if (SimulatedCard.Find(new string([.. form["number"].ToString().Where(char.IsAsciiDigit)])) is not { } card)
        {
            return Form(http, session, "Your card number is not one of the test cards below. Nothing was charged.");
        }

        if (session.Flag("allow_promotion_codes") && form["promotion_code"].ToString().Trim() is { Length: > 0 } typed)
        {
            var known = (await state.ListAsync("promotion_code", ("code", typed))).Find(c => c.Flag("active"));
            if (await SimulatedDiscounts.OfCodeAsync(state, known) is not var (coupon, code))
            {
                return Form(http, session, "This code is not valid. Nothing was charged.");
            }

            SimulatedCheckoutSessions.Discount(session, coupon, code);
        }

        var result = await ChargeAsync(state, session, card, form["name"].ToString(), form["email"].ToString(), host);
        await state.CommitAsync();
        return result switch
        {
            null => Results.Redirect(SuccessUrl(session)),
            { NeedsConfirmation: true } => Results.Redirect($"{http.Request.PathBase}{SimulatorSlice.Path}/checkout/{id}/confirm"),
            _ => Form(http, session, $"{result.Decline!.Message} Nothing was charged; you can try another card."),
        };
    }

    /// <returns>Null when the session is complete.</returns>
    private static async Task<PaymentAttempt?> ChargeAsync(SimulatorState state, JsonObject session, SimulatedCard card, string name, string email, SimulatorHost host)
    {
        var customer = await CustomerAsync(state, session, name, email);
        await state.UseClockOfAsync(customer);
        var method = await state.SaveAsync(SimulatedPaymentMethods.New(state, card, null, name.Length == 0 ? null : name[..Math.Min(name.Length, 200)]));
        if (session.Text("mode") == "setup" && card is { Decline: { } refused, DeclinesLater: false })
        {
            return new(new JsonObject(), refused, false);
        }

        JsonObject? intent = null;
        if (SimulatedCheckoutSessions.DueNow(session) is > 0 and var due)
        {
            var what = session.Text("mode") == "subscription" ? "Subscription creation" : null;
            var attempt = await SimulatedPayments.PayAsync(state, customer, method, due, session.Text("currency")!, what, session.Child("_payment_metadata"), present: true);
            if (!attempt.Succeeded)
            {
                session["customer"] = customer.Text("id");
                session["_confirming"] = attempt.NeedsConfirmation ? attempt.Intent.Text("id") : null;
                await state.SaveAsync(session);
                return attempt;
            }

            intent = attempt.Intent;
        }

        await SimulatedCheckoutSessions.CompleteAsync(state, session, customer, method, intent, host.Address);
        return null;
    }

    private static async Task<JsonObject> CustomerAsync(SimulatorState state, JsonObject session, string name, string email)
    {
        if (session.Text("customer") is { } id)
        {
            return await state.GetAsync("customer", id);
        }

        return await SimulatedCustomers.NewGuestAsync(state, email.Length is > 0 and <= 320 ? email : session.Text("_email"), name);
    }

    private static async Task<IResult> ShowConfirmAsync(HttpContext http, string id, SimulatorStore store, CancellationToken ct)
    {
        await using var state = await store.OpenAsync(ct);
        return await state.FindAsync("checkout.session", id) is not { } session ? NotFound(http)
            : session.Text("status") != "open" || session.Text("_confirming") is null ? Form(http, session, null)
            : Show(http, "3-D Secure",
                $"""
                <section class="card" aria-labelledby="ask">
                  <p class="muted">Your card's bank</p>
                  <h1 id="ask">Is this payment yours?</h1>
                  <p class="total">{Money(SimulatedCheckoutSessions.DueNow(session), session.Text("currency"))}</p>
                  <p>This card asks for 3-D Secure. Nothing is charged until you complete it.</p>
                  <form method="post" class="actions">
                    <button name="answer" value="complete">Complete authentication</button>
                    <button name="answer" value="fail" class="quiet">Fail authentication</button>
                  </form>
                </section>
                """);
    }

    private static async Task<IResult> ConfirmAsync(HttpContext http, string id, SimulatorStore store, SimulatorHost host, CancellationToken ct)
    {
        var answer = (await http.Request.ReadFormAsync(ct))["answer"].ToString();
        await using var state = await store.OpenAsync(CancellationToken.None);
        if (await state.FindAsync("checkout.session", id) is not { } session)
        {
            return NotFound(http);
        }

        if (session.Text("status") != "open" || session.Text("_confirming") is not { } confirming)
        {
            return Form(http, session, null);
        }

        var customer = await state.GetAsync("customer", session.Text("customer")!);
        await state.UseClockOfAsync(customer);
        var intent = await state.GetAsync("payment_intent", confirming);
        var method = await state.GetAsync("payment_method", intent.Text("payment_method")!);
        session["_confirming"] = null;
        var attempt = await SimulatedPayments.ConfirmAsync(state, intent, answer == "complete");
        if (attempt.Succeeded)
        {
            await SimulatedCheckoutSessions.CompleteAsync(state, session, customer, method, intent, host.Address);
        }
        else
        {
            await state.SaveAsync(session);
        }

        await state.CommitAsync();
        return attempt.Succeeded ? Results.Redirect(SuccessUrl(session)) : Form(http, session, $"{attempt.Decline!.Message} You can try another card.");
    }

    private static string SuccessUrl(JsonObject session) => session.Text("success_url")!.Replace("{CHECKOUT_SESSION_ID}", session.Text("id"), StringComparison.Ordinal);

    private static IResult Form(HttpContext http, JsonObject session, string? error)
    {
        var due = Money(SimulatedCheckoutSessions.DueNow(session), session.Text("currency"));
        var lines = string.Concat(session.Items("_line_items").Select(l =>
            $"""<li class="row"><span>{E(l.Text("description"))}{(l.Number("quantity") > 1 ? $" × {l.Number("quantity")}" : "")}</span><span>{(SimulatedUsage.IsMetered(l.Child("price")) ? "by use, afterwards" : $"{Money(l.Number("amount_total"), session.Text("currency"))}{Every(l.Child("price"))}")}</span></li>"""));
        var back = session.Text("cancel_url") is { } url ? $"""<p><a href="{E(url)}">← Back, without paying</a></p>""" : "";
        var trial = session.Number("_trial_days") is > 0 and var days ? $"""<p class="muted">{days} days free, then {Money(session.Number("amount_total"), session.Text("currency"))}.</p>""" : "";
        return Show(http, "Checkout",
            $"""
            <div class="two">
            <section class="card" aria-labelledby="what">
              {back}
              <h1 id="what">{session.Text("mode") switch { "subscription" => "Subscribe", "setup" => "Save a card", _ => "Pay" }}</h1>
              <p class="total">{due}</p>{trial}
              <ul>{lines}</ul>
            </section>
            <section class="card" aria-labelledby="how">
              {session.Text("status") switch { "open" => PaymentForm(session, error, due), "complete" => Done(session), _ => "<h2 id=\"how\">This checkout has expired</h2><p>Nothing was charged. Go back and start again.</p>" }}
            </section>
            </div>
            """);
    }

    private static string Done(JsonObject session) => $"""<h2 id="how" class="good">Paid</h2><p>This checkout is complete.</p><p><a class="button" href="{E(SuccessUrl(session))}">Continue</a></p>""";

    private static string PaymentForm(JsonObject session, string? error, string due)
    {
        var cards = string.Concat(SimulatedCard.All.Select(c => $"<tr><td><code>{c.Number[..4]} {c.Number[4..8]} {c.Number[8..12]} {c.Number[12..]}</code></td><td>{E(c.What)}</td></tr>"));
        var alert = error is null ? "" : $"""<p class="bad" role="alert" id="refused">{E(error)}</p>""";
        var describe = error is null ? "" : " aria-invalid=\"true\" aria-describedby=\"refused\"";
        return
            $"""
            <h2 id="how">Pay with card</h2>
            {alert}
            <form method="post" action="{E(session.Text("url"))}">
              <label for="email">Email</label>
              <input id="email" name="email" type="email" autocomplete="email" maxlength="320" value="{E(session.Text("_email"))}">
              <label for="number">Card number</label>
              <input id="number" name="number" inputmode="numeric" autocomplete="off" maxlength="25" required value="4242 4242 4242 4242"{describe}>
              <div class="pair">
                <div><label for="expiry">Expiry</label><input id="expiry" name="expiry" autocomplete="off" inputmode="numeric" maxlength="7" value="12 / 34"></div>
                <div><label for="cvc">Security code</label><input id="cvc" name="cvc" autocomplete="off" inputmode="numeric" maxlength="4" value="123"></div>
              </div>
              <label for="name">Name on card</label>
              <input id="name" name="name" autocomplete="name" maxlength="200" value="Test Person">
              {(session.Flag("allow_promotion_codes") ? "<label for=\"promotion_code\">Promotion code</label><input id=\"promotion_code\" name=\"promotion_code\" autocomplete=\"off\" maxlength=\"60\">" : "")}
              <button class="wide">{session.Text("mode") switch { "subscription" => $"Subscribe {due}", "setup" => "Save the card", _ => $"Pay {due}" }}</button>
            </form>
            <h2>Test cards</h2>
            <table><thead><tr><th scope="col">Number</th><th scope="col">What it does</th></tr></thead><tbody>{cards}</tbody></table>
            """;
    }
}
