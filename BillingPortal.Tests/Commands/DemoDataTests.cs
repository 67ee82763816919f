using BillingPortal.Commands.Demo;
using BillingPortal.Tests.Testing;
using Microsoft.Extensions.DependencyInjection;

namespace BillingPortal.Tests.Commands;

/// <summary>The first start in Development shows a living product.</summary>
public class DemoDataTests(DemoDataTests.Portal portal) : IClassFixture<DemoDataTests.Portal>
{
    public sealed class Portal : PortalFixture
    {
        protected override void Configure(IDictionary<string, string?> settings) => settings["Demo:Enabled"] = "true";
    }

    [Fact]
    public async Task Forty_marked_customers_stand_on_all_plans()
    {
        Assert.Equal(40L, await portal.ScalarAsync<long>("select count(*) from accounts where metadata->>'demo' = 'true'"));
        Assert.Equal(["enterprise", "free", "pro", "standard"], (await portal.RowsAsync("select distinct plan from ledger_heads order by 1")).Select(r => r[0]));
        Assert.Equal(1L, await portal.ScalarAsync<long>("select count(*) from ledger_heads where status = 'PastDue' and grace_until > now()"));
    }

    [Fact]
    public async Task Ninety_days_of_use_follow_the_week()
    {
        var days = await portal.RowsAsync("select extract(isodow from created_at)::int, count(*) from charges group by 1 order by 1");
        var perDay = days.ToDictionary(r => (int)r[0]!, r => (long)r[1]!);
        Assert.All([6, 7], weekend => Assert.True(perDay[weekend] * 2 < perDay[3], $"{weekend}: {perDay[weekend]} and {perDay[3]}"));
        Assert.InRange(await portal.ScalarAsync<int>("select extract(day from max(created_at) - min(created_at))::int from charges"), 80, 91);
        Assert.Equal(0L, await portal.ScalarAsync<long>("select count(*) from transfers where created_at > now()"));
    }

    [Fact]
    public async Task There_are_purchases_gifts_and_a_low_balance()
    {
        Assert.True(await portal.ScalarAsync<long>("select count(*) from transfers where kind = 'TopUp' and book = 'Stripe'") > 40);
        Assert.True(await portal.ScalarAsync<long>("select count(*) from grants where source = 'Promotional'") > 0);
        Assert.True(await portal.ScalarAsync<long>("select count(*) from transfers where kind = 'Overage'") > 0);
        Assert.InRange(await portal.ScalarAsync<decimal>("select balance from wallets w join accounts a using (account_id) where a.external_id = 'mistral-sailing' and unit = 'credit'"), 0m, 50m);
    }

    [Fact]
    public async Task The_one_click_customer_has_holds_open_and_one_captured()
    {
        var holds = await portal.RowsAsync("select h.status::text, count(*) from holds h join accounts a using (account_id) where a.external_id = 'ada' group by 1 order by 1");
        Assert.Equal([("Captured", 1L), ("Open", 2L)], holds.Select(r => ((string)r[0]!, (long)r[1]!)));
    }

    [Fact]
    public async Task Every_wallet_is_the_sum_of_its_rows_and_of_its_grants()
    {
        Assert.Empty(await portal.RowsAsync("""
            select w.account_id, w.unit from wallets w
            left join (select account_id, unit, sum(case when is_credit then amount else -amount end) as total, count(*) as rows, max(seq) as last from transfers group by 1, 2) t using (account_id, unit)
            left join (select account_id, unit, sum(remaining) as remaining from grants group by 1, 2) g using (account_id, unit)
            where w.balance <> coalesce(t.total, 0) or w.seq <> coalesce(t.rows, 0) or w.seq <> coalesce(t.last, 0) or w.balance <> coalesce(g.remaining, 0) - w.debt
            """));
        Assert.Empty(await portal.RowsAsync("select 1 from transfers a join transfers b on a.account_id = b.account_id and a.unit = b.unit and a.seq + 1 = b.seq where a.created_at > b.created_at"));
    }

    [Fact]
    public async Task A_second_start_adds_nothing()
    {
        // The demo's own: what the subscriptions bring comes when it comes.
        Task<long> CountAsync() => portal.ScalarAsync<long>("select (select count(*) from operations where key like 'demo-%') + (select count(*) from accounts)");
        var before = await CountAsync();
        Assert.True(before > 1_000);
        Assert.Null(await portal.Services.GetRequiredService<DemoData>().MakeAsync(CancellationToken.None));
        Assert.Equal(before, await CountAsync());
    }
}
