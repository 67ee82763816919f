using System.Net;
using BillingPortal.Tests.Testing;

namespace BillingPortal.Tests.Access;

public class SurfaceTests(SurfaceTests.Limited portal) : IClassFixture<SurfaceTests.Limited>
{
    [Theory]
    [InlineData("/")]
    [InlineData("/signin")]
    [InlineData("/register")]
    [InlineData("/pricing")]
    public async Task Pages_carry_a_content_policy_without_inline_scripts(string page)
    {
        var answer = await portal.Client().GetAsync(page);
        var policy = answer.Headers.GetValues("Content-Security-Policy").Single();

        Assert.Contains("script-src 'self';", policy, StringComparison.Ordinal);
        Assert.Contains("frame-ancestors 'none'", policy, StringComparison.Ordinal);
        Assert.Equal("nosniff", answer.Headers.GetValues("X-Content-Type-Options").Single());
        var html = await answer.Content.ReadAsStringAsync();
        Assert.DoesNotMatch("<script(?![^>]*\\bsrc=)[^>]*>\\s*[^<\\s]", html);
        Assert.DoesNotMatch("\\son(click|load|error|submit|change)\\s*=", html);
    }

    [Fact]
    public async Task Who_asks_too_often_is_told_when_to_come_back()
    {
        using var visitor = new Visitor(portal.Url);
        HttpResponseMessage answer;
        var tries = 0;
        do
        {
            answer = await visitor.Client.PostAsync("/signin", new FormUrlEncodedContent([]));
        }
        while (answer.StatusCode != HttpStatusCode.TooManyRequests && ++tries < 30);

        Assert.Equal(HttpStatusCode.TooManyRequests, answer.StatusCode);
        Assert.Equal(TimeSpan.FromSeconds(60), answer.Headers.RetryAfter!.Delta);
    }

    [Fact]
    public async Task A_forged_forwarding_header_resets_no_limit()
    {
        var client = portal.Client();
        var answers = new List<HttpStatusCode>();
        for (var i = 0; i < 60; i++)
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, "/api/v1/me") { Headers = { { "X-Forwarded-For", $"10.0.0.{i}" } } };
            answers.Add((await client.SendAsync(request)).StatusCode);
        }

        Assert.Contains(HttpStatusCode.TooManyRequests, answers);
    }

    public sealed class Limited : PortalFixture
    {
        protected override void Configure(IDictionary<string, string?> settings)
        {
            settings["RateLimits:SignInPerMinute"] = "20";
            settings["RateLimits:AddressPerMinute"] = "50";
        }
    }
}
