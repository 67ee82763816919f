using System.Globalization;
using System.Net;
using System.Text.Json.Nodes;
using BillingPortal.Jobs;
using BillingPortal.Tests.Gating;
using BillingPortal.Tests.Testing;
using Microsoft.Extensions.DependencyInjection;
using GatingApi = BillingPortal.Tests.Gating.Api;

namespace BillingPortal.Tests.Usage;

/// <summary>One card in money and one in credits with free uses, a tiered meter, and a card that counts tokens in a meter with an allowance. A second version of each is there, far ahead.</summary>
public sealed class ReRatingPortal : PortalFixture
{
    private const string Catalog = """
        {"name":"t","currency":"usd","default_plan":"money","free_uses":2,"outcome_shares":{"provider_error":0},"meters":[{"id":"documents","name":"Documents"},{"id":"tokens","name":"Tokens"}],
        "providers":[{"id":"openai","name":"OpenAI","bring_your_own_key":true}],
        "models":[{"id":"gpt-4","name":"GPT-4","provider":"openai","cost":{"input":0.01,"output":0.01,"per":1000}},{"id":"odd","name":"Odd","provider":"openai"}],
        "plans":[{"id":"money","name":"Money","rate_card":"list","low_balance_policy":"warn","bring_your_own_key":true},
            {"id":"credits","name":"Credits","rate_card":"credits","included_credits":10,"funding":{"credit":[{"wallet":"free_use","per_use":true},{"wallet":"credit"}]}},
            {"id":"flat","name":"Flat","rate_card":"flat","low_balance_policy":"warn"},{"id":"steps","name":"Steps","rate_card":"steps","low_balance_policy":"warn"},{"id":"bulk","name":"Bulk","rate_card":"bulk","low_balance_policy":"warn"},
            {"id":"border","name":"Border","rate_card":"border"},
            {"id":"metered","name":"Metered","rate_card":"metered","allowances":[{"meter":"tokens","included":1000,"cap":"soft","overage":{"price":0.01,"currency":"usd"}}]}],
        "rate_cards":[
            {"id":"list","version":1,"effective_from":"2020-01-01T00:00:00Z","unit":"usd","models":[{"provider":"openai","model":"*","prices":{"input":0.03,"output":0.06,"per":1000}}],
                "meters":[{"meter":"documents","tiers":[{"up_to":10,"price":1},{"price":0.5}]}]},
            {"id":"list","version":2,"effective_from":"2090-01-01T00:00:00Z","unit":"usd","models":[{"provider":"openai","model":"gpt-4","prices":{"input":0.01,"output":0.07,"per":1000}}],
                "meters":[{"meter":"documents","tiers":[{"up_to":5,"price":2},{"price":0.25}]}]},
            {"id":"credits","version":1,"effective_from":"2020-01-01T00:00:00Z","unit":"credit","models":[{"provider":"*","model":"*","prices":{"input":10,"output":10,"per":1000}}]},
            {"id":"credits","version":2,"effective_from":"2090-01-01T00:00:00Z","unit":"credit","models":[{"provider":"*","model":"*","prices":{"input":4,"output":4,"per":1000}}]},
            {"id":"credits","version":3,"effective_from":"2091-01-01T00:00:00Z","unit":"credit","models":[{"provider":"*","model":"*","prices":{"input":13,"output":13,"per":1000}}]},
            {"id":"flat","version":1,"effective_from":"2020-01-01T00:00:00Z","unit":"usd","meters":[{"meter":"documents","price":1}]},
            {"id":"flat","version":2,"effective_from":"2090-01-01T00:00:00Z","unit":"usd","meters":[{"meter":"documents","tiers":[{"up_to":10,"price":2},{"up_to":14,"price":1},{"price":0.25}]}]},
            {"id":"flat","version":3,"effective_from":"2091-01-01T00:00:00Z","unit":"usd","meters":[{"meter":"documents","tiering":"volume","tiers":[{"up_to":10,"price":2},{"up_to":14,"price":1},{"price":0.25}]}]},
            {"id":"steps","version":1,"effective_from":"2020-01-01T00:00:00Z","unit":"usd","meters":[{"meter":"documents","tiers":[{"up_to":10,"price":2},{"up_to":14,"price":1},{"price":0.25}]}]},
            {"id":"bulk","version":1,"effective_from":"2020-01-01T00:00:00Z","unit":"usd","meters":[{"meter":"documents","tiering":"volume","tiers":[{"up_to":10,"price":2},{"up_to":14,"price":1},{"price":0.25}]}]},
            {"id":"border","version":1,"effective_from":"2020-01-01T00:00:00Z","unit":"usd","models":[{"provider":"openai","model":"gpt-4","prices":{"input":0.03,"output":0.06,"per":1000}}]},
            {"id":"metered","version":1,"effective_from":"2020-01-01T00:00:00Z","unit":"tokens","models":[{"provider":"*","model":"*","prices":{"input":1,"output":1,"per":1}}]},
            {"id":"metered","version":2,"effective_from":"2090-01-01T00:00:00Z","unit":"tokens","models":[{"provider":"*","model":"*","prices":{"input":0.5,"output":2,"per":1}}]}],
        "credit_packs":[],"reserve_top_up":{"minimum":1,"maximum":100}}
        """;

