using System.Text.Encodings.Web;
using BillingPortal.Primitives;

namespace BillingPortal.Observability;

/// <summary>The page for a failure of any other page. Plain HTML that needs nothing which may just have failed.</summary>
internal static class FailurePage
{
    public static Task WriteAsync(HttpContext context, Refusal refusal)
    {
        context.Response.StatusCode = refusal.Code.Status;
        context.Response.ContentType = "text/html; charset=utf-8";
        var detail = refusal.Code == ErrorCode.Internal ? "Something went wrong on our side. What you were doing was not carried out; trying again is safe." : refusal.Detail;
        return context.Response.WriteAsync(
            $"""
            <!doctype html>
            <html lang="en">
            <head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>{Text(refusal.Code.Title)}</title></head>
            <body>
            <main>
            <h1>{Text(refusal.Code.Title)}</h1>
            <p>{Text(detail)}</p>
            <p>Request id: <code>{Text(context.TraceIdentifier)}</code></p>
            <p><a href="{Text(context.Request.PathBase)}/">Back to the start</a></p>
            </main>
            </body>
            </html>
            """, context.RequestAborted);
    }

    private static string Text(string? text) => HtmlEncoder.Default.Encode(text ?? "");
}
