using System.Net;
using BillingPortal.Tests.Testing;

namespace BillingPortal.Tests.Gating;

[Collection(nameof(SharedAgentCredits))]
public sealed class ChargeTests(AgentCreditsPortal portal)
{
    private const string Profile = """ "action":"profile_my_data" """; // 20 credits

    [Fact]
    public async Task A_repeated_charge_is_taken_once()
    {
        var api = portal.Api();
        var account = await api.AccountWithAsync(100);

        var first = await api.ChargeAsync(account, Profile + ""","quantity":3""", "job-42");
        var again = await api.ChargeAsync(account, Profile + ""","quantity":3""", "job-42");

        Assert.Equal(HttpStatusCode.Created, first.Status);
        Assert.Equal(HttpStatusCode.Created, again.Status);
        Assert.Equal(first.Text, again.Text);
        Assert.False(first.IsReplay);
        Assert.True(again.IsReplay);
        Assert.Equal(40, await portal.BalanceAsync(account));
        Assert.Equal(60, first.Paid("credit"));
        Assert.Equal("succeeded", first.String("status"));
        Assert.Equal(account, first.String("account"));
        Assert.StartsWith("chg_", first.String("id"));
    }

    [Fact]
    public async Task Five_hundred_at_once_on_a_hundred_credits_are_exactly_five_charges_of_twenty()
    {
        var api = portal.Api();
        var account = await api.AccountWithAsync(100);

        var replies = await Task.WhenAll(Enumerable.Range(0, 500).Select(_ => api.ChargeAsync(account, Profile)));

        Assert.Equal(5, replies.Count(r => r.Status == HttpStatusCode.Created));
        Assert.All(replies.Where(r => r.Status != HttpStatusCode.Created), r => Assert.Equal(HttpStatusCode.PaymentRequired, r.Status));
        Assert.Equal(0, await portal.BalanceAsync(account));
        Assert.Equal(5, await portal.CountAsync("charges", account));
    }

    [Fact]
    public async Task Five_hundred_at_once_of_one_credit_on_a_hundred_are_exactly_a_hundred()
    {
        var api = portal.Api();
        var account = await api.AccountWithAsync(100);

        var replies = await Task.WhenAll(Enumerable.Range(0, 500).Select(_ => api.ChargeAsync(account, """ "unit":"credit","amount":1 """)));

        Assert.Equal(100, replies.Count(r => r.Status == HttpStatusCode.Created));
        Assert.Equal(0, await portal.BalanceAsync(account));
    }

    [Fact]
    public async Task One_key_fifty_times_at_once_is_one_transfer_and_fifty_equal_answers()
    {
        var api = portal.Api();
        var account = await api.AccountWithAsync(1000);

        var replies = await Task.WhenAll(Enumerable.Range(0, 50).Select(_ => api.ChargeAsync(account, Profile, "once")));

        Assert.All(replies, r => Assert.Equal(HttpStatusCode.Created, r.Status));
        Assert.Single(replies.Select(r => r.Text).Distinct());
        Assert.Equal(49, replies.Count(r => r.IsReplay));
        Assert.Equal(980, await portal.BalanceAsync(account));
        Assert.Equal(2, await portal.CountAsync("transfers", account)); // the grant and the charge
    }

    [Fact]
    public async Task Too_few_credits_are_402_with_balance_price_and_what_is_missing_and_nothing_moves()
    {
        var api = portal.Api();
        var account = await api.AccountWithAsync(45);

        var reply = await api.ChargeAsync(account, Profile + ""","quantity":3""");

        Assert.Equal(HttpStatusCode.PaymentRequired, reply.Status);
        Assert.Equal("BILLING_INSUFFICIENT_CREDITS", reply.ErrorCode);
        Assert.Equal("credit", reply.String("unit"));
        Assert.Equal(60, reply.Number("required"));
        Assert.Equal(45, reply.Number("available"));
        Assert.Equal(15, reply.Number("shortfall"));
        Assert.Equal(2, reply.Json.GetProperty("affordable").GetProperty("quantity").GetDecimal());
        Assert.EndsWith("/portal/credits", reply.String("top_up_url"));
        Assert.NotNull(reply.String("request_id"));
        Assert.Equal(45, await portal.BalanceAsync(account));
        Assert.Equal(0, await portal.CountAsync("charges", account));
    }

