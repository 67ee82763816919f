using System.Net;
using System.Text.RegularExpressions;

namespace BillingPortal.Tests.Testing;

/// <summary>A browser without scripts: keeps cookies, follows no redirects, posts forms with their antiforgery token.</summary>
public sealed partial class Visitor(string url) : IDisposable
{
    private readonly HttpClient client = new(new SocketsHttpHandler { AllowAutoRedirect = false, CookieContainer = new CookieContainer() }) { BaseAddress = new(url) };

    public HttpClient Client => client;

    /// <summary>Opens the page, then posts the form named <paramref name="form"/> as a browser would.</summary>
    public async Task<HttpResponseMessage> PostFormAsync(string page, string? form, IEnumerable<KeyValuePair<string, string>> fields, string? to = null)
    {
        var html = await client.GetStringAsync(page);
        var token = TokenField().Match(html) is { Success: true } found ? WebUtility.HtmlDecode(found.Groups[1].Value) : "";
        List<KeyValuePair<string, string>> all = [.. fields, new("__RequestVerificationToken", token)];
        if (form is not null)
        {
            all.Add(new("_handler", form));
        }

        return await client.PostAsync(to ?? page, new FormUrlEncodedContent(all));
    }

    public Task<HttpResponseMessage> RegisterAsync(string email, string password = "correct horse battery") =>
        PostFormAsync("/register", "register", [new("Input.Name", "Somebody"), new("Input.Email", email), new("Input.Password", password)]);

    public Task<HttpResponseMessage> SignInAsync(string email, string password = "correct horse battery") =>
        PostFormAsync("/signin", "signin", [new("Input.Email", email), new("Input.Password", password)]);

    public void Dispose() => client.Dispose();

    [GeneratedRegex("name=\"__RequestVerificationToken\" value=\"([^\"]+)\"")]
    private static partial Regex TokenField();
}
