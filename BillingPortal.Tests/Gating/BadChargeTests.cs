using System.Net;
using BillingPortal.Tests.Testing;

namespace BillingPortal.Tests.Gating;

[Collection(nameof(SharedAgentCredits))]
public sealed class BadChargeTests(AgentCreditsPortal portal)
{
    public static TheoryData<string, string> Wrong => new()
    {
        { "", "body" },
        { "{", "body" },
        { "[]", "body" },
        { "null", "body" },
        { "\"text\"", "body" },
        { """{"account":"ACC","action":"profile_my_data"} x""", "body" },
        { """{"account":"ACC","action":"profile_my_data",}""", "body" },
        { """{"account":"ACC"}""", "body" },
        { """{"action":"profile_my_data"}""", "account" },
        { """{"account":null,"action":"profile_my_data"}""", "account" },
        { """{"account":7,"action":"profile_my_data"}""", "account" },
        { """{"account":"","action":"profile_my_data"}""", "account" },
        { """{"account":"a\u0000b","action":"profile_my_data"}""", "account" },
        { """{"account":"a\ud800b","action":"profile_my_data"}""", "account" },
        { """{"account":"a\nb","action":"profile_my_data"}""", "account" },
        { $$"""{"account":"{{new string('a', 201)}}","action":"profile_my_data"}""", "account" },
        { """{"account":"ACC","action":["profile_my_data"]}""", "action" },
        { """{"account":"ACC","action":"profile_my_data","action":"clean_my_data"}""", "action" },
        { """{"account":"ACC","action":"profile_my_data","meter":"messages"}""", "body" },
        { """{"account":"ACC","action":"profile_my_data","amount":5}""", "body" },
        { """{"account":"ACC","model":"gpt-4"}""", "tokens" },
        { """{"account":"ACC","tokens":{"input":5}}""", "model" },
        { """{"account":"ACC","model":"gpt-4","tokens":{}}""", "tokens" },
        { """{"account":"ACC","model":"gpt-4","tokens":[1]}""", "tokens" },
        { """{"account":"ACC","model":"gpt-4","tokens":{"input":-1}}""", "tokens.input" },
        { """{"account":"ACC","model":"gpt-4","tokens":{"input":1.5}}""", "tokens.input" },
        { """{"account":"ACC","model":"gpt-4","tokens":{"input":1000000001}}""", "tokens.input" },
        { """{"account":"ACC","model":"gpt-4","tokens":{"input":1,"input":2}}""", "tokens.input" },
        { """{"account":"ACC","model":"gpt-4","tokens":{"input":1,"price":0}}""", "tokens.price" },
        { """{"account":"ACC","model":"gpt-4","tokens":{"input":1},"quantity":2}""", "quantity" },
        { """{"account":"ACC","unit":"credit"}""", "amount" },
        { """{"account":"ACC","amount":5}""", "unit" },
        { """{"account":"ACC","unit":"Credit!","amount":5}""", "unit" },
        { """{"account":"ACC","unit":"credit","amount":0}""", "amount" },
        { """{"account":"ACC","unit":"credit","amount":-1}""", "amount" },
        { """{"account":"ACC","unit":"credit","amount":0.0000001}""", "amount" },
        { """{"account":"ACC","unit":"credit","amount":1.0000000000000000000000000000000001}""", "amount" },
        { """{"account":"ACC","unit":"credit","amount":1000000000.000001}""", "amount" },
        { """{"account":"ACC","unit":"credit","amount":1e400}""", "amount" },
        { """{"account":"ACC","unit":"credit","amount":NaN}""", "body" },
        { """{"account":"ACC","unit":"credit","amount":"5"}""", "amount" },
        { """{"account":"ACC","unit":"credit","amount":true}""", "amount" },
        { """{"account":"ACC","action":"profile_my_data","quantity":0}""", "quantity" },
        { """{"account":"ACC","action":"profile_my_data","quantity":-3}""", "quantity" },
        { """{"account":"ACC","action":"profile_my_data","quantity":{}}""", "quantity" },
        { """{"account":"ACC","action":"profile_my_data","quantity":99999999999}""", "quantity" },
        { """{"account":"ACC","action":"profile_my_data","quantity":900000000}""", "quantity" }, // the price is out of range
        { """{"account":"ACC","action":"profile_my_data","outcome":"magic"}""", "outcome" },
        { """{"account":"ACC","action":"profile_my_data","byok":"yes"}""", "byok" },
        { """{"account":"ACC","action":"profile_my_data","member":""}""", "member" },
        { $$"""{"account":"ACC","action":"profile_my_data","run":"{{new string('r', 201)}}"}""", "run" },
        { $$"""{"account":"ACC","action":"profile_my_data","reason":"{{new string('r', 501)}}"}""", "reason" },
        { """{"account":"ACC","action":"profile_my_data","metadata":[]}""", "metadata" },
        { """{"account":"ACC","action":"profile_my_data","metadata":{"a":1}}""", "metadata" },
        { """{"account":"ACC","action":"profile_my_data","metadata":{"a":null}}""", "metadata" },
        { """{"account":"ACC","action":"profile_my_data","metadata":{"a":{"b":"c"}}}""", "metadata" },
        { """{"account":"ACC","action":"profile_my_data","metadata":{"a":"1","a":"2"}}""", "metadata" },
        { $$"""{"account":"ACC","action":"profile_my_data","metadata":{ {{string.Join(',', Enumerable.Range(0, 21).Select(i => $"\"k{i}\":\"v\""))}} } }""", "metadata" },
        { """{"account":"ACC","action":"profile_my_data","occurred_at":"yesterday"}""", "occurred_at" },
        { """{"account":"ACC","action":"profile_my_data","occurred_at":"2026-11-01T00:00:00"}""", "occurred_at" },
        { """{"account":"ACC","action":"profile_my_data","occurred_at":1767225600}""", "occurred_at" },
        { """{"account":"ACC","action":"profile_my_data","occurred_at":"1999-01-01T00:00:00Z"}""", "occurred_at" },
        { """{"account":"ACC","action":"profile_my_data","price":0}""", "price" },
        { """{"account":"ACC","action":"profile_my_data","account_id":"x"}""", "account_id" },
        { """{"account":"ACC","action":"profile_my_data","balance":{"credit":[1,2,{"a":3}]}}""", "balance" },
        { """{"account":"ACC","action":"profile_my_data","idempotency_key":"k"}""", "idempotency_key" },
        { string.Concat(Enumerable.Repeat("[", 10_000)), "body" },
        { "{\"account\":\"ACC\",\"metadata\":" + string.Concat(Enumerable.Repeat("{\"a\":", 10_000)), "body" },
    };

