using BillingPortal.Data;
using BillingPortal.Ledger;
using BillingPortal.Primitives;
using BillingPortal.Tests.Testing;
using Microsoft.Extensions.DependencyInjection;

namespace BillingPortal.Tests.Ledger;

public class PostingTests(LedgerFixture portal) : IClassFixture<LedgerFixture>
{
    [Fact]
    public async Task A_new_account_has_its_free_uses_and_allowances()
    {
        var account = await portal.AccountAsync();
        Assert.Equal(3m, await portal.BalanceAsync(account, "free_use"));
        Assert.Equal(10m, await portal.BalanceAsync(account, "messages"));
        Assert.Equal(1000m, await portal.BalanceAsync(account, "llm_tokens"));
    }

    [Fact]
    public async Task Five_hundred_debits_at_once_never_overspend()
    {
        var account = await portal.AccountAsync(credits: 100);
        var results = await Task.WhenAll(Enumerable.Range(0, 500).Select(i => portal.Ledger.PostAsync(new TakeOperation(account, $"take-{i}", 1m))));
        Assert.Equal(100, results.Count(r => r is PostResult.Posted));
        Assert.All(results.OfType<PostResult.Refused>(), r => Assert.Equal(ErrorCode.InsufficientCredits, r.Refusal.Code));
        Assert.Equal(0m, await portal.BalanceAsync(account));
        Assert.Equal(101L, await portal.ScalarAsync<long>("select count(*) from transfers where account_id = $1 and unit = 'credit'", account.Value));
    }

    [Fact]
    public async Task One_key_fifty_times_at_once_moves_once_and_answers_alike()
    {
        var account = await portal.AccountAsync(credits: 100);
        var results = await Task.WhenAll(Enumerable.Range(0, 50).Select(_ => portal.Ledger.PostAsync(new TakeOperation(account, "same", 7m))));
        var posted = results.Cast<PostResult.Posted>().ToList();
        Assert.Single(posted, p => !p.Replayed);
        Assert.Single(posted.Select(p => (p.OperationId, p.Transfers[0].Seq, p.Transfers[0].BalanceAfter)).Distinct());
        var later = Assert.IsType<PostResult.Posted>(await portal.Ledger.PostAsync(new TakeOperation(account, "same", 7m)));
        Assert.True(later.Replayed);
        Assert.Equal(posted[0].Transfers[0].Hash, later.Transfers[0].Hash);
        Assert.Equal(93m, await portal.BalanceAsync(account));
    }

    [Fact]
    public async Task The_same_key_with_another_body_is_a_conflict()
    {
        var account = await portal.AccountAsync(credits: 100);
        var both = await Task.WhenAll(portal.Ledger.PostAsync(new TakeOperation(account, "k", 1m)), portal.Ledger.PostAsync(new TakeOperation(account, "k", 2m)));
        Assert.Equal(ErrorCode.IdempotencyConflict, Assert.Single(both.OfType<PostResult.Refused>()).Refusal.Code);
        var later = Assert.IsType<PostResult.Refused>(await portal.Ledger.PostAsync(new TakeOperation(account, "k", 3m)));
        Assert.Equal(ErrorCode.IdempotencyConflict, later.Refusal.Code);
    }

    [Fact]
    public async Task A_refused_operation_leaves_no_row_and_its_key_may_be_tried_again()
    {
        var account = await portal.AccountAsync(credits: 5);
        Assert.IsType<PostResult.Refused>(await portal.Ledger.PostAsync(new TakeOperation(account, "k", 8m)));
        Assert.Equal(0L, await portal.ScalarAsync<long>("select count(*) from operations where account_id = $1 and key = 'k'", account.Value));
        await portal.GrantAsync(account, 5m);
        Assert.False(Assert.IsType<PostResult.Posted>(await portal.Ledger.PostAsync(new TakeOperation(account, "k", 8m))).Replayed);
        Assert.Equal(2m, await portal.BalanceAsync(account));
    }

    [Fact]
    public async Task A_post_in_a_callers_transaction_commits_and_rolls_back_with_it()
    {
        var account = await portal.AccountAsync(credits: 10);
        var tenants = portal.Services.GetRequiredService<Tenants>();
        await using (var lost = await tenants.ForWriterAsync())
        {
            Assert.IsType<PostResult.Posted>(await portal.Ledger.PostAsync(lost, new TakeOperation(account, "lost", 4m)));
        }

        Assert.Equal(10m, await portal.BalanceAsync(account));
        await using (var kept = await tenants.ForWriterAsync())
        {
            Assert.IsType<PostResult.Posted>(await portal.Ledger.PostAsync(kept, new TakeOperation(account, "kept", 4m)));
            Assert.IsType<PostResult.Refused>(await portal.Ledger.PostAsync(kept, new TakeOperation(account, "too much", 7m)));
            await kept.CommitAsync();
        }

        Assert.Equal(6m, await portal.BalanceAsync(account));
    }

    [Fact]
    public async Task Values_that_the_database_refuses_fail_alone()
    {
        var good = await portal.AccountAsync(credits: 10);
        var full = await portal.AccountAsync();
        var all = await Task.WhenAll(
            portal.Ledger.PostAsync(new TakeOperation(good, "a", 1m)),
            portal.Ledger.PostAsync(new GrantOperation(full, Origin.Api, "long", new GrantTerms(Unit.Credit, Amount.Of(1m), GrantSource.Promotional) { Reference = new('x', 300) })),
            portal.Ledger.PostAsync(new TakeOperation(good, "b", 1m)));
        Assert.IsType<PostResult.Posted>(all[0]);
        Assert.IsType<PostResult.Posted>(all[2]);
        Assert.Equal(ErrorCode.InvalidRequest, Assert.IsType<PostResult.Refused>(all[1]).Refusal.Code);
        Assert.Equal(8m, await portal.BalanceAsync(good));
    }

    [Fact]
    public async Task A_balance_beyond_the_range_is_refused()
    {
        var account = await portal.AccountAsync(credits: 1_000_000_000_000m);
        Assert.Equal(ErrorCode.InvalidAmount, Assert.IsType<PostResult.Refused>(await portal.GrantAsync(account, 1m)).Refusal.Code);
        Assert.Equal(1_000_000_000_000m, await portal.BalanceAsync(account));
    }

    [Fact]
    public async Task A_rule_that_breaks_fails_alone()
    {
        var account = await portal.AccountAsync(credits: 10);
        var good = portal.Ledger.PostAsync(new TakeOperation(account, "good", 1m));
        var bad = portal.Ledger.PostAsync(new TakeOperation(account, "bad", -1m));
        Assert.IsType<PostResult.Posted>(await good);
        await Assert.ThrowsAsync<ArgumentOutOfRangeException>(() => bad);
        Assert.Equal(9m, await portal.BalanceAsync(account));
    }

    [Fact]
    public async Task A_subscriber_hears_of_a_commit()
    {
        var account = await portal.AccountAsync(credits: 10);
        var heard = new TaskCompletionSource();
        using var subscription = portal.Services.GetRequiredService<LedgerChanges>().Subscribe(account, () => heard.TrySetResult());
        await portal.Ledger.PostAsync(new TakeOperation(account, "x", 1m));
        await heard.Task.WaitAsync(TimeSpan.FromSeconds(5));
    }
}
