using System.Text.Json;
using BillingPortal.Jobs;
using BillingPortal.Ledger;
using BillingPortal.Primitives;
using BillingPortal.Tests.Gating;
using Microsoft.Extensions.DependencyInjection;

namespace BillingPortal.Tests.Ledger;

/// <summary>What a chain of hashes cannot show by itself: that its end was cut off, or all of it written anew. The daily anchors show it.</summary>
public class AnchorTests(LedgerFixture portal) : IClassFixture<LedgerFixture>
{
    private static readonly string[] Tables = ["transfers", "operations", "ledger_anchors"];

    private async Task<IReadOnlyList<LedgerProblem>> ProblemsAsync(AccountId account) =>
        (await portal.Services.GetRequiredService<LedgerVerification>().RunAsync(account)).Problems;

    private Task AnchorAsync() => portal.Services.GetRequiredService<JobLoop>().RunNowAsync("anchor_ledgers");

    /// <summary>An account with a grant of 100 and five debits of 1.5: six rows of credit.</summary>
    private async Task<AccountId> BusyAsync()
    {
        var account = await portal.AccountAsync(credits: 100);
        for (var i = 0; i < 5; i++)
        {
            await portal.Ledger.PostAsync(new TakeOperation(account, $"c{i}", 1.5m));
        }

        return account;
    }

    /// <summary>As the owner of the database can, and nobody through the application.</summary>
    private async Task AsOwnerAsync(AccountId account, params string[] statements)
    {
        foreach (var table in Tables)
        {
            await portal.ExecuteAsync($"alter table {table} disable trigger append_only");
        }

        foreach (var sql in statements)
        {
            Assert.NotEqual(0, await portal.ExecuteAsync(sql, account.Value));
        }

        foreach (var table in Tables)
        {
            await portal.ExecuteAsync($"alter table {table} enable trigger append_only");
        }
    }

    /// <summary>The last two debits never happened: rows, operations, wallet and grant are all set back, so that what is left agrees with itself.</summary>
    private Task CutTailAsync(AccountId account) => AsOwnerAsync(account,
        "delete from transfers where account_id = $1 and unit = 'credit' and seq > 4",
        "delete from operations where account_id = $1 and key in ('c3', 'c4')",
        "update wallets w set seq = t.seq, balance = t.balance_after, last_hash = t.hash from transfers t where w.account_id = $1 and t.account_id = $1 and w.unit = 'credit' and t.unit = 'credit' and t.seq = 4",
        "update grants g set remaining = w.balance from wallets w where g.account_id = $1 and w.account_id = $1 and g.unit = 'credit' and w.unit = 'credit'");