    private readonly string file = Path.Combine(Path.GetTempPath(), $"catalog-{Guid.NewGuid():N}.json");

    protected override void Configure(IDictionary<string, string?> settings)
    {
        File.WriteAllText(file, Catalog);
        settings["Catalog:File"] = file;
    }

    public override async Task DisposeAsync()
    {
        await base.DisposeAsync();
        File.Delete(file);
    }
}

/// <summary>F7: a period replayed under another version of a rate card. Preview, approve, cancel; posted once.</summary>
public sealed class ReRatingTests(ReRatingPortal portal) : IClassFixture<ReRatingPortal>
{
    private const string Call = """ "provider":"openai","model":"gpt-4","tokens":{"input":1000,"output":1000} """;

    [Fact]
    public async Task What_is_posted_is_what_the_preview_showed_to_the_last_decimal_and_a_second_time_nothing_changes()
    {
        var api = portal.Api();
        var (dear, cheap) = (await AccountAsync(api, "money", 10, "usd"), await AccountAsync(api, "money", 0.01m, "usd"));
        await api.ChargeAsync(dear, """ "provider":"openai","model":"gpt-4","tokens":{"input":12345,"output":7} """);
        await api.ChargeAsync(dear, Call, "again");
        await api.ChargeAsync(cheap, """ "provider":"openai","model":"gpt-4","tokens":{"input":1,"output":100003} """);
        await api.ReportAsync(UsageApi.Event(cheap, "late", $"{Call},\"time\":\"{UsageApi.At(portal.Time.GetUtcNow().AddDays(-2))}\""));
        await portal.SettleAsync();
        var before = await BalancesAsync(dear, cheap);

        var preview = await PreviewAsync(api, "list", 2, dear, cheap);
        Assert.Equal(before, await BalancesAsync(dear, cheap));
        var approved = await ApproveAsync(api, preview);
        var after = await BalancesAsync(dear, cheap);
        var again = await PreviewAsync(api, "list", 2, dear, cheap);

        var difference = Difference(preview, "usd");
        Assert.Equal(4, preview.Number("charges"));
        // 1,000 + 1,000: 0.09 → 0.08. 12,345 + 7: 0.37077 → 0.12394. 1 + 100,003: 6.00021 → 7.00022.
        Assert.Equal(2 * -0.01m + 0.12394m - 0.37077m + 7.00022m - 6.00021m, difference);
        Assert.Equal(before - difference, after);
        Assert.Equal(("posted", difference), (approved.String("status"), approved.Json.GetProperty("differences")[0].GetProperty("posted").GetDecimal()));
        Assert.Equal(difference, preview.Json.GetProperty("data").EnumerateArray().Sum(c => c.GetProperty("difference").GetDecimal()));
        Assert.Equal((0m, 0), (again.Number("charges"), again.Json.GetProperty("data").GetArrayLength()));
        Assert.Null(await api.LedgerProblemsAsync());
    }

