namespace BillingPortal.Api;

/// <summary>The API's description for people; reads <c>/openapi/v1.json</c> with a script of our own, so it works without the outside world.</summary>
internal static class Docs
{
    public static IResult Show(HttpContext context) => TypedResults.Content(
        $"""
        <!doctype html>
        <html lang="en">
        <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <meta name="color-scheme" content="light dark">
        <base href="{context.Request.PathBase}/">
        <title>API · BillingPortal</title>
        <link rel="icon" href="favicon.svg">
        <link rel="stylesheet" href="docs.css">
        </head>
        <body>
        <header><h1>BillingPortal API</h1><p><a href="openapi/v1.json">OpenAPI 3.1 document</a></p><label>Find <input id="find" type="search" placeholder="charges, refund, wallets…"></label></header>
        <main id="operations" aria-live="polite" aria-busy="true"><p>Loading…</p></main>
        <noscript><p>This page needs scripts; the document itself is at <a href="openapi/v1.json">openapi/v1.json</a>.</p></noscript>
        <script src="docs.js" defer></script>
        </body>
        </html>
        """, "text/html; charset=utf-8");
}
