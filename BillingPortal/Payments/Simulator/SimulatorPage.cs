using System.Globalization;
using System.Net;
using System.Text.Json.Nodes;
using BillingPortal.Payments.Stripe;
using BillingPortal.Primitives;

namespace BillingPortal.Payments.Simulator;

/// <summary>The frame of the simulator's hosted pages: plain HTML, no script, its own style sheet.</summary>
internal static class SimulatorPage
{
    public static void MapSimulatorPages(this RouteGroupBuilder routes)
    {
        routes.MapGet("/simulator.css", () => Results.Text(Css, "text/css")).AllowAnonymous().ExcludeFromDescription();
        CheckoutPage.Map(routes);
        BillingPortalPage.Map(routes);
    }

    /// <summary>Text made safe for HTML, attribute values included.</summary>
    public static string E(string? text) => WebUtility.HtmlEncode(text ?? "");

    public static string Money(long minor, string? currency)
    {
        var unit = Unit.Of(currency ?? "usd");
        var amount = StripeMoney.FromMinor(minor, unit).Value;
        var text = Math.Abs(amount).ToString(StripeMoney.MinorPerUnit(unit) == 1 ? "N0" : "N2", CultureInfo.InvariantCulture);
        return $"{(amount < 0 ? "−" : "")}{(unit.Code switch { "usd" => "$", "eur" => "€", "gbp" => "£", _ => unit.Code.ToUpperInvariant() + " " })}{text}";
    }

    public static string Day(long unixSeconds) => DateTimeOffset.FromUnixTimeSeconds(unixSeconds).ToString("d MMMM yyyy", CultureInfo.InvariantCulture);

    public static string Every(JsonObject price) => price["recurring"] is JsonObject recurring ? $" per {recurring.Text("interval")}" : "";

    public static IResult Show(HttpContext http, string title, string body, int status = 200)
    {
        // The pages' own policy: a form's answer may lead back to the product, wherever that is.
        http.Response.Headers.ContentSecurityPolicy = "default-src 'none'; style-src 'self'; img-src 'self' data:; base-uri 'none'; frame-ancestors 'none'";
        http.Response.Headers.CacheControl = "no-store";
        return Results.Content(
            $"""
            <!doctype html>
            <html lang="en">
            <head>
              <meta charset="utf-8">
              <meta name="viewport" content="width=device-width, initial-scale=1">
              <meta name="color-scheme" content="light dark">
              <title>{E(title)} · Stripe simulator</title>
              <link rel="icon" href="data:,">
              <link rel="stylesheet" href="{http.Request.PathBase}{SimulatorSlice.Path}/simulator.css">
            </head>
            <body>
              <p class="ribbon" role="note">Stripe simulator: no real money moves here.</p>
              <main>
            {body}
              </main>
            </body>
            </html>
            """, "text/html; charset=utf-8", statusCode: status);
    }

    public static IResult NotFound(HttpContext http) => Show(http, "Not found", "<h1>There is nothing here</h1><p>This link is not known to the simulator. Go back and start again.</p>", 404);

    private const string Css =
        """
        :root { color-scheme: light dark; --ink: light-dark(#1a1f36, #e6e8ee); --muted: light-dark(#5b6478, #a5acbd); --paper: light-dark(#ffffff, #171b26);
          --ground: light-dark(#f4f6fa, #0e1119); --line: light-dark(#cfd5e1, #3a4154); --accent: light-dark(#4b45d1, #a8a4ff); --on-accent: light-dark(#ffffff, #14142b);
          --bad: light-dark(#a51b2b, #ffb3ba); --bad-ground: light-dark(#fdecee, #3a1820); --good: light-dark(#126b3f, #8fe0b3); }
        * { box-sizing: border-box; }
        body { margin: 0; background: var(--ground); color: var(--ink); font: 16px/1.5 system-ui, sans-serif; }
        .ribbon { margin: 0; padding: 8px 16px; text-align: center; font-size: 14px; background: light-dark(#fff3cd, #3b3210); color: light-dark(#5c4400, #ffe69a); }
        main { max-width: 920px; margin: 0 auto; padding: 32px 16px 64px; display: grid; gap: 24px; }
        .two { display: grid; gap: 24px; grid-template-columns: 1fr; }
        @media (min-width: 760px) { .two { grid-template-columns: 1fr 1fr; align-items: start; } }
        h1 { margin: 0 0 8px; font-size: 24px; line-height: 1.25; } h2 { margin: 0 0 12px; font-size: 18px; }
        .card { background: var(--paper); border: 1px solid var(--line); border-radius: 12px; padding: 24px; min-width: 0; }
        .total { font-size: 36px; font-weight: 650; margin: 4px 0 16px; font-variant-numeric: tabular-nums; }
        .muted { color: var(--muted); font-size: 14px; }
        dl, ul { margin: 0; padding: 0; list-style: none; }
        .row { display: flex; justify-content: space-between; gap: 16px; padding: 10px 0; border-top: 1px solid var(--line); font-variant-numeric: tabular-nums; }
        label { display: block; font-weight: 600; margin: 16px 0 4px; }
        input { width: 100%; min-height: 44px; padding: 8px 12px; font: inherit; color: inherit; background: var(--paper); border: 1px solid light-dark(#7a8397, #78819a); border-radius: 8px; font-variant-numeric: tabular-nums; }
        .pair { display: grid; grid-template-columns: 1fr 1fr; gap: 12px; }
        button, .button { display: inline-block; min-height: 44px; padding: 10px 20px; font: inherit; font-weight: 600; text-align: center; text-decoration: none; border-radius: 8px; border: 1px solid var(--accent); background: var(--accent); color: var(--on-accent); cursor: pointer; }
        button.wide { width: 100%; margin-top: 20px; }
        button.quiet, .button.quiet { background: transparent; color: var(--accent); }
        a { color: var(--accent); }
        :focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
        .bad { background: var(--bad-ground); color: var(--bad); border: 1px solid currentColor; border-radius: 8px; padding: 12px 16px; margin: 0 0 16px; }
        .good { color: var(--good); font-weight: 600; }
        table { width: 100%; border-collapse: collapse; font-size: 14px; } th, td { text-align: left; padding: 8px 8px 8px 0; border-top: 1px solid var(--line); } th { font-weight: 600; }
        td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; }
        code { font: 13px ui-monospace, monospace; white-space: nowrap; }
        .card > :first-child { margin-top: 0; } .card > * + h2 { margin-top: 28px; }
        .actions { display: flex; flex-wrap: wrap; gap: 12px; margin-top: 16px; }
        """;
}