    [Fact]
    public async Task The_new_charge_says_its_version_and_what_it_stands_for_and_use_counts_once()
    {
        var api = portal.Api();
        var account = await AccountAsync(api, "money", 10, "usd");
        var charge = await api.ChargeAsync(account, $"{Call},\"agent\":\"a\"");
        await ApproveAsync(api, await PreviewAsync(api, "list", 2, account));
        await portal.SettleAsync();

        var old = (await api.GetReplyAsync($"charges/{charge.String("id")}")).Json;
        var made = (await api.GetReplyAsync($"charges/{old.GetProperty("rerated_by").GetString()}")).Json;
        Assert.Equal(("list v2", charge.String("id"), "a", 0.08m), (made.GetProperty("rate_version").GetString(), made.GetProperty("rerates").GetString(), made.GetProperty("agent").GetString(), made.GetProperty("price")[0].GetProperty("amount").GetDecimal()));
        Assert.Equal(old.GetProperty("created_at").GetString(), made.GetProperty("created_at").GetString());
        var costs = (await api.GetReplyAsync("admin/usage-costs?group_by=account")).Json.GetProperty("data").EnumerateArray().Single(r => r.GetProperty("account").GetString() == account);
        Assert.Equal((1, 1000m, 0.08m, 0.02m), (costs.GetProperty("events").GetInt32(), costs.GetProperty("input_tokens").GetDecimal(), costs.GetProperty("price").GetDecimal(), costs.GetProperty("cost").GetDecimal()));
        Assert.Equal(1, await portal.ScalarAsync<long>("select total_uses from ledger_heads h join accounts a using (account_id) where a.external_id = $1", account));
        Assert.Equal(HttpStatusCode.Conflict, (await api.PostAsync($"charges/{charge.String("id")}/refund", """{"reason":"twice"}""", GatingApi.NewKey())).Status);
        Assert.Equal(HttpStatusCode.Created, (await api.PostAsync($"charges/{made.GetProperty("id").GetString()}/refund", """{"reason":"once"}""", GatingApi.NewKey())).Status);
        Assert.Equal(10m, await portal.BalanceAsync(account, "usd"));
    }

    [Fact]
    public async Task A_cancelled_preview_leaves_no_trace_and_an_approved_one_cannot_be_cancelled()
    {
        var api = portal.Api();
        var account = await AccountAsync(api, "money", 10, "usd");
        await api.ChargeAsync(account, Call);
        await portal.SettleAsync();
        var before = await TraceAsync(account);
        var preview = await PreviewAsync(api, "list", 2, account);
        Assert.Equal(HttpStatusCode.NoContent, (await api.SendAsync(HttpMethod.Delete, $"admin/re-ratings/{preview.String("id")}", null, null)).Status);
        Assert.Equal(before, await TraceAsync(account));
        Assert.Equal(HttpStatusCode.NotFound, (await api.PostAsync($"admin/re-ratings/{preview.String("id")}/approve", """{"reason":"late"}""")).Status);

        var second = await PreviewAsync(api, "list", 2, account);
        await ApproveAsync(api, second);
        Assert.Equal(HttpStatusCode.Conflict, (await api.SendAsync(HttpMethod.Delete, $"admin/re-ratings/{second.String("id")}", null, null)).Status);
    }

