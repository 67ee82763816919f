using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using BillingPortal.Tests.Testing;

namespace BillingPortal.Tests.Identity;

public class SignInTests(PortalFixture portal) : IClassFixture<PortalFixture>
{
    [Fact]
    public async Task Registering_makes_a_user_with_an_account_of_their_own()
    {
        using var visitor = new Visitor(portal.Url);
        var answer = await visitor.RegisterAsync("grace@example.com");

        Assert.Equal(HttpStatusCode.Redirect, answer.StatusCode);
        Assert.EndsWith("/portal", answer.Headers.Location!.OriginalString, StringComparison.Ordinal);
        Assert.Equal(1L, await portal.ScalarAsync<long>(
            "select count(*) from members m join users u on u.id = m.user_id join accounts a using (account_id) where u.email = 'grace@example.com' and m.role = 'Owner' and a.email = u.email"));
        Assert.Equal(HttpStatusCode.OK, (await visitor.Client.GetAsync("/portal")).StatusCode);
    }

    [Fact]
    public async Task A_wrong_password_is_refused_and_a_right_one_lets_in()
    {
        using var visitor = new Visitor(portal.Url);
        await visitor.RegisterAsync("hedy@example.com");
        using var again = new Visitor(portal.Url);

        var wrong = await again.SignInAsync("hedy@example.com", "not the password");
        Assert.Equal(HttpStatusCode.OK, wrong.StatusCode);
        Assert.Contains("The e-mail or the password is wrong.", await wrong.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        Assert.Equal(HttpStatusCode.Redirect, (await again.SignInAsync("hedy@example.com")).StatusCode);
        Assert.Equal(HttpStatusCode.OK, (await again.Client.GetAsync("/portal")).StatusCode);
    }

    [Fact]
    public async Task After_signing_out_a_copy_of_the_cookie_is_worth_nothing()
    {
        using var visitor = new Visitor(portal.Url);
        var registered = await visitor.RegisterAsync("ida@example.com");
        var cookie = registered.Headers.GetValues("Set-Cookie").Single(c => c.StartsWith("bp_session=", StringComparison.Ordinal)).Split(';')[0];
        Assert.Equal(HttpStatusCode.OK, (await WithCookieAsync(cookie)).StatusCode);

        Assert.Equal(HttpStatusCode.Redirect, (await visitor.PostFormAsync("/signin", null, [], to: "/signout")).StatusCode);

        portal.Time.Advance(TimeSpan.FromSeconds(30));
        Assert.NotEqual(HttpStatusCode.OK, (await WithCookieAsync(cookie)).StatusCode);
    }

    [Fact]
    public async Task Pages_are_shut_to_strangers_and_staff_pages_to_customers()
    {
        using var stranger = new Visitor(portal.Url);
        var sent = await stranger.Client.GetAsync("/portal/ledger?unit=credit");
        Assert.Equal(HttpStatusCode.Redirect, sent.StatusCode);
        Assert.Contains("/signin?returnUrl=%2Fportal%2Fledger%3Funit%3Dcredit", sent.Headers.Location!.OriginalString, StringComparison.OrdinalIgnoreCase);

        using var customer = new Visitor(portal.Url);
        await customer.RegisterAsync("joan@example.com");
        Assert.NotEqual(HttpStatusCode.OK, (await customer.Client.GetAsync("/admin")).StatusCode);
    }

    [Theory]
    [InlineData("https://evil.example/")]
    [InlineData("//evil.example/")]
    [InlineData("/\\evil.example")]
    [InlineData("javascript:alert(1)")]
    public async Task Signing_in_never_leads_to_another_site(string returnUrl)
    {
        using var visitor = new Visitor(portal.Url);
        var answer = await visitor.PostFormAsync($"/signin?returnUrl={Uri.EscapeDataString(returnUrl)}", "signin", [new("Input.Email", "admin@example.com"), new("Input.Password", "Correct-horse-battery-1")]);

        Assert.Equal(HttpStatusCode.Redirect, answer.StatusCode);
        Assert.EndsWith("/admin", answer.Headers.Location!.OriginalString, StringComparison.Ordinal);
        Assert.DoesNotContain("evil", answer.Headers.Location.OriginalString, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_portal_link_lets_in_once_as_its_account()
    {
        await portal.Api().PutAsJsonAsync("accounts/linked", new { });
        var made = await portal.Api().PostAsJsonAsync("accounts/linked/portal-sessions", new { page = "/portal" });
        Assert.Equal(HttpStatusCode.Created, made.StatusCode);
        var url = new Uri((await made.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("url").GetString()!).PathAndQuery;

        using var first = new Visitor(portal.Url);
        Assert.Equal("/portal", (await first.Client.GetAsync(url)).Headers.Location!.OriginalString);
        Assert.Equal(HttpStatusCode.OK, (await first.Client.GetAsync("/portal")).StatusCode);
        using var second = new Visitor(portal.Url);
        Assert.Contains("problem=link", (await second.Client.GetAsync(url)).Headers.Location!.OriginalString, StringComparison.Ordinal);
        Assert.NotEqual(HttpStatusCode.OK, (await second.Client.GetAsync("/portal")).StatusCode);
    }

    [Fact]
    public async Task A_portal_link_dies_after_five_minutes_and_returns_to_allowed_origins_only()
    {
        await portal.Api().PutAsJsonAsync("accounts/late", new { });
        var refused = await portal.Api().PostAsJsonAsync("accounts/late/portal-sessions", new { return_url = "https://evil.example/" });
        Assert.Equal(HttpStatusCode.BadRequest, refused.StatusCode);
        Assert.Equal(HttpStatusCode.BadRequest, (await portal.Api().PostAsJsonAsync("accounts/late/portal-sessions", new { page = "//evil.example" })).StatusCode);
        var made = await portal.Api().PostAsJsonAsync("accounts/late/portal-sessions", new { });
        var url = new Uri((await made.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("url").GetString()!).PathAndQuery;

        portal.Time.Advance(TimeSpan.FromMinutes(6));

        using var visitor = new Visitor(portal.Url);
        Assert.Contains("problem=link", (await visitor.Client.GetAsync(url)).Headers.Location!.OriginalString, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_account_token_reaches_its_account_alone_and_dies_with_its_key()
    {
        var root = portal.Api();
        await root.PutAsJsonAsync("accounts/token-own", new { });
        await root.PutAsJsonAsync("accounts/token-foreign", new { });
        var key = await (await root.PostAsJsonAsync("admin/api-keys", new { name = "issuer", scopes = (string[])["accounts"] })).Content.ReadFromJsonAsync<JsonElement>();
        var made = await portal.Api(key.GetProperty("secret").GetString()!).PostAsJsonAsync("accounts/token-own/tokens", new { scopes = (string[])["read"], expires_in = 60 });
        Assert.Equal(HttpStatusCode.Created, made.StatusCode);
        var token = portal.Api((await made.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("token").GetString()!);

        Assert.Equal(HttpStatusCode.OK, (await token.GetAsync("accounts/token-own")).StatusCode);
        Assert.Equal(HttpStatusCode.NotFound, (await token.GetAsync("accounts/token-foreign")).StatusCode);
        Assert.Equal(HttpStatusCode.Forbidden, (await token.PostAsJsonAsync("accounts/token-own/tokens", new { })).StatusCode);
        Assert.Equal(HttpStatusCode.Forbidden, (await token.GetAsync("admin/api-keys")).StatusCode);
        Assert.Equal(HttpStatusCode.BadRequest, (await root.PostAsJsonAsync("accounts/token-own/tokens", new { scopes = (string[])["admin"] })).StatusCode);

        await root.DeleteAsync($"admin/api-keys/{key.GetProperty("id").GetString()}");
        Assert.Equal(HttpStatusCode.Unauthorized, (await token.GetAsync("accounts/token-own")).StatusCode);
    }

    [Fact]
    public async Task Forms_and_sockets_of_another_site_are_refused()
    {
        using var visitor = new Visitor(portal.Url);
        using var post = new HttpRequestMessage(HttpMethod.Post, "/signin") { Content = new FormUrlEncodedContent([]), Headers = { { "Origin", "https://evil.example" } } };
        Assert.Equal(HttpStatusCode.Forbidden, (await visitor.Client.SendAsync(post)).StatusCode);
        using var negotiate = new HttpRequestMessage(HttpMethod.Post, "/_blazor/negotiate?negotiateVersion=1") { Headers = { { "Origin", "https://evil.example" } } };
        Assert.Equal(HttpStatusCode.Forbidden, (await visitor.Client.SendAsync(negotiate)).StatusCode);
        using var socket = new HttpRequestMessage(HttpMethod.Get, "/_blazor") { Headers = { { "Origin", "https://evil.example" }, { "Connection", "Upgrade" }, { "Upgrade", "websocket" } } };
        Assert.Equal(HttpStatusCode.Forbidden, (await visitor.Client.SendAsync(socket)).StatusCode);
    }

    private async Task<HttpResponseMessage> WithCookieAsync(string cookie)
    {
        using var client = new HttpClient(new SocketsHttpHandler { UseCookies = false, AllowAutoRedirect = false }) { BaseAddress = new(portal.Url) };
        client.DefaultRequestHeaders.Add("Cookie", cookie);
        return await client.GetAsync("/portal");
    }
}
