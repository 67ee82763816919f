using System.Net;
using System.Text;
using System.Text.Json;
using BillingPortal.Tests.Testing;

namespace BillingPortal.Tests.Observability;

public class ProblemTests(PortalFixture portal) : IClassFixture<PortalFixture>
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
        using var body = new StringContent("{\"name\":\"" + new string('x', 1_000_001) + "\"}", Encoding.UTF8, "application/json");
        var answer = await portal.Api().PutAsync("accounts/acme", body);
        Assert.Equal(HttpStatusCode.RequestEntityTooLarge, answer.StatusCode);
        Assert.Equal("TOO_LARGE", (await ProblemAsync(answer)).GetProperty("error_code").GetString());
    }
}