    [Fact]
    public async Task Two_who_approve_at_once_post_it_once_and_what_changed_since_the_preview_is_left_out()
    {
        var api = portal.Api();
        var account = await AccountAsync(api, "money", 10, "usd");
        var charges = new List<Reply>();
        for (var i = 0; i < 6; i++)
        {
            charges.Add(await api.ChargeAsync(account, Call));
        }

        var first = await PreviewAsync(api, "list", 2, account);
        var rival = await PreviewAsync(api, "list", 2, account);
        await api.PostAsync($"charges/{charges[0].String("id")}/refund", """{"reason":"meanwhile"}""", GatingApi.NewKey());
        await Task.WhenAll(Enumerable.Range(0, 6).Select(i => api.PostAsync($"admin/re-ratings/{(i % 2 == 0 ? first : rival).String("id")}/approve", """{"reason":"both of us"}""")));
        await portal.Services.GetRequiredService<JobLoop>().RunNowAsync("post_re_ratings");

        // 5 × 0.08: each once, by the one or the other.
        Assert.Equal(9.6m, await portal.BalanceAsync(account, "usd"));
        var ends = new[] { await FindAsync(api, first), await FindAsync(api, rival) };
        Assert.All(ends, e => Assert.Equal("posted", e.String("status")));
        Assert.Equal(-0.05m, ends.Sum(e => e.Json.GetProperty("differences")[0].GetProperty("posted").GetDecimal()));
        Assert.Equal(7, ends.Sum(e => e.Json.GetProperty("left_out").EnumerateArray().Sum(l => l.GetProperty("charges").GetInt32())));
        Assert.Equal(2, await portal.ScalarAsync<long>("select count(*) from audit_entries where action = 're_rating.approved' and subject = any($1)", (object)new[] { first.String("id")!, rival.String("id")! }));
        Assert.Null(await api.LedgerProblemsAsync());
    }

    [Fact]
    public async Task What_was_posted_and_not_marked_is_not_posted_twice()
    {
        var api = portal.Api();
        var account = await AccountAsync(api, "money", 10, "usd");
        await api.ChargeAsync(account, Call);
        await api.ChargeAsync(account, Call);
        var preview = await PreviewAsync(api, "list", 2, account);
        await ApproveAsync(api, preview);
        var balance = await portal.BalanceAsync(account, "usd");
        // As after a crash between the posting and the mark.
        await portal.ExecuteAsync("update re_rating_items i set state = 'Waiting' from accounts a where a.account_id = i.account_id and a.external_id = $1", account);
        await portal.ExecuteAsync("update re_ratings set status = 'Approved', posted_at = null where id = (select re_rating_id from re_rating_items i join accounts a using (account_id) where a.external_id = $1 limit 1)", account);
        await portal.Services.GetRequiredService<JobLoop>().RunNowAsync("post_re_ratings");

        Assert.Equal(balance, await portal.BalanceAsync(account, "usd"));
        Assert.Equal(("posted", 0), ((await FindAsync(api, preview)).String("status"), (await FindAsync(api, preview)).Json.GetProperty("left_out").GetArrayLength()));
        Assert.Equal(4, await portal.CountAsync("charges", account));
    }

    [Fact]
    public async Task Refunds_holds_keys_of_their_own_and_tiers_keep_what_was_promised()
    {
        var api = portal.Api();
        var account = await AccountAsync(api, "money", 100, "usd");
        var half = await api.ChargeAsync(account, Call); // 0.09, of which 0.03 goes back
        await api.PostAsync($"charges/{half.String("id")}/refund", """{"funding":[{"unit":"usd","amount":0.03}],"reason":"a third"}""", GatingApi.NewKey());
        var whole = await api.ChargeAsync(account, Call);
        await api.PostAsync($"charges/{whole.String("id")}/refund", """{"reason":"all"}""", GatingApi.NewKey());
        var hold = await api.HoldAsync(account, """ "provider":"openai","model":"gpt-4","tokens":{"input":0,"output":1000} """); // 0.06, capped
        await api.CaptureAsync(hold, """{"tokens":{"input":0,"output":2000}}""");
        await api.ChargeAsync(account, $"{Call},\"byok\":true");
        await api.ChargeAsync(account, """ "provider":"openai","model":"odd","tokens":{"input":1000,"output":0} """);
        await api.ChargeAsync(account, """ "meter":"documents","quantity":8 """);
        await api.ChargeAsync(account, """ "meter":"documents","quantity":4 """); // 2 at 1, 2 at 0.5
        var before = await portal.BalanceAsync(account, "usd");

        var preview = await PreviewAsync(api, "list", 2, account);
        await ApproveAsync(api, preview);

        // Two thirds of 0.08 for 0.06; 8 documents: 5 × 2 + 3 × 0.25 for 8; 4 from the 9th on: 4 × 0.25 for 3. The hold's cap stays, the key of one's own costs nothing.
        Assert.Equal(3, preview.Number("charges"));
        Assert.Equal(decimal.Round(0.08m * 2m / 3m, 6) - 0.06m + 10.75m - 8m + 1m - 3m, Difference(preview, "usd"));
        Assert.Equal(before - Difference(preview, "usd"), await portal.BalanceAsync(account, "usd"));
        var left = Assert.Single(preview.Json.GetProperty("left_out").EnumerateArray());
        Assert.Equal(("list v2 has no rate for 'odd'.", 1), (left.GetProperty("reason").GetString(), left.GetProperty("charges").GetInt32()));
        Assert.Equal(12, await portal.UsedAsync(account, "documents"));
        Assert.Equal(0, (await PreviewAsync(api, "list", 2, account)).Number("charges"));
        Assert.Null(await api.LedgerProblemsAsync());
    }

