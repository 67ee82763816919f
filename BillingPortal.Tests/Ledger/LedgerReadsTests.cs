using BillingPortal.Ledger;
using BillingPortal.Primitives;
using Microsoft.Extensions.DependencyInjection;

namespace BillingPortal.Tests.Ledger;

public class LedgerReadsTests(LedgerFixture portal) : IClassFixture<LedgerFixture>
{
    private LedgerReads Reads => portal.Services.GetRequiredService<LedgerReads>();

    private static async Task<List<TransferView>> PagesAsync(Func<string?, Task<LedgerPage<TransferView>>> next)
    {
        var rows = new List<TransferView>();
        string? cursor = null;
        do
        {
            var page = await next(cursor);
            rows.AddRange(page.Rows);
            cursor = page.NextCursor;
        }
        while (cursor is not null);
        return rows;
    }

    [Fact]
    public async Task Paging_shows_every_row_once_newest_first()
    {
        var account = await portal.AccountAsync(credits: 100);
        for (var i = 0; i < 12; i++)
        {
            await portal.Ledger.PostAsync(new TakeOperation(account, $"c{i}", 1m));
            await portal.Ledger.PostAsync(new TakeOperation(account, $"m{i}", 0.5m, "messages"));
        }

        var rows = await PagesAsync(cursor => Reads.TransfersAsync(account, new(), cursor, 5));
        Assert.Equal(28, rows.Count);
        Assert.Equal(28, rows.Select(r => r.Id).Distinct().Count());
        Assert.Equal(rows.OrderByDescending(r => r.CreatedAt).Select(r => r.CreatedAt), rows.Select(r => r.CreatedAt));
        Assert.Equal("welcome", rows.Single(r => r.Unit == Unit.Credit && r.Kind == TransferKind.Grant).Reason);
        Assert.Equal(Amount.Of(-1m), rows.First(r => r.Unit == Unit.Credit).Amount);
    }

    [Fact]
    public async Task Filters_by_unit_kind_and_time_find_what_they_name()
    {
        var account = await portal.AccountAsync(credits: 100);
        var instants = new List<DateTimeOffset>();
        for (var i = 0; i < 10; i++)
        {
            instants.Add(Assert.IsType<PostResult.Posted>(await portal.Ledger.PostAsync(new TakeOperation(account, $"c{i}", 1m))).At);
        }

        Assert.Equal(11, (await Reads.TransfersAsync(account, new(Unit.Credit), null, 50)).Rows.Count);
        Assert.Equal(4, (await PagesAsync(c => Reads.TransfersAsync(account, new(Kind: TransferKind.Grant), c, 2))).Count);
        var some = await PagesAsync(c => Reads.TransfersAsync(account, new(From: instants[3], To: instants[7]), c, 2));
        Assert.Equal(instants[3..7].AsEnumerable().Reverse(), some.Select(r => r.CreatedAt));
        Assert.Empty((await Reads.TransfersAsync(account, new(To: instants[0].AddYears(-1)), null, 10)).Rows);
        await Assert.ThrowsAsync<FormatException>(() => Reads.TransfersAsync(account, new(), "nonsense", 10));
    }

    [Fact]
    public async Task Staff_page_through_everybodys_rows_and_exports_read_all()
    {
        var accounts = new[] { await portal.AccountAsync(credits: 1), await portal.AccountAsync(credits: 2), await portal.AccountAsync(credits: 3) };
        var newest = await PagesAsync(c => Reads.TransfersAsync(new TransferFilter(), c, 4));
        Assert.Equal(await portal.ScalarAsync<long>("select count(*) from transfers"), newest.Select(r => r.Id).Distinct().Count());
        Assert.Equal(newest.OrderByDescending(r => r.CreatedAt).Select(r => r.CreatedAt), newest.Select(r => r.CreatedAt));

        var all = await Reads.AllAsync(new(Unit: Unit.Credit)).ToListAsync();
        Assert.All(accounts, account => Assert.Contains(all, r => r.Account == account));
        Assert.Equal(4, (await Reads.AllAsync(new(), accounts[1]).ToListAsync()).Count);
    }

    [Fact]
    public async Task A_first_reading_of_wallets_opens_them()
    {
        var account = AccountId.New();
        var wallets = await Reads.WalletsAsync(account);
        Assert.Equal(["free_use", "llm_tokens", "messages"], wallets.Select(w => w.Unit.Code));
        var messages = wallets.Single(w => w.Unit.Code == "messages");
        Assert.Equal((Amount.Of(10m), GrantSource.Plan), (messages.Available, Assert.Single(messages.Grants).Source));
        Assert.Equal("free", (await Reads.StandingAsync(account)).Plan);
    }

    [Fact]
    public async Task The_trial_balance_balances()
    {
        var account = await portal.AccountAsync(credits: 20);
        await portal.Ledger.PostAsync(new TakeOperation(account, "x", 3.25m));
        var balance = await Reads.TrialBalanceAsync();
        Assert.True(balance.IsBalanced);
        Assert.Contains(balance.Books, b => b.Book == Book.Promotion && b.Unit == Unit.Credit);
    }
}
