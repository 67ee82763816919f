using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using BillingPortal.Data;
using Microsoft.EntityFrameworkCore;

namespace BillingPortal.Outbox;

/// <summary>The mails that did not leave, for whoever develops: newest first, links to click. Mapped only where mails are kept.</summary>
internal static class KeptMail
{
    public static async Task<IResult> ShowAsync(Tenants tenants, CancellationToken ct)
    {
        await using var scope = await tenants.ForStaffAsync(ct);
        var mails = await scope.Db.Set<OutboxMessage>().AsNoTracking().Where(m => m.Kind == MailDelivery.MailKind).OrderByDescending(m => m.Id).Take(100).ToListAsync(ct);
        var page = new StringBuilder(
            """
            <!doctype html>
            <html lang="en">
            <head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><meta name="color-scheme" content="light dark"><title>Kept mail</title></head>
            <body>
            <main>
            <h1>Kept mail</h1>
            <p>No mail server is configured, so nothing leaves this machine.</p>

            """);
        if (mails.Count == 0)
        {
            page.Append("<p>No mail yet.</p>\n");
        }

        foreach (var mail in mails)
        {
            page.Append(CultureInfo.InvariantCulture,
                $"""
                <article>
                <h2>{Text(mail.Subject)}</h2>
                <p>To {Text(mail.Recipient)}, <time datetime="{mail.CreatedAt:O}">{mail.CreatedAt:yyyy-MM-dd HH:mm:ss} UTC</time></p>
                <pre>{Linked(mail.Body)}</pre>
                </article>

                """);
        }

        return TypedResults.Content(page.Append("</main>\n</body>\n</html>\n").ToString(), "text/html; charset=utf-8");
    }

    private static string Linked(string body) => string.Join('\n', body.ReplaceLineEndings("\n").Split('\n').Select(line => string.Join(' ', line.Split(' ').Select(word =>
        word.StartsWith("http://", StringComparison.Ordinal) || word.StartsWith("https://", StringComparison.Ordinal) ? $"<a href=\"{Text(word)}\">{Text(word)}</a>" : Text(word)))));

    private static string Text(string text) => HtmlEncoder.Default.Encode(text);
}
