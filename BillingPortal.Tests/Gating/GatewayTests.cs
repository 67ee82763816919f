using System.Net;
using BillingPortal.Tests.Testing;

namespace BillingPortal.Tests.Gating;

[Collection(nameof(SharedAgentCredits))]
public sealed class GatewayTests(AgentCreditsPortal portal)
{
    [Fact]
    public async Task A_gateway_checks_and_charges_by_headers_and_gets_a_bare_answer()
    {
        var api = portal.Api();
        var account = await api.AccountWithAsync(30);

        var check = await CallAsync(api, ("Account", account), ("Action", "profile_my_data"));
        var charge = await CallAsync(api, ("Account", account), ("Action", "profile_my_data"), ("Charge", "charge"), ("Idempotency-Key", "g1"));
        var refused = await CallAsync(api, ("Account", account), ("Action", "profile_my_data"));
        var nginx = await CallAsync(api, ("Account", account), ("Action", "profile_my_data"), ("Gateway", "nginx"));

        Assert.Equal(HttpStatusCode.OK, check.StatusCode);
        Assert.Equal(HttpStatusCode.OK, charge.StatusCode);
        Assert.StartsWith("chg_", charge.Headers.GetValues("X-Billing-Charge-Id").Single());
        Assert.Equal(HttpStatusCode.PaymentRequired, refused.StatusCode);
        Assert.Equal("BILLING_INSUFFICIENT_CREDITS", refused.Headers.GetValues("X-Billing-Error-Code").Single());
        Assert.Equal("10", refused.Headers.GetValues("X-Billing-Shortfall").Single());
        Assert.Equal(HttpStatusCode.Forbidden, nginx.StatusCode);
        Assert.Equal("", await nginx.Content.ReadAsStringAsync());
        Assert.Equal("402", nginx.Headers.GetValues("X-Billing-Status").Single());
        Assert.Equal(10, await portal.BalanceAsync(account));
    }

    [Fact]
    public async Task Bad_headers_are_400()
    {
        var api = portal.Api();

        Assert.Equal(HttpStatusCode.BadRequest, (await CallAsync(api, ("Action", "profile_my_data"))).StatusCode);
        Assert.Equal(HttpStatusCode.BadRequest, (await CallAsync(api, ("Account", "x"))).StatusCode);
        Assert.Equal(HttpStatusCode.BadRequest, (await CallAsync(api, ("Account", "x"), ("Action", "profile_my_data"), ("Quantity", "-1"))).StatusCode);
        Assert.Equal(HttpStatusCode.BadRequest, (await CallAsync(api, ("Account", "x"), ("Action", "profile_my_data"), ("Charge", "charge"))).StatusCode); // no key
    }

    [Fact]
    public async Task Whatever_path_Envoy_holds_back_is_the_one_question()
    {
        var api = portal.Api();
        var account = await api.AccountWithAsync(30);
        string[] paths = ["/api/v1/gateway/authorize/agents/x?y=1", "/api/v1/gateway/authorize/../../plans", "/api/v1/plans", "/health/live", "/api/v1/gateway/authorize/%2e%2e/charges"];

        for (var i = 0; i < paths.Length; i++)
        {
            using var request = new HttpRequestMessage(i % 2 == 0 ? HttpMethod.Delete : HttpMethod.Get, portal.Url + paths[i]);
            foreach (var (name, value) in (ReadOnlySpan<(string, string)>)[("Gateway", "envoy"), ("Account", account), ("Action", "profile_my_data"), ("Charge", "charge"), ("Key", $"held-back-{i}")])
            {
                request.Headers.Add($"X-Billing-{name}", value);
            }

            using var answer = await api.SendAsync(request);
            Assert.Equal((paths[i], i == 0 ? HttpStatusCode.OK : HttpStatusCode.PaymentRequired), (paths[i], answer.StatusCode));
            if (i > 0)
            {
                Assert.Contains("\"shortfall\":10", await answer.Content.ReadAsStringAsync(), StringComparison.Ordinal);
                Assert.Equal("BILLING_INSUFFICIENT_CREDITS", answer.Headers.GetValues("X-Billing-Error-Code").Single());
            }
        }

        Assert.Equal(1, await portal.CountAsync("charges", account));
    }

    private static async Task<HttpResponseMessage> CallAsync(HttpClient api, params (string Name, string Value)[] headers)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, "gateway/authorize");
        foreach (var (name, value) in headers)
        {
            request.Headers.Add(name == "Idempotency-Key" ? name : $"X-Billing-{name}", value);
        }

        return await api.SendAsync(request);
    }
}