    [Theory]
    [InlineData(2, "steps")]
    [InlineData(3, "bulk")]
    public async Task A_flat_rate_turned_into_tiers_over_the_period_comes_to_what_the_tiers_would_have_charged_from_the_start(int version, string plan)
    {
        var api = portal.Api();
        var tiered = await LiveAsync(api, plan, 2m);
        var flat = await LiveAsync(api, "flat", 1m);
        var (before, wanted) = (await portal.BalanceAsync(flat, "usd"), await portal.BalanceAsync(tiered, "usd"));
        Assert.NotEqual(before, wanted);

        var preview = await PreviewAsync(api, "flat", version, flat);
        Assert.Equal(before - wanted, Difference(preview, "usd"));
        Assert.Equal(0, preview.Json.GetProperty("left_out").GetArrayLength());
        await ApproveAsync(api, preview);

        Assert.Equal((wanted, await portal.UsedAsync(tiered, "documents")), (await portal.BalanceAsync(flat, "usd"), await portal.UsedAsync(flat, "documents")));
        Assert.Equal(await TiersAsync(tiered), await TiersAsync(flat));
        Assert.Equal(0, (await PreviewAsync(api, "flat", version, flat)).Number("charges"));
        // And back again.
        await ApproveAsync(api, await PreviewAsync(api, "flat", 1, flat));
        Assert.Equal(before, await portal.BalanceAsync(flat, "usd"));
        Assert.Equal(before - wanted, Difference(await PreviewAsync(api, "flat", version, flat), "usd"));
        Assert.Null(await api.LedgerProblemsAsync());
    }

    /// <summary>Two periods with all that moves the count of a meter: use, late use, use that an outcome makes free, a refund of a part and one of all.</summary>
    private async Task<string> LiveAsync(HttpClient api, string plan, decimal back)
    {
        var account = await AccountAsync(api, plan, 100, "usd");
        var part = await api.ChargeAsync(account, """ "meter":"documents","quantity":8 """);
        Assert.Equal(HttpStatusCode.Created, (await api.PostAsync($"charges/{part.String("id")}/refund", string.Create(CultureInfo.InvariantCulture, $$"""{"funding":[{"unit":"usd","amount":{{back}}}],"reason":"an eighth"}"""), GatingApi.NewKey())).Status);
        var whole = await api.ChargeAsync(account, """ "meter":"documents","quantity":4 """);
        await api.ChargeAsync(account, """ "meter":"documents","quantity":1 """);
        await api.PostAsync($"charges/{whole.String("id")}/refund", """{"reason":"all"}""", GatingApi.NewKey());
        await api.ChargeAsync(account, """ "meter":"documents","quantity":7,"outcome":"provider_error" """);
        await api.ChargeAsync(account, """ "meter":"documents","quantity":2.5 """);
        await api.ReportAsync(UsageApi.Event(account, "late", $"\"meter\":\"documents\",\"quantity\":3,\"time\":\"{UsageApi.At(portal.Time.GetUtcNow().AddDays(-2))}\""));
        await portal.SettleAsync();
        await api.ChargeAsync(account, """ "meter":"documents","quantity":6 """);
        portal.Time.Advance(TimeSpan.FromDays(16));
        await api.ChargeAsync(account, """ "meter":"documents","quantity":1 """);
        portal.Time.Advance(TimeSpan.FromDays(16));
        await api.ChargeAsync(account, """ "meter":"documents","quantity":12 """);
        await api.ChargeAsync(account, """ "meter":"documents","quantity":1.5 """);
        return account;
    }

