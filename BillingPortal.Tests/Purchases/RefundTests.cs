using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using BillingPortal.Tests.Gating;
using BillingPortal.Tests.Payments;
using BillingPortal.Tests.Testing;

namespace BillingPortal.Tests.Purchases;

/// <summary>Giving payments back, from here and at Stripe: what they bought is drawn back once, whoever began it and however often it is told.</summary>
[Collection(nameof(SharedStripe))]
public sealed class RefundTests(StripeFixture portal)
{
    /// <summary>20 dollars for 2,000 credits and a bonus of 500.</summary>
    private async Task<string> BuyAsync(string account, string card = StripeFixture.Works)
    {
        using var paid = await portal.PayAsync(await portal.CheckoutAsync(account, new { kind = "credits", pack = "pack_2500" }), card);
        await portal.SettledAsync();
        return await portal.ScalarAsync<string>("select p.id from payments p join accounts a using (account_id) where a.external_id = $1 order by paid_at desc limit 1", account)
            ?? throw new InvalidOperationException("No payment was recorded.");
    }

    private async Task<(HttpStatusCode Status, JsonElement Body)> RefundAsync(string payment, object body, string? key = null)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, $"admin/payments/{payment}/refunds") { Content = JsonContent.Create(body), Headers = { { "Idempotency-Key", key ?? Guid.NewGuid().ToString("N") } } };
        using var answer = await portal.Api().SendAsync(request);
        return (answer.StatusCode, await answer.Content.ReadFromJsonAsync<JsonElement>());
    }

    private async Task VerifiedAsync() => Assert.Null(await portal.Api().LedgerProblemsAsync());

    [Fact]
    public async Task A_full_refund_draws_back_pack_and_bonus_once()
    {
        var payment = await BuyAsync("whole");
        var (status, refund) = await RefundAsync(payment, new { reason = "not wanted" }, "whole-1");
        Assert.Equal((HttpStatusCode.Created, "succeeded", 20m), (status, refund.GetProperty("status").GetString(), refund.GetProperty("amount").GetDecimal()));
        Assert.Equal(0, await portal.BalanceAsync("whole", "credit"));
        var (_, again) = await RefundAsync(payment, new { reason = "not wanted" }, "whole-1");
        Assert.Equal(refund.GetProperty("id").GetString(), again.GetProperty("id").GetString());
        Assert.Equal(HttpStatusCode.Conflict, (await RefundAsync(payment, new { reason = "more" })).Status);
        await portal.SettledAsync();
        Assert.Equal(0, await portal.BalanceAsync("whole", "credit"));
        Assert.Equal(["Promotion -500", "Stripe -2000"], (await portal.RowsAsync(
            "select t.book || ' ' || -t.amount::int from transfers t join accounts a using (account_id) where a.external_id = 'whole' and kind = 'Reversal' order by 1")).Select(r => (string)r[0]!));
        await VerifiedAsync();
    }

    [Fact]
    public async Task Parts_draw_back_their_share_and_the_last_one_the_rest()
    {
        var payment = await BuyAsync("parts");
        await RefundAsync(payment, new { amount = 3.33m, reason = "a part" });
        Assert.Equal(2500m - 416.25m, await portal.BalanceAsync("parts", "credit"));
        Assert.Equal((HttpStatusCode.BadRequest, "INVALID_AMOUNT"), await CodeAsync(RefundAsync(payment, new { amount = 16.68m, reason = "too much" })));
        await RefundAsync(payment, new { amount = 16.67m, reason = "the rest" });
        Assert.Equal(0, await portal.BalanceAsync("parts", "credit"));
        await portal.SettledAsync();
        Assert.Equal(0, await portal.BalanceAsync("parts", "credit"));
    }

    private static async Task<(HttpStatusCode, string?)> CodeAsync(Task<(HttpStatusCode Status, JsonElement Body)> asked)
    {
        var (status, body) = await asked;
        return (status, body.GetProperty("error_code").GetString());
    }

    [Fact]
    public async Task What_was_spent_already_becomes_debt_and_the_next_purchase_repays_it()
    {
        var payment = await BuyAsync("spender");
        using var spent = new HttpRequestMessage(HttpMethod.Post, "admin/adjustments") { Content = JsonContent.Create(new { account = "spender", unit = "credit", amount = -2400, reason = "as if used" }), Headers = { { "Idempotency-Key", "spent" } } };
        Assert.Equal(HttpStatusCode.Created, (await portal.Api().SendAsync(spent)).StatusCode);
        await RefundAsync(payment, new { reason = "chargeback avoided" });
        Assert.Equal(-2400, await portal.BalanceAsync("spender", "credit"));
        await BuyAsync("spender");
        Assert.Equal(100, await portal.BalanceAsync("spender", "credit"));
        await VerifiedAsync();
    }

    [Fact]
    public async Task A_refund_made_at_Stripe_draws_back_the_same_and_once()
    {
        var payment = await BuyAsync("outside");
        var refund = await portal.StripeAsync(HttpMethod.Post, "/v1/refunds", ("payment_intent", payment), ("amount", "1000"));
        await portal.SettledAsync();
        Assert.Equal(1250, await portal.BalanceAsync("outside", "credit"));
        var payload = await portal.DeliveredAsync("refund.created", refund.GetProperty("id").GetString()!);
        var id = JsonElement.Parse(payload).GetProperty("id").GetString()!;
        await Task.WhenAll(Enumerable.Range(0, 20).Select(i => portal.DeliverAsync(payload.Replace(id, $"evt_refund_{i}", StringComparison.Ordinal))));
        await portal.SettledAsync();
        Assert.Equal(1250, await portal.BalanceAsync("outside", "credit"));
        var listed = (await portal.Api().GetFromJsonAsync<JsonElement>("admin/payments?account=outside")).GetProperty("data")[0];
        Assert.Equal((10m, 1250m, "stripe"), (listed.GetProperty("refunded").GetDecimal(), listed.GetProperty("drawn_back").GetDecimal(), listed.GetProperty("refunds")[0].GetProperty("actor").GetString()));
    }

    [Fact]
    public async Task Two_refunds_of_the_whole_at_once_are_one()
    {
        var payment = await BuyAsync("both");
        var answers = await Task.WhenAll(RefundAsync(payment, new { reason = "a" }), RefundAsync(payment, new { reason = "b" }));
        Assert.Equal([HttpStatusCode.Created, HttpStatusCode.Conflict], answers.Select(a => a.Status).Order());
        await portal.SettledAsync();
        Assert.Equal(0, await portal.BalanceAsync("both", "credit"));
        Assert.Equal(1, await portal.ScalarAsync<long>("select count(*) from simulator_objects where type = 'refund' and body ->> 'payment_intent' = $1", payment));
    }

    [Fact]
    public async Task A_refund_that_fails_later_gives_back_what_it_took()
    {
        var payment = await BuyAsync("bounced", "4000000000005126");
        Task<decimal> DrawnBackAsync() => portal.ScalarAsync<decimal>("select sum(amount) from transfers t join accounts a using (account_id) where a.external_id = 'bounced' and kind = 'Reversal' and not is_credit");
        await RefundAsync(payment, new { reason = "x" });
        Assert.Equal(2500, await DrawnBackAsync()); // the balance may have it again by now
        await StripeFixture.UntilAsync(async () => await portal.BalanceAsync("bounced", "credit") == 2500, "what was drawn back is there again");
        await portal.SettledAsync();
        Assert.Equal(2500, await portal.BalanceAsync("bounced", "credit"));
        var row = (await portal.Api().GetFromJsonAsync<JsonElement>($"admin/payments/{payment}")).GetProperty("refunds")[0];
        Assert.Equal("failed", row.GetProperty("status").GetString());
        // It can be tried again, and draws back again.
        await portal.ExecuteAsync("update simulator_objects set body = jsonb_set(body, '{_number}', '\"4242424242424242\"') where type = 'payment_method' and id = (select body ->> 'payment_method' from simulator_objects where type = 'charge' and body ->> 'payment_intent' = $1)", payment);
        await RefundAsync(payment, new { reason = "again" });
        Assert.Equal(0, await portal.BalanceAsync("bounced", "credit"));
        Assert.Equal(5000, await DrawnBackAsync());
        await VerifiedAsync();
    }

    [Fact]
    public async Task A_refund_that_pends_draws_back_at_once_and_stays()
    {
        var payment = await BuyAsync("slow", "4000000000007726");
        var (_, refund) = await RefundAsync(payment, new { amount = 10, reason = "x" });
        Assert.Equal("pending", refund.GetProperty("status").GetString());
        Assert.Equal(1250, await portal.BalanceAsync("slow", "credit"));
        await StripeFixture.UntilAsync(async () => await portal.ScalarAsync<string>("select status from refunds where payment_id = $1", payment) == "Succeeded", "it arrived");
        Assert.Equal(1250, await portal.BalanceAsync("slow", "credit"));
    }

    [Theory]
    [InlineData("""{"amount":0,"reason":"x"}""", HttpStatusCode.BadRequest)]
    [InlineData("""{"amount":-1,"reason":"x"}""", HttpStatusCode.BadRequest)]
    [InlineData("""{"amount":0.001,"reason":"x"}""", HttpStatusCode.BadRequest)]
    [InlineData("""{"amount":1e9,"reason":"x"}""", HttpStatusCode.BadRequest)]
    [InlineData("""{"amount":1}""", HttpStatusCode.BadRequest)]
    [InlineData("""{"amount":1,"reason":" "}""", HttpStatusCode.BadRequest)]
    [InlineData("[]", HttpStatusCode.BadRequest)]
    public async Task A_refund_that_cannot_be_is_refused_and_leaves_no_row(string body, HttpStatusCode status)
    {
        var payment = await BuyAsync("bad-refund");
        var before = await portal.ScalarAsync<long>("select count(*) from refunds");
        using var request = new HttpRequestMessage(HttpMethod.Post, $"admin/payments/{payment}/refunds") { Content = new StringContent(body, System.Text.Encoding.UTF8, "application/json"), Headers = { { "Idempotency-Key", Guid.NewGuid().ToString("N") } } };
        using var answer = await portal.Api().SendAsync(request);
        Assert.Equal(status, answer.StatusCode);
        Assert.Equal(HttpStatusCode.NotFound, (await RefundAsync("pi_none", new { reason = "x" })).Status);
        Assert.Equal(before, await portal.ScalarAsync<long>("select count(*) from refunds"));
    }
}