    [Fact]
    public async Task A_refused_key_may_be_tried_again()
    {
        var api = portal.Api();
        var account = await api.AccountWithAsync(5);

        Assert.Equal(HttpStatusCode.PaymentRequired, (await api.ChargeAsync(account, Profile, "later")).Status);
        await api.GrantAsync(account, 100);
        var taken = await api.ChargeAsync(account, Profile, "later");

        Assert.Equal(HttpStatusCode.Created, taken.Status);
        Assert.False(taken.IsReplay);
        Assert.Equal(85, await portal.BalanceAsync(account));
    }

    [Theory]
    [InlineData(""" "action":"profile_my_data","quantity":2 """)]
    [InlineData(""" "action":"clean_my_data" """)]
    [InlineData(""" "action":"profile_my_data","run":"other" """)]
    [InlineData(""" "action":"profile_my_data","metadata":{"a":"b"} """)]
    [InlineData(""" "action":"profile_my_data","occurred_at":"2026-11-01T00:00:00Z" """)]
    public async Task The_same_key_with_another_body_is_a_conflict(string other)
    {
        var api = portal.Api();
        var account = await api.AccountWithAsync(1000);

        await api.ChargeAsync(account, Profile, "k");
        var conflict = await api.ChargeAsync(account, other, "k");

        Assert.Equal(HttpStatusCode.Conflict, conflict.Status);
        Assert.Equal("BILLING_IDEMPOTENCY_CONFLICT", conflict.ErrorCode);
        Assert.Equal(980, await portal.BalanceAsync(account));
    }

    [Fact]
    public async Task One_account_s_key_says_nothing_about_another_s()
    {
        var api = portal.Api();
        var one = await api.AccountWithAsync(100);
        var two = await api.AccountWithAsync(100);

        Assert.Equal(HttpStatusCode.Created, (await api.ChargeAsync(one, Profile, "same")).Status);
        Assert.False((await api.ChargeAsync(two, Profile, "same")).IsReplay);
        Assert.Equal(80, await portal.BalanceAsync(two));
    }

    [Fact]
    public async Task An_unknown_action_is_404_and_an_unknown_account_is_made()
    {
        var api = portal.Api();
        var account = Api.NewAccount();

        var unknown = await api.ChargeAsync(account, """ "action":"no_such_action" """);
        var poor = await api.ChargeAsync(account, Profile);

        Assert.Equal(HttpStatusCode.NotFound, unknown.Status);
        Assert.Equal("BILLING_UNKNOWN_ACTION", unknown.ErrorCode);
        Assert.Equal(HttpStatusCode.PaymentRequired, poor.Status);
        Assert.Equal(1, await portal.ScalarAsync<long>("select count(*) from accounts where external_id = $1", account));
    }

    [Fact]
    public async Task A_charge_needs_its_key()
    {
        var api = portal.Api();
        var account = await api.AccountWithAsync(100);
        var body = $$"""{"account":"{{account}}",{{Profile}}}""";

        foreach (var key in new[] { null, "two words", new string('k', 256), "" })
        {
            var reply = await api.PostAsync("charges", body, key);
            Assert.Equal(HttpStatusCode.BadRequest, reply.Status);
            Assert.Equal("INVALID_REQUEST", reply.ErrorCode);
        }

        Assert.Equal(100, await portal.BalanceAsync(account));
    }