    [Fact]
    public async Task A_tail_that_was_cut_off_with_everything_set_back_is_missed_by_its_anchor_alone()
    {
        var (anchored, not) = (await BusyAsync(), await BusyAsync());
        await AnchorAsync();
        await AsOwnerAsync(not, "delete from ledger_anchors where account_id = $1");
        await CutTailAsync(anchored);
        await CutTailAsync(not);

        Assert.Empty(await ProblemsAsync(not)); // nothing in the database knows of it any more
        var found = Assert.Single(await ProblemsAsync(anchored));
        Assert.Equal((anchored, Unit.Credit, 6L), (found.Account, found.Unit!.Value, found.Seq));
        Assert.Contains("not there any more", found.What, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_was_appended_to_a_cut_chain_does_not_hide_the_cut()
    {
        var account = await BusyAsync();
        await AnchorAsync();
        await CutTailAsync(account);
        for (var i = 0; i < 4; i++)
        {
            await portal.Ledger.PostAsync(new TakeOperation(account, $"later{i}", 1m));
        }

        var found = Assert.Single(await ProblemsAsync(account));
        Assert.Equal(6, found.Seq);
        Assert.Contains("not the row that was anchored", found.What, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_history_written_anew_with_hashes_that_fit_is_found()
    {
        var account = await BusyAsync();
        await AnchorAsync();
        var rows = await portal.RowsAsync("select id, operation_id, created_at, grant_ids, kind, book, is_credit, details_digest from transfers where account_id = $1 and unit = 'credit' order by seq", account.Value);
        var (hash, balance) = (new byte[32], 0m);
        var statements = new List<string>();
        for (var i = 0; i < rows.Count; i++)
        {
            var amount = i == 0 ? 100m : 1m; // each debit half a credit less than it was
            balance += i == 0 ? amount : -amount;
            var row = new Transfer
            {
                AccountId = account, Unit = Unit.Credit, Seq = i + 1, Id = new((Guid)rows[i][0]!), IsCredit = (bool)rows[i][6]!, Amount = Amount.Of(amount), BalanceAfter = Amount.Of(balance),
                Kind = Enum.Parse<TransferKind>((string)rows[i][4]!), Book = Enum.Parse<Book>((string)rows[i][5]!), OperationId = (Guid)rows[i][1]!, GrantIds = (Guid[])rows[i][3]!, GrantAmounts = [amount],
                CreatedAt = new DateTimeOffset((DateTime)rows[i][2]!), DetailsDigest = (byte[]?)rows[i][7],
            };
            hash = HashChain.Next(hash, row);
            statements.Add(FormattableString.Invariant($"update transfers set amount = {amount}, balance_after = {balance}, grant_amounts = array[{amount}], hash = '\\x{Convert.ToHexString(hash)}' where account_id = $1 and unit = 'credit' and seq = {i + 1}"));
        }

        statements.Add(FormattableString.Invariant($"update wallets set balance = {balance}, last_hash = '\\x{Convert.ToHexString(hash)}' where account_id = $1 and unit = 'credit'"));
        statements.Add(FormattableString.Invariant($"update grants set remaining = {balance} where account_id = $1 and unit = 'credit'"));
        await AsOwnerAsync(account, [.. statements]);

        var found = Assert.Single(await ProblemsAsync(account));
        Assert.Contains("not the row that was anchored", found.What, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_wallet_that_vanished_with_all_its_rows_is_missed_by_its_anchor()
    {
        var account = await BusyAsync();
        await AnchorAsync();
        await AsOwnerAsync(account,
            "delete from transfers where account_id = $1 and unit = 'credit'",
            "delete from operations where account_id = $1 and moved like '%credit:%'",
            "delete from grants where account_id = $1 and unit = 'credit'",
            "delete from wallets where account_id = $1 and unit = 'credit'");

        Assert.Contains(await ProblemsAsync(account), p => p.Unit == Unit.Credit && p.What.Contains("whole wallet", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_wallet_is_anchored_once_a_day_and_only_when_it_moved()
    {
        var account = await BusyAsync();
        Task<long> AnchorsAsync() => portal.ScalarAsync<long>("select count(*) from ledger_anchors where account_id = $1 and unit = 'credit'", account.Value);

        await AnchorAsync();
        await portal.Ledger.PostAsync(new TakeOperation(account, "same-day", 1m));
        await AnchorAsync();
        Assert.Equal(1, await AnchorsAsync());

        portal.Time.Advance(TimeSpan.FromDays(1));
        await AnchorAsync();
        Assert.Equal(2, await AnchorsAsync());

        portal.Time.Advance(TimeSpan.FromDays(1));
        await AnchorAsync();
        Assert.Equal(2, await AnchorsAsync());
        Assert.Empty(await ProblemsAsync(account));
    }

    [Fact]
    public async Task Anchors_leave_the_house_with_wallets_and_as_a_file()
    {
        var api = portal.Api();
        var account = await api.AccountWithAsync(92.5m);
        await AnchorAsync();
        var head = Convert.ToHexStringLower((await portal.ScalarAsync<byte[]>("select w.last_hash from wallets w join accounts a using (account_id) where a.external_id = $1 and unit = 'credit'", account))!);
        var id = new AccountId(await portal.ScalarAsync<Guid>("select account_id from accounts where external_id = $1", account));

        var wallets = await api.GetReplyAsync($"accounts/{account}/wallets");
        var file = await api.GetReplyAsync($"admin/ledger/anchors.csv?account={account}");
        var unknown = await api.GetReplyAsync("admin/ledger/anchors.csv?account=nobody");

        var anchor = wallets.Json.GetProperty("data").EnumerateArray().Single(w => w.GetProperty("unit").GetString() == "credit").GetProperty("anchor");
        Assert.Equal((1L, 92.5m, head), (anchor.GetProperty("seq").GetInt64(), anchor.GetProperty("balance").GetDecimal(), anchor.GetProperty("hash").GetString()));
        var lines = file.Text.Split("\r\n", StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal("account,unit,seq,balance,hash,anchored_at", lines[0]);
        Assert.Contains(lines, line => line.StartsWith($"{id},credit,1,92.5", StringComparison.Ordinal) && line.Contains(head, StringComparison.Ordinal));
        Assert.All(lines[1..], line => Assert.StartsWith($"{id},", line, StringComparison.Ordinal));
        Assert.Equal(404, (int)unknown.Status);
    }

    [Fact]
    public async Task Whoever_waits_for_a_verification_sees_how_far_it_is()
    {
        var account = await portal.AccountAsync(credits: 100_000);
        await portal.Ledger.PostAllAsync([.. Enumerable.Range(0, 12_000).Select(i => new TakeOperation(account, $"p{i}", 1m))]);
        var told = new Told();

        await portal.Services.GetRequiredService<LedgerVerification>().RunAsync(account, told);

        Assert.True(told.Percents.Count > 5, string.Join(' ', told.Percents));
        Assert.Equal(told.Percents.Order().Distinct(), told.Percents);
        Assert.Equal(100, told.Percents[^1]);
        Assert.Contains(told.Percents, p => p is > 10 and < 90);
    }

    private sealed class Told : IProgress<VerificationProgress>
    {
        public List<int> Percents { get; } = [];
        public void Report(VerificationProgress value) => Percents.Add(value.Percent);
    }
}
