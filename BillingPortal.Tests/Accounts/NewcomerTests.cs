using System.Net;
using System.Net.Http.Json;
using BillingPortal.Tests.Testing;

namespace BillingPortal.Tests.Accounts;

[Collection(nameof(SharedPortal))]
public sealed class NewcomerTests(PortalFixture portal)
{
    [Fact]
    public async Task More_new_accounts_at_once_than_there_are_connections_are_all_made()
    {
        var api = portal.Api();
        var answers = await Task.WhenAll(Enumerable.Range(0, 120).Select(async i =>
        {
            using var grant = new HttpRequestMessage(HttpMethod.Post, "admin/grants") { Content = JsonContent.Create(new { account = $"newcomer-{i}", amount = 5, reason = "welcome" }) };
            grant.Headers.Add("Idempotency-Key", $"welcome-{i}");
            using var answer = await api.SendAsync(grant);
            return answer.StatusCode;
        }));

        Assert.All(answers, status => Assert.Equal(HttpStatusCode.Created, status));
    }
}
