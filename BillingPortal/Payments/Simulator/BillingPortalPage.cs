using System.Text.Json.Nodes;
using static BillingPortal.Payments.Simulator.SimulatorPage;

namespace BillingPortal.Payments.Simulator;

/// <summary>The hosted billing portal: subscription, card, invoices.</summary>
internal static class BillingPortalPage
{
    public static void Map(RouteGroupBuilder routes)
    {
        routes.MapGet("/portal/{id}", ShowAsync).AllowAnonymous().ExcludeFromDescription();
        routes.MapPost("/portal/{id}", ActAsync).AllowAnonymous().DisableAntiforgery().ExcludeFromDescription();
        routes.MapGet("/invoices/{id}", InvoiceAsync).AllowAnonymous().ExcludeFromDescription();
    }

    private static async Task<IResult> ShowAsync(HttpContext http, string id, SimulatorStore store, CancellationToken ct)
    {
        await using var state = await store.OpenAsync(ct);
        return await state.FindAsync("billing_portal.session", id) is { } session ? await PageAsync(http, state, session, null) : NotFound(http);
    }

    private static async Task<IResult> ActAsync(HttpContext http, string id, SimulatorStore store, SimulatorHost host, CancellationToken ct)
    {
        var form = await http.Request.ReadFormAsync(ct);
        await using var state = await store.OpenAsync(CancellationToken.None);
        if (await state.FindAsync("billing_portal.session", id) is not { } session)
        {
            return NotFound(http);
        }

        var customer = await state.GetAsync("customer", session.Text("customer")!);
        await state.UseClockOfAsync(customer);
        var said = form["act"].ToString() switch
        {
            "cancel" => await AtPeriodEndAsync(state, customer, form["subscription"].ToString(), true),
            "keep" => await AtPeriodEndAsync(state, customer, form["subscription"].ToString(), false),
            "card" => await ChangeCardAsync(state, customer, new string([.. form["number"].ToString().Where(char.IsAsciiDigit)])),
            "pay" => await PayAsync(state, customer, form["invoice"].ToString()),
            _ => null,
        };
        await state.CommitAsync();
        return await PageAsync(http, state: null, session, said, store);
    }

    private static async Task<string> AtPeriodEndAsync(SimulatorState state, JsonObject customer, string id, bool cancel)
    {
        if (await state.FindAsync("subscription", id) is not { } subscription || subscription.Text("customer") != customer.Text("id") || subscription.Text("status") == "canceled")
        {
            return "There is no such subscription.";
        }

        var before = subscription.DeepClone().AsObject();
        var end = subscription.Items("items").First().Number("current_period_end");
        subscription["cancel_at_period_end"] = cancel;
        subscription["cancel_at"] = cancel ? end : null;
        subscription["canceled_at"] = cancel ? state.Now : null;
        subscription.Child("cancellation_details")["reason"] = cancel ? "cancellation_requested" : null;
        await state.SaveAsync(subscription, "customer.subscription.updated", SimulatedSubscriptions.Difference(before, subscription));
        return cancel ? $"The subscription ends on {Day(end)}." : "The subscription goes on.";
    }

    private static async Task<string> ChangeCardAsync(SimulatorState state, JsonObject customer, string number)
    {
        if (SimulatedCard.Find(number) is not { } card)
        {
            return "That is not one of the test cards.";
        }

        if (card is { Decline: { } decline, DeclinesLater: false })
        {
            return decline.Message;
        }

        var method = await state.SaveAsync(SimulatedPaymentMethods.New(state, card, customer.Text("id"), customer.Text("name")), "payment_method.attached");
        customer.Child("invoice_settings")["default_payment_method"] = method.Text("id");
        await state.SaveAsync(customer, "customer.updated", []);
        foreach (var subscription in (await state.ListAsync("subscription", ("customer", customer.Text("id")))).Where(s => s.Text("status") != "canceled"))
        {
            subscription["default_payment_method"] = method.Text("id");
            await state.SaveAsync(subscription, "customer.subscription.updated", []);
        }

        return $"Payments are now taken from the card ending in {card.Number[^4..]}.";
    }

    private static async Task<string> PayAsync(SimulatorState state, JsonObject customer, string id)
    {
        if (await state.FindAsync("invoice", id) is not { } invoice || invoice.Text("customer") != customer.Text("id") || invoice.Text("status") != "open")
        {
            return "There is no such open invoice.";
        }

        var attempt = await SimulatedBilling.CollectAsync(state, invoice, null);
        return attempt is { Succeeded: false } ? attempt.Decline?.Message ?? "The payment was not confirmed." : "Thank you, the invoice is paid.";
    }

