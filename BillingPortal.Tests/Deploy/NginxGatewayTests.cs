using System.Net;
using BillingPortal.Tests.Gating;
using BillingPortal.Tests.Testing;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace BillingPortal.Tests.Deploy;

/// <summary>The shipped recipe on the real nginx, before a product that knows nothing of billing. Only ports, files and the name of the one action are put in.</summary>
public sealed class NginxGatewayTests(NginxGatewayTests.DemoCatalogPortal portal) : IClassFixture<NginxGatewayTests.DemoCatalogPortal>, IAsyncLifetime
{
    public sealed class DemoCatalogPortal() : CatalogPortal("demo");

    private const string Closed = "error_page 500 = @billing_closed;";

    private readonly List<IHeaderDictionary> served = [];
    private WebApplication? product;
    private HttpClient? client;

    [Fact]
    public async Task What_is_paid_for_reaches_the_product_and_is_charged()
    {
        await using var nginx = await StartAsync();
        var account = await portal.Api().AccountWithAsync(100);

        var answer = await SendAsync("/agents/x?y=1", account, HttpMethod.Post, "the body");

        Assert.Equal((HttpStatusCode.OK, "POST /agents/x?y=1 the body"), (answer.Status, answer.Text));
        var charge = served.Single()["X-Billing-Charge-Id"].Single();
        Assert.Equal("succeeded", (await portal.Api().GetReplyAsync($"charges/{charge}")).String("status"));
        Assert.Equal(1, await portal.CountAsync("charges", account));
        Assert.DoesNotContain("Bearer", string.Join(' ', served.Single().Authorization.ToString()), StringComparison.Ordinal); // the portal's key stays between nginx and portal
    }

    [Fact]
    public async Task Who_cannot_pay_gets_402_with_the_portals_own_words()
    {
        await using var nginx = await StartAsync(action: "research_report");
        var account = await portal.Api().AccountWithAsync(1);
        await portal.Api().ChargeAsync(account, "\"action\":\"summarize_document\",\"quantity\":3"); // the free uses

        var answer = await SendAsync("/agents/x", account);

        Assert.Equal(HttpStatusCode.PaymentRequired, answer.Status);
        Assert.Equal(("BILLING_INSUFFICIENT_CREDITS", 402), (answer.ErrorCode, answer.Json.GetProperty("status").GetInt32()));
        Assert.Equal(39, answer.Number("shortfall"));
        Assert.Equal("BILLING_INSUFFICIENT_CREDITS", answer.Headers.GetValues("X-Billing-Error-Code").Single());
        Assert.Empty(served);
    }

    [Fact]
    public async Task A_model_that_the_plan_lacks_is_403()
    {
        await using var nginx = await StartAsync();
        var account = await portal.Api().AccountWithAsync(100);

        var answer = await SendAsync("/chat", account, headers: ("X-Model", "claude-opus"));

        Assert.Equal((HttpStatusCode.Forbidden, "BILLING_MODEL_NOT_IN_PLAN"), (answer.Status, answer.ErrorCode));
        Assert.NotNull(answer.String("upgrade_plan"));
        Assert.Empty(served);
    }

    [Fact]
    public async Task A_used_up_quota_is_429_and_says_when_to_come_back()
    {
        await using var nginx = await StartAsync(recipe => recipe.Replace("$billing_meter    messages", "$billing_meter    tokens", StringComparison.Ordinal).Replace("$billing_quantity 1", "$billing_quantity 25000", StringComparison.Ordinal));
        var account = await portal.Api().AccountWithAsync(100);

        var answer = await SendAsync("/chat", account);

        Assert.Equal((HttpStatusCode.TooManyRequests, "BILLING_QUOTA_EXCEEDED"), (answer.Status, answer.ErrorCode));
        Assert.InRange(answer.Headers.RetryAfter!.Delta!.Value, TimeSpan.FromSeconds(1), TimeSpan.FromDays(31));
        Assert.Equal(0, await portal.CountAsync("charges", account));
    }

    [Fact]
    public async Task What_a_client_says_of_billing_counts_for_nothing()
    {
        await using var nginx = await StartAsync();
        var (rich, poor) = (await portal.Api().AccountWithAsync(100), await portal.Api().AccountWithAsync(100));

        for (var time = 0; time < 2; time++)
        {
            // Its own key twice: still two charges.
            var answer = await SendAsync("/agents/x", poor, headers: [("X-Billing-Account", rich), ("X-Billing-Charge", "check"), ("X-Billing-Quantity", "0.000001"), ("Idempotency-Key", "same"), ("Authorization", "Bearer the-customers-own")]);
            Assert.Equal(HttpStatusCode.OK, answer.Status);
        }

        Assert.Equal((0L, 2L), (await portal.CountAsync("charges", rich), await portal.CountAsync("charges", poor)));
        Assert.All(served, headers => Assert.Equal("Bearer the-customers-own", headers.Authorization.Single()));
    }

