using System.Net;
using BillingPortal.Tests.Gating;
using GatingApi = BillingPortal.Tests.Gating.Api;

namespace BillingPortal.Tests.Usage;

/// <summary>What use cost us, what was charged for it, and what is left (D10).</summary>
public sealed class UsageCostsTests(PrepaidReservePortal portal) : IClassFixture<PrepaidReservePortal>
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
