using System.Net;
using System.Text;
using System.Text.Json;
using BillingPortal.Tests.Testing;

namespace BillingPortal.Tests.Observability;

[Collection(nameof(SharedPortal))]
public class ProblemTests(PortalFixture portal)
{
    private static async Task<JsonElement> ProblemAsync(HttpResponseMessage answer)
    {
        Assert.Equal("application/problem+json", answer.Content.Headers.ContentType?.MediaType);
        var problem = JsonDocument.Parse(await answer.Content.ReadAsStringAsync()).RootElement;
        Assert.Equal((int)answer.StatusCode, problem.GetProperty("status").GetInt32());
        Assert.Equal(answer.Headers.GetValues("X-Request-Id").Single(), problem.GetProperty("request_id").GetString());
        return problem;
    }

    [Fact]
    public async Task An_unknown_address_of_the_api_is_a_problem()
    {
        var answer = await portal.Api().GetAsync("no-such-thing");
        Assert.Equal(HttpStatusCode.NotFound, answer.StatusCode);
        Assert.Equal("NOT_FOUND", (await ProblemAsync(answer)).GetProperty("error_code").GetString());
    }

    [Fact]
    public async Task A_request_id_is_echoed_and_a_forged_one_is_not()
    {
        var client = portal.Client();
        using var named = new HttpRequestMessage(HttpMethod.Get, "/api/v1/no-such-thing") { Headers = { { "X-Request-Id", "job-42" } } };
        Assert.Equal("job-42", (await client.SendAsync(named)).Headers.GetValues("X-Request-Id").Single());
        using var forged = new HttpRequestMessage(HttpMethod.Get, "/api/v1/no-such-thing");
        forged.Headers.TryAddWithoutValidation("X-Request-Id", "two words");
        Assert.NotEqual("two words", (await client.SendAsync(forged)).Headers.GetValues("X-Request-Id").Single());
    }

    [Fact]
    public async Task A_body_over_a_megabyte_is_too_large()
    {
        using var request = new HttpRequestMessage(HttpMethod.Put, "accounts/acme") { Content = new StringContent("{\"name\":\"" + new string('x', 1_000_001) + "\"}", Encoding.UTF8, "application/json") };
        request.Headers.ExpectContinue = true; // it is refused unread: whoever is still sending would see a broken connection
        var answer = await portal.Api().SendAsync(request);
        Assert.Equal(HttpStatusCode.RequestEntityTooLarge, answer.StatusCode);
        Assert.Equal("TOO_LARGE", (await ProblemAsync(answer)).GetProperty("error_code").GetString());
    }

    [Fact]
    public async Task Json_that_we_stored_wrongly_is_our_fault_and_not_the_body_s()
    {
        var api = portal.Api();
        using var unreadable = new StringContent("""{"name":7}""", Encoding.UTF8, "application/json");
        var theirs = await api.PutAsync("accounts/stored", unreadable);
        using var well = new StringContent("{}", Encoding.UTF8, "application/json");
        await api.PutAsync("accounts/stored", well);
        await api.GetAsync("accounts/stored/entitlements");
        Assert.Equal(1, await portal.ExecuteAsync("update ledger_heads set overrides = '[]' where account_id = (select account_id from accounts where external_id = 'stored')"));
        var ours = await api.GetAsync("accounts/stored/entitlements");
        await portal.ExecuteAsync("update ledger_heads set overrides = null where account_id = (select account_id from accounts where external_id = 'stored')");

        Assert.Equal(HttpStatusCode.BadRequest, theirs.StatusCode);
        Assert.Equal("INVALID_REQUEST", (await ProblemAsync(theirs)).GetProperty("error_code").GetString());
        Assert.Equal(HttpStatusCode.InternalServerError, ours.StatusCode);
        Assert.DoesNotContain("body", (await ProblemAsync(ours)).GetProperty("detail").GetString(), StringComparison.OrdinalIgnoreCase);
    }
}
