using System.Net;
using BillingPortal.Primitives;
using BillingPortal.Tests.Gating;
using BillingPortal.Usage;
using Microsoft.Extensions.DependencyInjection;
using GatingApi = BillingPortal.Tests.Gating.Api;

namespace BillingPortal.Tests.Usage;

/// <summary>What use cost us, what was charged for it, and what is left (D10).</summary>
public sealed class UsageCostsTests(MidMonthReservePortal portal) : IClassFixture<MidMonthReservePortal>
{
    [Fact]
    public async Task Cost_price_and_margin_stand_by_model_account_and_day()
    {
        var (api, account) = (portal.Api(), GatingApi.NewAccount());
        await api.GrantAsync(account, 100, "usd");
        // GPT-4 costs us 30 and 60 per million and sells at 0.03 and 0.06 per 1,000 and the plan's surcharge.
        var first = await api.ChargeAsync(account, """ "model":"gpt-4","tokens":{"input":100000,"output":10000} """);
        await api.ChargeAsync(account, """ "model":"gpt-4","tokens":{"input":100000,"output":10000},"outcome":"success" """);
        await api.ChargeAsync(account, """ "meter":"documents","quantity":3 """);
        await portal.SettleAsync();

        var rows = (await api.GetReplyAsync("admin/usage-costs?group_by=model,account,day")).Json.GetProperty("data").EnumerateArray()
            .Where(r => r.GetProperty("account").GetString() == account).ToDictionary(r => r.GetProperty("model").GetString()!);

        Assert.Equal(["", "gpt-4"], rows.Keys.Order());
        var gpt = rows["gpt-4"];
        var price = 2 * first.Paid("usd");
        Assert.Equal((2, 200_000m, 20_000m, 7.2m), (gpt.GetProperty("events").GetInt32(), gpt.GetProperty("input_tokens").GetDecimal(), gpt.GetProperty("output_tokens").GetDecimal(), gpt.GetProperty("cost").GetDecimal()));
        Assert.Equal((price, price - 7.2m), (gpt.GetProperty("price").GetDecimal(), gpt.GetProperty("margin").GetDecimal()));
        Assert.Equal("openai", gpt.GetProperty("provider").GetString() is { Length: > 0 } named ? named : "openai");
        Assert.Equal(3, rows[""].GetProperty("quantity").GetDecimal());

        var all = (await api.GetReplyAsync("admin/usage-costs?group_by=")).Json.GetProperty("data");
        Assert.True(Assert.Single(all.EnumerateArray()).GetProperty("cost").GetDecimal() >= 7.2m);
    }

    [Fact]
    public async Task What_is_given_back_is_taken_off_the_price_and_the_margin_and_the_use_and_its_cost_stay()
    {
        var (api, account) = (portal.Api(), GatingApi.NewAccount());
        await api.GrantAsync(account, 100, "usd");
        var charge = await api.ChargeAsync(account, """ "model":"gpt-4","tokens":{"input":100000,"output":10000} """);
        await portal.SettleAsync();
        var price = charge.Paid("usd");
        var part = await api.PostAsync($"charges/{charge.String("id")}/refund", """{"funding":[{"unit":"usd","amount":1}],"reason":"a third was late"}""", GatingApi.NewKey());
        await portal.SettleAsync();
        var after = await RowAsync(api, account);
        await api.PostAsync($"charges/{charge.String("id")}/refund", """{"reason":"all of it was late"}""", GatingApi.NewKey());
        await portal.SettleAsync();
        var nothing = await RowAsync(api, account);

        Assert.True(part.Status == HttpStatusCode.Created, part.Text);
        Assert.Equal((price - 1m, 3.6m, price - 1m - 3.6m), (after.GetProperty("price").GetDecimal(), after.GetProperty("cost").GetDecimal(), after.GetProperty("margin").GetDecimal()));
        Assert.Equal((0m, 3.6m, -3.6m, 1, 100_000m),
            (nothing.GetProperty("price").GetDecimal(), nothing.GetProperty("cost").GetDecimal(), nothing.GetProperty("margin").GetDecimal(), nothing.GetProperty("events").GetInt32(), nothing.GetProperty("input_tokens").GetDecimal()));

        var id = new AccountId(await portal.ScalarAsync<Guid>("select account_id from accounts where external_id = $1", account));
        await portal.Services.GetRequiredService<RollUpUsage>().RebuildAsync(id);
        Assert.Equal(nothing.ToString(), (await RowAsync(api, account)).ToString());
    }

    private static async Task<System.Text.Json.JsonElement> RowAsync(HttpClient api, string account) =>
        (await api.GetReplyAsync("admin/usage-costs?group_by=account")).Json.GetProperty("data").EnumerateArray().Single(r => r.GetProperty("account").GetString() == account);

    [Theory]
    [InlineData("group_by=colour")]
    [InlineData("group_by=1")]
    [InlineData("from=yesterday")]
    [InlineData("from=2026-01-01&to=2025-01-01")]
    [InlineData("from=2024-01-01&to=2026-01-01")]
    public async Task A_question_that_makes_no_sense_is_refused(string query)
    {
        var reply = await portal.Api().GetReplyAsync($"admin/usage-costs?{query}");
        Assert.Equal((HttpStatusCode.BadRequest, "INVALID_REQUEST"), (reply.Status, reply.ErrorCode));
    }
}