    /// <summary>What stands of an account's charges: quantity, where its tiers began, what of its price is left.</summary>
    private Task<string?> TiersAsync(string account) => portal.ScalarAsync<string>("""
        select string_agg(concat_ws(' ', c.quantity::float8, (c.receipt->>'tiers_from')::float8, (c.receipt->'price'->0->>'amount')::float8 - coalesce((select sum(r.price) from charge_refunds r where r.account_id = c.account_id and r.charge_id = c.id), 0)::float8),
            '; ' order by c.created_at, c.quantity) from charges c join accounts a using (account_id)
        where a.external_id = $1 and not exists (select from charges n where n.account_id = c.account_id and n.receipt->>'rerates' = c.id::text) and c.outcome = 'success' and c.quantity <> 4 and c.quantity <> 8
        """, account);

    [Fact]
    public async Task Free_uses_and_the_plans_credits_go_on_paying_their_share_also_after_their_period()
    {
        var api = portal.Api();
        var account = await AccountAsync(api, "credits", 0, "credit");
        const string five = """ "provider":"openai","model":"gpt-4","tokens":{"input":500,"output":0} """;
        await api.ChargeAsync(account, five);
        await api.ChargeAsync(account, five); // both by free uses
        var paid = await api.ChargeAsync(account, five); // 5 of the plan's 10
        Assert.Equal((5m, 0m), (paid.Paid("credit"), await portal.BalanceAsync(account, "free_use")));

        await ApproveAsync(api, await PreviewAsync(api, "credits", 2, account)); // 2 each
        Assert.Equal((8m, 0m), (await portal.BalanceAsync(account), await portal.BalanceAsync(account, "free_use")));
        await ApproveAsync(api, await PreviewAsync(api, "credits", 3, account)); // 6.5 each
        Assert.Equal((3.5m, 0m), (await portal.BalanceAsync(account), await portal.BalanceAsync(account, "free_use")));
        Assert.Equal(6.5m, await portal.UsedAsync(account, "credit"));

        portal.Time.Advance(TimeSpan.FromDays(32));
        await api.GetReplyAsync($"accounts/{account}/wallets");
        Assert.Equal((10m, 0m), (await portal.BalanceAsync(account), await portal.UsedAsync(account, "credit")));
        await ApproveAsync(api, await PreviewAsync(api, "credits", 2, account)); // 4.5 of the ended allowance come back with the catalog's grace
        Assert.Equal((14.5m, 0m), (await portal.BalanceAsync(account), await portal.UsedAsync(account, "credit")));
        Assert.Null(await api.LedgerProblemsAsync());
    }

    [Fact]
    public async Task Allowance_and_overage_follow_the_new_quantity()
    {
        var api = portal.Api();
        var account = await AccountAsync(api, "metered", 0, "tokens");
        await api.ChargeAsync(account, """ "provider":"openai","model":"gpt-4","tokens":{"input":800,"output":300} """);
        Assert.Equal((-100m, 1100m), (await portal.BalanceAsync(account, "tokens"), await portal.UsedAsync(account, "tokens")));
        await ApproveAsync(api, await PreviewAsync(api, "metered", 2, account)); // 400 + 600
        Assert.Equal((0m, 1000m), (await portal.BalanceAsync(account, "tokens"), await portal.UsedAsync(account, "tokens")));
        await ApproveAsync(api, await PreviewAsync(api, "metered", 1, account));
        Assert.Equal((-100m, 1100m), (await portal.BalanceAsync(account, "tokens"), await portal.UsedAsync(account, "tokens")));
        Assert.Null(await api.LedgerProblemsAsync());
    }

