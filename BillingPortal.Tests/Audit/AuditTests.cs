using BillingPortal.Audit;
using BillingPortal.Data;
using BillingPortal.Primitives;
using BillingPortal.Tests.Testing;
using Microsoft.Extensions.DependencyInjection;
using Npgsql;

namespace BillingPortal.Tests.Audit;

[Collection(nameof(SharedPortal))]
public class AuditTests(PortalFixture portal)
{
    private readonly AuditTrail trail = portal.Services.GetRequiredService<AuditTrail>();
    private readonly Tenants tenants = portal.Services.GetRequiredService<Tenants>();

    [Fact]
    public async Task An_entry_stands_or_falls_with_what_it_records()
    {
        var account = AccountId.New();
        await using (var thrownAway = await tenants.ForStaffAsync())
        {
            trail.Record(thrownAway, "user:1", "thing.changed", "thrown away", account: account);
            await thrownAway.Db.SaveChangesAsync();
        }

        await using (var kept = await tenants.ForStaffAsync())
        {
            trail.Record(kept, "user:1", "thing.changed", "kept", before: new { Price = 1 }, after: new { Price = 2 }, account, "because");
            await kept.CommitAsync();
        }

        await using var scope = await tenants.ForStaffAsync();
        var found = Assert.Single(await AuditTrail.ReadAsync(scope, new(account), 10, default));
        Assert.Equal(("kept", "{\"price\": 1}", "{\"price\": 2}", "because"), (found.Subject, found.Before, found.After, found.Reason));
    }

    [Fact]
    public async Task An_account_sees_its_own_entries_only_and_writes_for_nobody_else()
    {
        var (mine, other) = (AccountId.New(), AccountId.New());
        await using (var staff = await tenants.ForStaffAsync())
        {
            trail.Record(staff, "user:1", "thing.changed", "mine", account: mine);
            trail.Record(staff, "user:1", "thing.changed", "other's", account: other);
            trail.Record(staff, "user:1", "thing.changed", "everybody's");
            await staff.CommitAsync();
        }

        await using (var scope = await tenants.ForAccountAsync(mine))
        {
            Assert.Equal(["mine"], (await AuditTrail.ReadAsync(scope, new(), 10, default)).Select(e => e.Subject));
        }

        await using var forging = await tenants.ForAccountAsync(mine);
        trail.Record(forging, "user:1", "thing.changed", "forged", account: other);
        var refused = await Assert.ThrowsAnyAsync<Exception>(() => forging.CommitAsync());
        Assert.Equal(PostgresErrorCodes.InsufficientPrivilege, Assert.IsType<PostgresException>(refused.GetBaseException()).SqlState);
    }

    [Theory]
    [InlineData("limit=0")]
    [InlineData("limit=abc")]
    [InlineData("cursor=x")]
    [InlineData("account=acme%00")]
    [InlineData("from=yesterday")]
    public async Task Nonsense_in_the_query_is_a_400(string query)
    {
        var answer = await portal.Api().GetAsync($"admin/audit?{query}");
        Assert.Equal(System.Net.HttpStatusCode.BadRequest, answer.StatusCode);
        Assert.Contains("\"error_code\":\"INVALID_REQUEST\"", await answer.Content.ReadAsStringAsync(), StringComparison.Ordinal);
    }
}
