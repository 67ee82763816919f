using System.Net;
using BillingPortal.Tests.Gating;
using BillingPortal.Tests.Testing;
using GatingApi = BillingPortal.Tests.Gating.Api;

namespace BillingPortal.Tests.Identity;

[Collection(nameof(SharedPortal))]
public sealed class MemberTests(PortalFixture portal)
{
    [Fact]
    public async Task A_person_is_invited_changed_and_removed_on_record()
    {
        var api = portal.Api();
        var account = await AccountAsync(api);
        var email = $"{Guid.NewGuid():N}@example.com";
        var path = $"accounts/{account}/members";

        var added = await api.PostAsync(path, $$"""{"email":"{{email}}","role":"owner"}""");
        var second = await api.PostAsync(path, $$"""{"email":"b{{email}}"}""");
        var changed = await api.PostAsync(path, $$"""{"email":"B{{email}}","role":"admin"}""");
        var list = (await api.GetReplyAsync(path)).Json.GetProperty("data").EnumerateArray().ToList();

        Assert.Equal((HttpStatusCode.Created, HttpStatusCode.Created, HttpStatusCode.OK), (added.Status, second.Status, changed.Status));
        Assert.Equal(["owner", "admin"], list.Select(m => m.GetProperty("role").GetString()));
        Assert.Equal(1, await portal.ScalarAsync<long>("select count(*) from outbox_messages where recipient = $1", email));
        Assert.Contains("/reset?user=", await portal.ScalarAsync<string>("select body from outbox_messages where recipient = $1", email), StringComparison.Ordinal);
        // The last owner can neither go nor step down.
        Assert.Equal(HttpStatusCode.Conflict, (await api.SendAsync(HttpMethod.Delete, $"{path}/{added.String("id")}", null, null)).Status);
        Assert.Equal(HttpStatusCode.Conflict, (await api.PostAsync(path, $$"""{"email":"{{email}}","role":"viewer"}""")).Status);
        Assert.Equal(HttpStatusCode.NoContent, (await api.SendAsync(HttpMethod.Delete, $"{path}/{second.String("id")}", null, null)).Status);
        Assert.Equal(HttpStatusCode.NotFound, (await api.SendAsync(HttpMethod.Delete, $"{path}/{second.String("id")}", null, null)).Status);
        Assert.Equal(4, await portal.ScalarAsync<long>("select count(*) from audit_entries e join accounts a using (account_id) where a.external_id = $1 and e.action like 'member.%'", account));
    }

    [Fact]
    public async Task A_person_belongs_to_one_account()
    {
        var api = portal.Api();
        var email = $"{Guid.NewGuid():N}@example.com";
        var body = $$"""{"email":"{{email}}","role":"owner"}""";
        await api.PostAsync($"accounts/{await AccountAsync(api)}/members", body);
        var other = await AccountAsync(api);
        var refused = await api.PostAsync($"accounts/{other}/members", body);
        Assert.Equal((HttpStatusCode.Conflict, "CONFLICT"), (refused.Status, refused.ErrorCode));
        Assert.Equal(0, await portal.CountAsync("members", other));
        Assert.Equal(HttpStatusCode.Conflict, (await api.PostAsync($"accounts/{other}/members", """{"email":"admin@example.com"}""")).Status);
    }

    [Theory]
    [InlineData("""{"email":"nobody"}""")]
    [InlineData("""{}""")]
    [InlineData("""{"email":"a@b.example","role":"king"}""")]
    public async Task What_is_no_member_is_400(string body)
    {
        var api = portal.Api();
        Assert.Equal(HttpStatusCode.BadRequest, (await api.PostAsync($"accounts/{await AccountAsync(api)}/members", body)).Status);
    }

    private static async Task<string> AccountAsync(HttpClient api)
    {
        var account = GatingApi.NewAccount();
        Assert.Equal(HttpStatusCode.Created, (await api.PutAsync($"accounts/{account}", "{}")).Status);
        return account;
    }
}