    [Fact]
    public async Task A_charge_is_read_back_with_its_receipt()
    {
        var api = portal.Api();
        var account = await api.AccountWithAsync(100);
        var made = await api.ChargeAsync(account, Profile + ""","quantity":2,"run":"run-7","agent":"a1","metadata":{"ticket":"42"},"occurred_at":"2026-11-01T10:00:00+01:00" """);

        var read = await api.GetReplyAsync($"charges/{made.String("id")}");
        var listed = await api.GetReplyAsync($"accounts/{account}/charges?run=run-7");
        var others = await api.GetReplyAsync($"accounts/{account}/charges?run=run-8");

        Assert.Equal(HttpStatusCode.OK, read.Status);
        Assert.Equal(account, read.String("account"));
        var line = Assert.Single(read.Json.GetProperty("lines").EnumerateArray());
        Assert.Equal(2, line.GetProperty("quantity").GetDecimal());
        Assert.Equal(20, line.GetProperty("price").GetDecimal());
        var draw = read.Json.GetProperty("funding")[0].GetProperty("grants")[0];
        Assert.StartsWith("grant_", draw.GetProperty("grant").GetString());
        Assert.Equal(40, draw.GetProperty("amount").GetDecimal());
        Assert.Equal("2026-11-01T09:00:00+00:00", read.String("occurred_at"));
        Assert.Single(listed.Json.GetProperty("data").EnumerateArray());
        Assert.Empty(others.Json.GetProperty("data").EnumerateArray());
        Assert.Equal(HttpStatusCode.NotFound, (await api.GetReplyAsync($"charges/{made.String("id")![..^32]}{Guid.CreateVersion7():n}")).Status);
        Assert.Equal(HttpStatusCode.NotFound, (await api.GetReplyAsync("charges/nonsense")).Status);
    }

    [Fact]
    public async Task Charges_are_listed_page_by_page_newest_first()
    {
        var api = portal.Api();
        var account = await api.AccountWithAsync(1000);
        for (var i = 0; i < 5; i++)
        {
            await api.ChargeAsync(account, Profile, $"k{i}");
        }

        var first = await api.GetReplyAsync($"accounts/{account}/charges?limit=3");
        var second = await api.GetReplyAsync($"accounts/{account}/charges?limit=3&cursor={first.String("next_cursor")}");

        string[] ids = [.. first.Json.GetProperty("data").EnumerateArray().Concat(second.Json.GetProperty("data").EnumerateArray()).Select(c => c.GetProperty("id").GetString()!)];
        Assert.Equal(5, ids.Distinct().Count());
        Assert.Equal(ids.OrderDescending(StringComparer.Ordinal), ids);
        Assert.Null(second.String("next_cursor"));
        Assert.Equal(HttpStatusCode.BadRequest, (await api.GetReplyAsync($"accounts/{account}/charges?limit=0")).Status);
        Assert.Equal(HttpStatusCode.BadRequest, (await api.GetReplyAsync($"accounts/{account}/charges?cursor=x")).Status);
    }

    [Fact]
    public async Task A_check_answers_like_a_charge_and_changes_nothing()
    {
        var api = portal.Api();
        var account = await api.AccountWithAsync(30);
        var stranger = Api.NewAccount();

        var yes = await api.CheckAsync(account, Profile);
        var no = await api.CheckAsync(account, Profile + ""","quantity":2""");
        var unknown = await api.CheckAsync(stranger, Profile);
        var estimate = await api.PostAsync("estimates", $$"""{"account":"{{account}}",{{Profile}},"quantity":2}""");

        Assert.True(yes.Json.GetProperty("allowed").GetBoolean());
        Assert.Equal(20, yes.Json.GetProperty("price")[0].GetProperty("amount").GetDecimal());
        Assert.Equal(30, yes.Json.GetProperty("remaining")[0].GetProperty("amount").GetDecimal());
        Assert.False(no.Json.GetProperty("allowed").GetBoolean());
        Assert.Equal("BILLING_INSUFFICIENT_CREDITS", no.ErrorCode);
        Assert.Equal(10, no.Number("shortfall"));
        Assert.False(unknown.Json.GetProperty("allowed").GetBoolean());
        Assert.Equal(0, await portal.ScalarAsync<long>("select count(*) from accounts where external_id = $1", stranger));
        Assert.False(estimate.Json.GetProperty("covered").GetBoolean());
        Assert.Equal(10, estimate.Number("shortfall"));
        Assert.Equal(HttpStatusCode.NotFound, (await api.CheckAsync(account, """ "action":"nope" """)).Status);
        Assert.Equal(30, await portal.BalanceAsync(account));
    }

