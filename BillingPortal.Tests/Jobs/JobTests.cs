using System.Collections.Concurrent;
using BillingPortal.Jobs;
using BillingPortal.Tests.Testing;
using Microsoft.Extensions.DependencyInjection;

namespace BillingPortal.Tests.Jobs;

public sealed class JobTests(JobTests.TickingPortal portal) : IClassFixture<JobTests.TickingPortal>
{
    private static async Task<bool> SoonAsync(Func<bool> holds)
    {
        for (var i = 0; i < 200 && !holds(); i++)
        {
            await Task.Delay(50);
        }

        return holds();
    }

    [Fact]
    public async Task One_instance_runs_the_jobs_and_another_takes_over_when_it_goes()
    {
        var first = portal.Services.GetRequiredService<JobLoop>();
        Assert.True(await SoonAsync(() => first.IsLeader));
        var second = await portal.StartInstanceAsync();
        var loop = second.Services.GetRequiredService<JobLoop>();
        Assert.True(await SoonAsync(() => portal.Ticks.Count > 2));
        Assert.False(loop.IsLeader);
        Assert.Single(portal.Ticks.Distinct());

        await portal.ExecuteAsync("select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory' and granted and database = (select oid from pg_database where datname = current_database())");
        Assert.True(await SoonAsync(() => first.IsLeader ^ loop.IsLeader));
        var before = portal.Ticks.Count;
        Assert.True(await SoonAsync(() => portal.Ticks.Count > before + 1));
        Assert.NotNull(await portal.ScalarAsync<string>("select error from job_runs where name = 'failing'"));
        Assert.True(await portal.ScalarAsync<long>("select runs from job_runs where name = 'failing'") > 1);
    }

    public sealed class TickingPortal : PortalFixture
    {
        internal ConcurrentQueue<int> Ticks { get; } = new();

        protected override void ConfigureServices(IServiceCollection services)
        {
            services.AddSingleton(Ticks);
            services.AddRecurringJob<Tick>();
            services.AddRecurringJob<Failing>();
        }
    }

    private sealed class Tick(ConcurrentQueue<int> ticks, IServiceProvider services) : RecurringJob
    {
        public override string Name => "tick";
        public override TimeSpan Every => TimeSpan.FromMilliseconds(50);

        public override Task RunAsync(CancellationToken ct)
        {
            ticks.Enqueue(services.GetHashCode());
            return Task.CompletedTask;
        }
    }

    private sealed class Failing : RecurringJob
    {
        public override string Name => "failing";
        public override TimeSpan Every => TimeSpan.FromMilliseconds(50);

        public override Task RunAsync(CancellationToken ct) => throw new InvalidOperationException("It went wrong.");
    }
}