    [Theory]
    [MemberData(nameof(Wrong))]
    public async Task Bad_input_is_400_by_field_and_leaves_no_row(string body, string field)
    {
        var api = portal.Api();
        var account = await api.AccountWithAsync(1_000);

        foreach (var path in new[] { "charges", "check", "estimates" })
        {
            var reply = await api.PostAsync(path, body.Replace("ACC", account, StringComparison.Ordinal), Api.NewKey());

            Assert.True(reply.Status == HttpStatusCode.BadRequest, $"{path}: {reply.Status} {reply.Text}");
            Assert.True(reply.ErrorCode is "INVALID_REQUEST" or "INVALID_AMOUNT");
            Assert.True(reply.Json.GetProperty("errors").TryGetProperty(field, out _), reply.Text);
        }

        Assert.Equal(1_000, await portal.BalanceAsync(account));
        Assert.Equal(0, await portal.CountAsync("charges", account));
    }

    [Fact]
    public async Task Another_content_type_is_415_and_a_large_body_413()
    {
        var api = portal.Api();

        Assert.Equal(HttpStatusCode.UnsupportedMediaType, (await api.SendAsync(HttpMethod.Post, "charges", "a=b", Api.NewKey(), "application/x-www-form-urlencoded")).Status);
        Assert.Equal(HttpStatusCode.RequestEntityTooLarge, (await api.PostAsync("charges", new string(' ', 1_100_000), Api.NewKey())).Status);
    }

    [Fact]
    public async Task Many_errors_are_told_at_once()
    {
        var reply = await portal.Api().PostAsync("charges", """{"account":"","quantity":0,"nonsense":1,"outcome":"x"}""", Api.NewKey());

        Assert.Equal(4, reply.Json.GetProperty("errors").EnumerateObject().Count());
    }
}