    private static async Task<IResult> PageAsync(HttpContext http, SimulatorState? state, JsonObject session, string? said, SimulatorStore? store = null)
    {
        await using var opened = store is null ? null : await store.OpenAsync(http.RequestAborted);
        var now = state ?? opened!;
        var customer = await now.GetAsync("customer", session.Text("customer")!);
        var subscriptions = (await now.ListAsync("subscription", ("customer", customer.Text("id")))).Where(s => s.Text("status") != "canceled");
        var invoices = await now.ListAsync("invoice", ("customer", customer.Text("id")));
        var method = customer["invoice_settings"] is JsonObject settings && settings.Text("default_payment_method") is { } set ? await now.FindAsync("payment_method", set)
            : (await now.ListAsync("payment_method", ("customer", customer.Text("id")))).FirstOrDefault();
        var back = session.Text("return_url") is { } url ? $"""<p><a href="{E(url)}">← Back</a></p>""" : "";
        return Show(http, "Billing",
            $"""
            <div>{back}<h1>Billing of {E(customer.Text("name") ?? customer.Text("email") ?? customer.Text("id"))}</h1></div>
            {(said is null ? "" : $"<p class=\"card\" role=\"status\">{E(said)}</p>")}
            <section class="card" aria-labelledby="subscriptions"><h2 id="subscriptions">Subscription</h2>{string.Concat(subscriptions.Select(Subscription).DefaultIfEmpty("<p class=\"muted\">None.</p>"))}</section>
            <section class="card" aria-labelledby="card"><h2 id="card">Payment method</h2>
              <p>{(method is null ? "No card yet." : $"{E(method.Child("card").Text("brand"))} •••• {E(method.Child("card").Text("last4"))}")}</p>
              <form method="post"><label for="number">New card number</label><input id="number" name="number" inputmode="numeric" autocomplete="off" maxlength="25" value="4242 4242 4242 4242">
              <div class="actions"><button name="act" value="card">Change card</button></div></form></section>
            <section class="card" aria-labelledby="invoices"><h2 id="invoices">Invoices</h2>{Invoices(invoices)}</section>
            """);
    }

    private static string Subscription(JsonObject subscription)
    {
        var item = subscription.Items("items").First();
        var ends = Day(item.Number("current_period_end"));
        var (act, text, when) = subscription.Flag("cancel_at_period_end") ? ("keep", "Don't cancel", $"Ends on {ends}") : ("cancel", "Cancel at period end", $"Renews on {ends}");
        return
            $"""
            <p><strong>{E(item.Child("price").Text("nickname") ?? item.Child("price").Text("lookup_key") ?? "Subscription")}</strong>, {Money(SimulatedBilling.Price(item), item.Child("price").Text("currency"))}{Every(item.Child("price"))} · {E(subscription.Text("status"))}<br><span class="muted">{when}</span></p>
            <form method="post"><input type="hidden" name="subscription" value="{E(subscription.Text("id"))}"><button class="quiet" name="act" value="{act}">{text}</button></form>
            """;
    }

    private static string Invoices(List<JsonObject> invoices) => invoices.Count == 0 ? "<p class=\"muted\">None.</p>" :
        $"""
        <table><thead><tr><th scope="col">Date</th><th scope="col">Number</th><th scope="col">Status</th><th scope="col" class="number">Total</th><th scope="col"><span class="muted">Pay</span></th></tr></thead><tbody>
        {string.Concat(invoices.Select(i => $"<tr><td>{Day(i.Number("created"))}</td><td><a href=\"{E(i.Text("hosted_invoice_url"))}\">{E(i.Text("number"))}</a></td><td>{E(i.Text("status"))}</td><td class=\"number\">{Money(i.Number("total"), i.Text("currency"))}</td><td>{PayButton(i)}</td></tr>"))}
        </tbody></table>
        """;

    private static string PayButton(JsonObject invoice) => invoice.Text("status") != "open" ? "" :
        $"""<form method="post"><input type="hidden" name="invoice" value="{E(invoice.Text("id"))}"><button class="quiet" name="act" value="pay">Pay</button></form>""";

    private static async Task<IResult> InvoiceAsync(HttpContext http, string id, SimulatorStore store, CancellationToken ct)
    {
        await using var state = await store.OpenAsync(ct);
        if (await state.FindAsync("invoice", id) is not { } invoice)
        {
            return NotFound(http);
        }

        var lines = string.Concat(invoice.Items("lines").Select(l => $"""<li class="row"><span>{E(l.Text("description"))}</span><span>{Money(l.Number("amount"), l.Text("currency"))}</span></li>"""));
        return Show(http, $"Invoice {invoice.Text("number")}",
            $"""
            <section class="card"><h1>Invoice {E(invoice.Text("number"))}</h1><p class="muted">{Day(invoice.Number("created"))} · {E(invoice.Text("status"))} · {E(invoice.Text("customer_email"))}</p>
            <ul>{lines}</ul><p class="row"><strong>Total</strong><strong>{Money(invoice.Number("total"), invoice.Text("currency"))}</strong></p></section>
            """);
    }
}