    [Fact]
    public async Task Without_a_customer_nothing_passes()
    {
        await using var nginx = await StartAsync();
        Assert.Equal(HttpStatusCode.BadRequest, (await SendAsync("/agents/x", account: null)).Status);
        Assert.Empty(served);
    }

    [Fact]
    public async Task The_products_own_refusal_is_passed_on_as_it_is()
    {
        await using var nginx = await StartAsync();
        var answer = await SendAsync("/agents/forbidden", await portal.Api().AccountWithAsync(100));
        Assert.Equal((HttpStatusCode.Forbidden, "the product says no"), (answer.Status, answer.Text));
    }

    [Theory]
    [InlineData(true, 503)]
    [InlineData(false, 200)]
    public async Task Without_a_portal_one_line_decides(bool closed, int status)
    {
        await using var nginx = await StartAsync(recipe => closed ? recipe : recipe.Replace(Closed, Closed.Replace("closed", "open", StringComparison.Ordinal), StringComparison.Ordinal), portalUrl: $"127.0.0.1:{FreePort.Draw()}");

        var answer = await SendAsync("/agents/x", "somebody", HttpMethod.Post, "the body");

        Assert.Equal(status, (int)answer.Status);
        if (closed)
        {
            Assert.Equal("1", answer.Headers.GetValues("Retry-After").Single());
            Assert.Equal(503, answer.Json.GetProperty("status").GetInt32());
            Assert.Empty(served);
        }
        else
        {
            Assert.Equal("POST /agents/x the body", answer.Text);
            Assert.Equal("1", served.Single()["X-Billing-Unmetered"].Single());
        }
    }

    [Fact]
    public async Task A_wrong_key_is_not_the_clients_fault()
    {
        await using var nginx = await StartAsync(key: "bp_test_NoSuchKey0000000000000000000000000");
        var answer = await SendAsync("/agents/x", "somebody");
        Assert.Equal(HttpStatusCode.ServiceUnavailable, answer.Status);
        Assert.False(answer.Headers.Contains("WWW-Authenticate"));
    }

    public async Task InitializeAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        product = builder.Build();
        product.Run(async context =>
        {
            served.Add(new HeaderDictionary(context.Request.Headers.ToDictionary(h => h.Key, h => h.Value)));
            if (context.Request.Path.Value!.EndsWith("/forbidden", StringComparison.Ordinal))
            {
                context.Response.StatusCode = 403;
                await context.Response.WriteAsync("the product says no");
                return;
            }

            var body = await new StreamReader(context.Request.Body).ReadToEndAsync();
            await context.Response.WriteAsync($"{context.Request.Method} {context.Request.Path}{context.Request.QueryString} {body}".TrimEnd());
        });
        await product.StartAsync();
    }

    public async Task DisposeAsync()
    {
        client?.Dispose();
        await product!.DisposeAsync();
    }

    private async Task<Nginx> StartAsync(Func<string, string>? change = null, string action = "summarize_document", string? portalUrl = null, string key = PortalFixture.ApiKey)
    {
        var port = FreePort.Draw();
        var http = File.ReadAllText(Repository.Path("deploy/nginx/gateway.conf"))
            .Replace("127.0.0.1:8080", portalUrl ?? new Uri(portal.Url).Authority, StringComparison.Ordinal)
            .Replace("127.0.0.1:9000", new Uri(product!.Urls.Single()).Authority, StringComparison.Ordinal)
            .Replace("listen 8000", $"listen 127.0.0.1:{port}", StringComparison.Ordinal)
            .Replace("/etc/nginx/", "@folder/", StringComparison.Ordinal)
            .Replace("api_call", action, StringComparison.Ordinal);
        var ask = File.ReadAllText(Repository.Path("deploy/nginx/gateway-ask.conf"));
        Assert.Contains(Closed, ask, StringComparison.Ordinal);
        var nginx = new Nginx(change?.Invoke(http) ?? http, ("gateway-ask.conf", change?.Invoke(ask) ?? ask), ("billing-key.conf", $"proxy_set_header Authorization \"Bearer {key}\";"));
        await nginx.ListensAsync(port);
        client = new HttpClient { BaseAddress = new($"http://127.0.0.1:{port}") };
        return nginx;
    }

    private async Task<Reply> SendAsync(string path, string? account, HttpMethod? method = null, string? body = null, params (string Name, string Value)[] headers)
    {
        using var request = new HttpRequestMessage(method ?? HttpMethod.Get, path) { Content = body is null ? null : new StringContent(body) };
        if (account is not null)
        {
            request.Headers.Add("X-Customer", account);
        }

        foreach (var (name, value) in headers)
        {
            request.Headers.TryAddWithoutValidation(name, value);
        }

        using var answer = await client!.SendAsync(request);
        return new(answer.StatusCode, await answer.Content.ReadAsStringAsync(), answer.Headers);
    }
}