    [Theory]
    [InlineData("""{"from":"2026-01-01","to":"2026-02-01"}""", "rate_card")]
    [InlineData("""{"from":"2026-01-01","rate_card":"list"}""", "to")]
    [InlineData("""{"from":"2026-02-01","to":"2026-01-01","rate_card":"list"}""", "to")]
    [InlineData("""{"from":"2024-02-01","to":"2026-01-01","rate_card":"list"}""", "to")]
    [InlineData("""{"from":"2026-01-01","to":"2026-02-01","rate_card":"none"}""", "rate_card")]
    [InlineData("""{"from":"2026-01-01","to":"2026-02-01","rate_card":"list","version":9}""", "version")]
    [InlineData("""{"from":"2026-01-01","to":"2026-02-01","rate_card":"list","accounts":["nobody-knows"]}""", "accounts")]
    [InlineData("""{"from":"2026-01-01","to":"2026-02-01","rate_card":"list","accounts":[]}""", "accounts")]
    public async Task A_wish_that_makes_no_sense_is_refused_with_its_place(string body, string field)
    {
        var reply = await portal.Api().PostAsync("admin/re-ratings", body);
        Assert.Equal((HttpStatusCode.BadRequest, "INVALID_REQUEST"), (reply.Status, reply.ErrorCode));
        Assert.True(reply.Json.GetProperty("errors").TryGetProperty(field, out _), reply.Text);
    }

    [Fact]
    public async Task An_approval_needs_a_reason_and_a_preview()
    {
        var api = portal.Api();
        var account = await AccountAsync(api, "money", 1, "usd");
        await api.ChargeAsync(account, Call);
        var preview = await PreviewAsync(api, "list", 2, account);
        Assert.Equal("INVALID_REQUEST", (await api.PostAsync($"admin/re-ratings/{preview.String("id")}/approve", "{}")).ErrorCode);
        Assert.Equal("INVALID_REQUEST", (await api.PostAsync($"admin/re-ratings/{preview.String("id")}/approve", """{"reason":"two\nlines"}""")).ErrorCode);
        Assert.Equal("NOT_FOUND", (await api.PostAsync("admin/re-ratings/rerate_00000000000000000000000000000000/approve", """{"reason":"x"}""")).ErrorCode);
        Assert.Equal(0.91m, await portal.BalanceAsync(account, "usd"));
    }

    [Fact]
    public async Task An_estimate_a_charge_and_an_event_agree_on_either_side_of_a_border_to_the_microsecond()
    {
        var api = portal.Api();
        var account = await AccountAsync(api, "border", 10, "usd");
        var border = portal.Time.GetUtcNow().AddHours(-1);
        border = new(border.Ticks - border.Ticks % TimeSpan.TicksPerSecond, TimeSpan.Zero);
        await AddVersionAsync(api, "border", 2, border, card => card["models"]![0]!["prices"]!["input"] = 0.05);

        await api.ReportAsync(
            UsageApi.Event(account, "before", $"{Call},\"time\":\"{UsageApi.At(border.AddTicks(-10))}\""),
            UsageApi.Event(account, "at", $"{Call},\"time\":\"{UsageApi.At(border)}\""));
        await portal.SettleAsync();
        var versions = (await api.GetReplyAsync($"accounts/{account}/charges")).Json.GetProperty("data").EnumerateArray()
            .Select(c => (c.GetProperty("rate_version").GetString(), c.GetProperty("price")[0].GetProperty("amount").GetDecimal())).Order();
        Assert.Equal([("border v1", 0.09m), ("border v2", 0.11m)], versions);

        var estimate = await api.PostAsync("estimates", $$"""{"account":"{{account}}",{{Call}}}""");
        var charge = await api.ChargeAsync(account, Call);
        Assert.Equal((0.11m, 0.11m), (estimate.Json.GetProperty("price")[0].GetProperty("amount").GetDecimal(), charge.Paid("usd")));
        // What was charged before the version was known of is brought to it without naming one.
        var preview = await api.PostAsync("admin/re-ratings", $$"""{"from":"{{UsageApi.At(border.AddHours(-2))}}","to":"{{UsageApi.At(border.AddHours(2))}}","rate_card":"border","accounts":["{{account}}"]}""");
        Assert.Equal((HttpStatusCode.Created, 0m), (preview.Status, preview.Number("charges")));
    }

