using BillingPortal.Data;
using BillingPortal.Tests.Testing;
using Microsoft.Extensions.DependencyInjection;
using Npgsql;

namespace BillingPortal.Tests.Data;

/// <summary>A portal that keeps production's second.</summary>
public sealed class ImpatientPortal : PortalFixture
{
    protected override void Configure(IDictionary<string, string?> settings) => settings.Remove("Billing:SnapshotMaxAge");
}

public class SnapshotVersionTests(ImpatientPortal portal) : IClassFixture<ImpatientPortal>
{
    [Fact]
    public async Task A_change_is_seen_by_another_instance_within_a_second()
    {
        var second = await portal.StartInstanceAsync();
        var seen = second.Services.GetRequiredService<SnapshotVersion>();
        var before = seen.Current;
        await using (var scope = await portal.Services.GetRequiredService<Tenants>().ForStaffAsync())
        {
            await SnapshotVersion.BumpAsync(scope.Connection, scope.Transaction, default);
            await scope.CommitAsync();
        }

        await Task.Delay(900);
        Assert.True(seen.Current > before);
        Assert.True(seen.IsFresh);
    }

    [Fact]
    public async Task Who_cannot_look_is_not_fresh_after_a_second_and_recovers()
    {
        var version = portal.Services.GetRequiredService<SnapshotVersion>();
        await portal.ExecuteAsync("alter table snapshot_version rename to elsewhere");
        await Task.Delay(1_300);
        Assert.False(version.IsFresh);
        await portal.ExecuteAsync("alter table elsewhere rename to snapshot_version");
        await Task.Delay(700);
        Assert.True(version.IsFresh);
        await Assert.ThrowsAsync<PostgresException>(() => portal.ExecuteAsync("insert into snapshot_version values (2, 0)"));
    }
}
