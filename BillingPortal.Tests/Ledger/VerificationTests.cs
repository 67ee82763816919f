using System.Net.Http.Json;
using System.Text.Json;
using BillingPortal.Ledger;
using BillingPortal.Primitives;
using Microsoft.Extensions.DependencyInjection;

namespace BillingPortal.Tests.Ledger;

public class VerificationTests(LedgerFixture portal) : IClassFixture<LedgerFixture>
{
    private Task<VerificationReport> VerifyAsync(AccountId? account = null) => portal.Services.GetRequiredService<LedgerVerification>().RunAsync(account);

    private async Task<AccountId> BusyAsync()
    {
        var account = await portal.AccountAsync(credits: 100);
        for (var i = 0; i < 5; i++)
        {
            await portal.Ledger.PostAsync(new TakeOperation(account, $"c{i}", 1.5m));
        }

        return account;
    }

    /// <summary>Changes rows as nobody can through the application: as superuser, past triggers.</summary>
    private async Task TamperAsync(string sql, AccountId account)
    {
        await portal.ExecuteAsync("alter table transfers disable trigger append_only");
        foreach (var statement in sql.Split(';'))
        {
            await portal.ExecuteAsync(statement, account.Value);
        }

        await portal.ExecuteAsync("alter table transfers enable trigger append_only");
    }

    [Fact]
    public async Task An_untouched_ledger_proves_itself()
    {
        var account = await BusyAsync();
        var report = await VerifyAsync(account);
        Assert.Empty(report.Problems);
        Assert.Equal((4L, 9L), (report.Wallets, report.Transfers));
    }

    [Theory]
    [InlineData("update transfers set amount = 2, balance_after = balance_after - 0.5 where account_id = $1 and unit = 'credit' and seq = 6", "hash")]
    [InlineData("update transfers set created_at = created_at + interval '1 microsecond' where account_id = $1 and unit = 'credit' and seq = 4", "hash")]
    [InlineData("update transfers set book = 'Adjustment' where account_id = $1 and unit = 'credit' and seq = 2", "hash")]
    [InlineData("delete from transfers where account_id = $1 and unit = 'credit' and seq = 3", "missing")]
    [InlineData("delete from transfers where account_id = $1 and unit = 'credit' and seq = 6", "counts 6 rows")]
    [InlineData("update wallets set balance = balance + 1 where account_id = $1 and unit = 'credit'", "add up to")]
    [InlineData("update wallets set held = 1 where account_id = $1 and unit = 'credit'", "held")]
    [InlineData("update grants set remaining = remaining - 1 where account_id = $1 and unit = 'credit'", "rows add up to")]
    [InlineData("update operation_details set details = '{\"reason\":\"other\"}' where account_id = $1", "digested")]
    [InlineData("update operations set moved = 'credit:1' where account_id = $1 and key = 'c3'", "not its own")]
    [InlineData("delete from wallets where account_id = $1 and unit = 'messages'", "no wallet")]
    // Two rows swapped: under each other's numbers, or whole with all that follows from them.
    [InlineData("update transfers set seq = case seq when 3 then 1004 when 4 then 1003 end where account_id = $1 and unit = 'credit' and seq in (3, 4);update transfers set seq = seq - 1000 where account_id = $1 and seq > 1000", "hash")]
    [InlineData("update transfers t set id = o.id, created_at = o.created_at, operation_id = o.operation_id, hash = o.hash from transfers o where t.account_id = $1 and o.account_id = $1 and t.unit = 'credit' and o.unit = 'credit' and t.seq in (3, 4) and o.seq = 7 - t.seq", "hash")]
    public async Task A_changed_row_is_found(string sql, string what)
    {
        var account = await BusyAsync();
        await portal.ExecuteAsync("alter table operations disable trigger append_only");
        await TamperAsync(sql, account);
        var report = await VerifyAsync(account);
        Assert.False(report.Ok);
        Assert.Contains(report.Problems, p => p.Account == account && p.What.Contains(what, StringComparison.Ordinal));
    }

    [Fact]
    public async Task Erased_details_leave_the_ledger_whole()
    {
        var account = await BusyAsync();
        await portal.ExecuteAsync("delete from operation_details where account_id = $1", account.Value);
        Assert.Empty((await VerifyAsync(account)).Problems);
    }

    [Fact]
    public async Task Admins_verify_over_the_api()
    {
        var account = await BusyAsync();
        var answer = await portal.Api().PostAsync("admin/ledger/verify", null);
        var body = await answer.Content.ReadFromJsonAsync<JsonElement>();
        Assert.True(body.GetProperty("wallets").GetInt64() >= 4);
        Assert.Equal(404, (int)(await portal.Api().PostAsync("admin/ledger/verify?account=nobody", null)).StatusCode);
    }
}