    private static async Task AddVersionAsync(HttpClient api, string card, int version, DateTimeOffset from, Action<JsonNode> change)
    {
        var catalog = JsonNode.Parse((await api.GetReplyAsync("admin/catalog")).Text)!;
        var cards = catalog["rate_cards"]!.AsArray();
        var made = cards.First(c => (string)c!["id"]! == card)!.DeepClone();
        (made["version"], made["effective_from"]) = (version, UsageApi.At(from));
        change(made);
        cards.Add(made);
        var put = await api.PutAsync("admin/catalog", catalog.ToJsonString());
        Assert.True(put.Status == HttpStatusCode.OK, put.Text);
    }

    private static async Task<string> AccountAsync(HttpClient api, string plan, decimal amount, string unit)
    {
        var account = GatingApi.NewAccount();
        await api.PutAsync($"accounts/{account}", "{}");
        if (plan != "money")
        {
            var put = await api.PutAsync($"accounts/{account}/overrides", $$"""{"plan":"{{plan}}"}""");
            Assert.True(put.Status == HttpStatusCode.OK, put.Text);
        }

        if (amount > 0)
        {
            await api.GrantAsync(account, amount, unit);
        }

        return account;
    }

    private async Task<Reply> PreviewAsync(HttpClient api, string card, int version, params string[] accounts)
    {
        var now = portal.Time.GetUtcNow();
        var reply = await api.PostAsync("admin/re-ratings", string.Create(CultureInfo.InvariantCulture,
            $$"""{"from":"{{UsageApi.At(now.AddDays(-60))}}","to":"{{UsageApi.At(now.AddDays(1))}}","rate_card":"{{card}}","version":{{version}},"accounts":[{{string.Join(',', accounts.Select(a => $"\"{a}\""))}}]}"""));
        Assert.True(reply.Status == HttpStatusCode.Created, reply.Text);
        Assert.Equal("preview", reply.String("status"));
        return reply;
    }

    private static async Task<Reply> ApproveAsync(HttpClient api, Reply preview)
    {
        var reply = await api.PostAsync($"admin/re-ratings/{preview.String("id")}/approve", """{"reason":"the list was wrong"}""");
        Assert.True(reply.Status == HttpStatusCode.OK, reply.Text);
        Assert.DoesNotContain(reply.Json.GetProperty("left_out").EnumerateArray(), l => l.GetProperty("reason").GetString()!.Contains("since the preview", StringComparison.Ordinal));
        return reply;
    }

    private static Task<Reply> FindAsync(HttpClient api, Reply preview) => api.GetReplyAsync($"admin/re-ratings/{preview.String("id")}");

    private static decimal Difference(Reply preview, string unit) =>
        preview.Json.GetProperty("differences").EnumerateArray().Single(d => d.GetProperty("unit").GetString() == unit).GetProperty("difference").GetDecimal();

    private async Task<decimal> BalancesAsync(params string[] accounts) =>
        await portal.ScalarAsync<decimal>("select sum(w.balance) from wallets w join accounts a using (account_id) where a.external_id = any($1) and w.unit = 'usd'", [accounts]);

    /// <summary>Everything that a re-rating could leave behind.</summary>
    private Task<string?> TraceAsync(string account) => portal.ScalarAsync<string>("""
        with a as (select account_id from accounts where external_id = $1)
        select concat_ws(' ', (select count(*) from transfers join a using (account_id)), (select count(*) from charges join a using (account_id)), (select count(*) from charge_refunds join a using (account_id)),
            (select count(*) from operations join a using (account_id)), (select count(*) from grants join a using (account_id)), (select count(*) from re_rating_items join a using (account_id)),
            (select count(*) from re_ratings, a where a.account_id = any(accounts)), (select count(*) from audit_entries where action like 're_rating%'), (select string_agg(balance::text, ',') from wallets join a using (account_id)))
        """, account);
}