    [Fact]
    public async Task Checks_and_refused_charges_are_on_record_after_a_moment()
    {
        var api = portal.Api();
        var account = await api.AccountWithAsync(30);
        await api.CheckAsync(account, Profile);
        await api.ChargeAsync(account, Profile + ""","quantity":2,"agent":"a9" """);

        Reply listed;
        var tries = 0;
        do
        {
            await Task.Delay(100);
            listed = await api.GetReplyAsync($"accounts/{account}/checks");
        }
        while (listed.Json.GetProperty("data").GetArrayLength() < 2 && ++tries < 200);

        var rows = listed.Json.GetProperty("data").EnumerateArray().ToDictionary(c => c.GetProperty("kind").GetString()!);
        Assert.True(rows["check"].GetProperty("allowed").GetBoolean());
        Assert.Equal("BILLING_INSUFFICIENT_CREDITS", rows["charge"].GetProperty("error_code").GetString());
        Assert.Single((await api.GetReplyAsync($"accounts/{account}/checks?agent=a9")).Json.GetProperty("data").EnumerateArray());
    }

    [Fact]
    public async Task A_batch_is_decided_in_order_and_one_that_fails_does_not_spoil_the_others()
    {
        var api = portal.Api();
        var account = await api.AccountWithAsync(45);
        var body = $$"""
            {"charges":[
                {"account":"{{account}}","action":"profile_my_data","idempotency_key":"b1"},
                {"account":"{{account}}","action":"master_my_data","idempotency_key":"b2"},
                {"account":"{{account}}","action":"profile_my_data","idempotency_key":"b3"},
                {"account":"{{account}}","action":"profile_my_data","idempotency_key":"b1"},
                {"account":"{{account}}","action":"profile_my_data"},
                {"account":"{{account}}","action":"no_such","idempotency_key":"b5"},
                {"account":"{{account}}","action":"profile_my_data","idempotency_key":"b6"}]}
            """;

        var reply = await api.PostAsync("charges/batch", body);

        Assert.Equal(HttpStatusCode.OK, reply.Status);
        var results = reply.Json.GetProperty("results").EnumerateArray().ToArray();
        Assert.Equal([201, 402, 201, 201, 400, 404, 402], results.Select(r => r.GetProperty("status").GetInt32()));
        Assert.Equal(results[0].GetProperty("charge").GetProperty("id").GetString(), results[3].GetProperty("charge").GetProperty("id").GetString());
        Assert.Equal(125, results[1].GetProperty("problem").GetProperty("shortfall").GetDecimal()); // 150 of the 25 that the first one left
        Assert.Equal(5, await portal.BalanceAsync(account));
    }

    [Fact]
    public async Task A_batch_of_a_thousand_is_taken_and_one_more_is_not()
    {
        var api = portal.Api();
        var account = await api.AccountWithAsync(1_000);
        string Body(int size) => $$"""{"charges":[{{string.Join(',', Enumerable.Range(0, size).Select(i => $$"""{"account":"{{account}}","unit":"credit","amount":1,"idempotency_key":"n{{i}}"}"""))}}]}""";

        var tooMany = await api.PostAsync("charges/batch", Body(1_001));
        Assert.Equal(1_000, await portal.BalanceAsync(account));
        var taken = await api.PostAsync("charges/batch", Body(1_000));

        Assert.Equal(HttpStatusCode.BadRequest, tooMany.Status);
        Assert.All(taken.Json.GetProperty("results").EnumerateArray(), r => Assert.Equal(201, r.GetProperty("status").GetInt32()));
        Assert.Equal(0, await portal.BalanceAsync(account));
    }
}
