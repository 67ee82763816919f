using System.Net;
using System.Net.Http.Json;
using BillingPortal.Tests.Testing;

namespace BillingPortal.Tests.Observability;

public sealed class ProxyTests(ProxyTests.BehindProxy portal) : IClassFixture<ProxyTests.BehindProxy>
{
    public sealed class BehindProxy : PortalFixture
    {
        protected override void Configure(IDictionary<string, string?> settings)
        {
            settings["Portal:PathBase"] = "/billing";
            settings["Portal:KnownProxies"] = "10.0.0.5, 127.0.0.0/8";
            settings["Portal:RequireHttps"] = "true";
        }
    }

    [Fact]
    public async Task Under_a_path_pages_and_programs_find_their_way()
    {
        using var page = await GetAsync("/billing/pricing");
        Assert.Equal(HttpStatusCode.OK, page.StatusCode);
        Assert.Contains("<base href=\"/billing/\"", await page.Content.ReadAsStringAsync(), StringComparison.Ordinal);

        using var missing = await GetAsync("/billing/api/v1/nothing");
        Assert.Equal("application/problem+json", missing.Content.Headers.ContentType?.MediaType);
    }

    [Fact]
    public async Task What_a_known_proxy_says_of_the_scheme_counts()
    {
        using var plain = await portal.Api().PostAsJsonAsync(portal.Url + "/billing/api/v1/check", new { account = "acme", action = "profile_my_data" });
        Assert.Equal(HttpStatusCode.BadRequest, plain.StatusCode);

        using var request = new HttpRequestMessage(HttpMethod.Post, portal.Url + "/billing/api/v1/check") { Content = JsonContent.Create(new { account = "acme", action = "profile_my_data" }) };
        request.Headers.Add("X-Forwarded-Proto", "https");
        using var secure = await portal.Api().SendAsync(request);
        Assert.Equal(HttpStatusCode.OK, secure.StatusCode);
    }

    private async Task<HttpResponseMessage> GetAsync(string path)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, portal.Url + path);
        request.Headers.Add("X-Forwarded-Proto", "https");
        request.Headers.Add("X-Forwarded-For", "203.0.113.9");
        return await portal.Client().SendAsync(request);
    }
}

public sealed class UnknownProxyTests(UnknownProxyTests.Direct portal) : IClassFixture<UnknownProxyTests.Direct>
{
    public sealed class Direct : PortalFixture
    {
        protected override void Configure(IDictionary<string, string?> settings)
        {
            settings["Portal:KnownProxies"] = "10.0.0.5";
            settings["Portal:RequireHttps"] = "true";
        }
    }

    [Fact]
    public async Task What_anybody_else_says_of_the_scheme_does_not()
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, portal.Url + "/api/v1/accounts");
        request.Headers.Add("X-Forwarded-Proto", "https");
        using var answer = await portal.Api().SendAsync(request);
        Assert.Equal(HttpStatusCode.BadRequest, answer.StatusCode);
    }
}
