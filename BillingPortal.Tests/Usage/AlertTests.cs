using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using BillingPortal.Jobs;
using BillingPortal.Outbox;
using BillingPortal.Primitives;
using BillingPortal.Tests.Gating;
using BillingPortal.Tests.Testing;
using BillingPortal.Usage;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using GatingApi = BillingPortal.Tests.Gating.Api;

namespace BillingPortal.Tests.Usage;

/// <summary>A portal that may tell a listener on this machine.</summary>
public sealed class TellingPortal() : CatalogPortal("metered-plans")
{
    private WebApplication? listener;

    /// <summary>What was received: headers and body.</summary>
    public ConcurrentQueue<(string Id, string At, string Signature, string Body)> Received { get; } = new();
    /// <summary>What the listener answers.</summary>
    public int Answer { get; set; } = 200;
    public string ListenerUrl { get; private set; } = "";

    protected override void Configure(IDictionary<string, string?> settings)
    {
        base.Configure(settings);
        settings["Webhooks:AllowPrivateAddresses"] = "true";
        settings["Encryption:Keys"] = "a-key-of-these-tests-alone-0123456789";
    }

    public override async Task InitializeAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        listener = builder.Build();
        listener.MapPost("/hook", async (HttpRequest request) =>
        {
            using var reader = new StreamReader(request.Body);
            Received.Enqueue((request.Headers["webhook-id"]!, request.Headers["webhook-timestamp"]!, request.Headers["webhook-signature"]!, await reader.ReadToEndAsync()));
            return Answer is >= 300 and < 400 ? Results.Redirect(ListenerUrl + "/elsewhere") : Results.StatusCode(Answer);
        });
        listener.MapPost("/elsewhere", () => Received.Enqueue(("redirected", "", "", "")));
        await listener.StartAsync();
        ListenerUrl = listener.Urls.Single();
        await base.InitializeAsync();
    }

    public override async Task DisposeAsync()
    {
        await base.DisposeAsync();
        await listener!.DisposeAsync();
    }
}

/// <summary>Alerts are raised once for each threshold and period, and told by mail and webhook (E5).</summary>
public sealed class AlertTests(TellingPortal portal) : IClassFixture<TellingPortal>
{
    private async Task<string[]> AlertsAsync(string account) =>
        [.. (await portal.Api().GetReplyAsync($"accounts/{account}/alerts")).Json.GetProperty("data").EnumerateArray()
            .Select(a => $"{a.GetProperty("kind").GetString()} {a.GetProperty("subject").GetString()} {a.GetProperty("threshold").GetDecimal().ToString("0.##", CultureInfo.InvariantCulture)}").Order()];

    [Fact]
    public async Task Each_threshold_is_told_once_from_fifty_clients_at_once_and_again_in_the_next_period()
    {
        var account = GatingApi.NewAccount();
        await portal.Api().PutAsync($"accounts/{account}", """{"email":"alerts@example.com"}""");
        await Task.WhenAll(Enumerable.Range(0, 50).Select(i => Task.WhenAll(
            portal.Api().ReportAsync(UsageApi.Event(account, $"e{i}", """ "meter":"agent_executions","quantity":1 """)), portal.Api().ChargeAsync(account, """ "meter":"agent_executions","quantity":1 """))));
        await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => portal.SettleAsync()));
        var first = await AlertsAsync(account);
        await portal.Api().ReportAsync(UsageApi.Event(account, "more", """ "meter":"agent_executions","quantity":30 """));
        await portal.SettleAsync();
        var second = await AlertsAsync(account);
        portal.Time.Advance(TimeSpan.FromDays(32));
        await portal.Api().ReportAsync(UsageApi.Event(account, "next", """ "meter":"agent_executions","quantity":85 """));
        await portal.SettleAsync();

        Assert.Equal(["quota agent_executions 100", "quota agent_executions 80"], first);
        Assert.Equal(["quota agent_executions 100", "quota agent_executions 120", "quota agent_executions 80"], second);
        Assert.Equal(["quota agent_executions 100", "quota agent_executions 120", "quota agent_executions 80", "quota agent_executions 80"], await AlertsAsync(account));
        Assert.Equal(4, await portal.ScalarAsync<long>("select count(*) from outbox_messages where kind = 'mail' and recipient = 'alerts@example.com'"));
    }

    [Fact]
    public async Task Thresholds_low_balance_and_the_day_s_spending_are_the_account_s_own()
    {
        var (api, account) = (portal.Api(), GatingApi.NewAccount());
        await api.GrantAsync(account, 100, "usd");
        var set = await api.PutAsync($"accounts/{account}/alert-settings", """{"thresholds":[50],"low_balance":60,"spend_in_day":45,"unit":"usd","by_mail":false}""");
        await api.ChargeAsync(account, """ "unit":"usd","amount":30 """);
        await portal.SettleAsync();
        var early = await AlertsAsync(account);
        await api.ChargeAsync(account, """ "unit":"usd","amount":15 """);
        await api.ChargeAsync(account, """ "meter":"agent_executions","quantity":50 """);
        await portal.SettleAsync();

        Assert.Equal(HttpStatusCode.OK, set.Status);
        Assert.Equal(set.Text, (await api.GetReplyAsync($"accounts/{account}/alert-settings")).Text);
        Assert.Empty(early);
        Assert.Equal(["low_balance usd 60", "quota agent_executions 50", "spend_in_day usd 45"], await AlertsAsync(account));
    }

    [Fact]
    public async Task What_stands_at_a_level_is_told_at_each_threshold_once_and_again_in_the_next_period()
    {
        var (api, account) = (portal.Api(), GatingApi.NewAccount());
        await Task.WhenAll(Enumerable.Range(0, 50).Select(i => portal.Api().ReportAsync(UsageApi.Event(account, $"s{i}", """ "meter":"storage_gb","value":0.85 """))));
        await portal.SettleAsync();
        var first = await AlertsAsync(account);
        // Asked first, it is a charge; reported, an event.
        await api.ChargeAsync(account, """ "meter":"seats","quantity":3 """);
        await api.ReportAsync(UsageApi.Event(account, "more", """ "meter":"storage_gb","value":1.3 """));
        await portal.SettleAsync();
        var second = await AlertsAsync(account);
        await api.ReportAsync(UsageApi.Event(account, "less", """ "meter":"storage_gb","value":0.2 """));
        portal.Time.Advance(TimeSpan.FromDays(32));
        await api.ReportAsync(UsageApi.Event(account, "again", """ "meter":"storage_gb","value":0.9 """));
        await portal.SettleAsync();

        Assert.Equal(["quota storage_gb 80"], first);
        Assert.Equal(["quota seats 100", "quota seats 80", "quota storage_gb 100", "quota storage_gb 120", "quota storage_gb 80"], second);
        Assert.Equal(2, (await AlertsAsync(account)).Count(a => a == "quota storage_gb 80"));
    }

    [Fact]
    public async Task Whoever_asked_is_told_once_that_an_allowance_will_not_last()
    {
        var (api, asked, other) = (portal.Api(), GatingApi.NewAccount(), GatingApi.NewAccount());
        await api.PutAsync($"accounts/{asked}", "{}");
        Assert.Equal(HttpStatusCode.OK, (await api.PutAsync($"accounts/{asked}/alert-settings", """{"projected":true}""")).Status);
        var now = portal.Time.GetUtcNow();
        foreach (var account in new[] { asked, other })
        {
            // Three a day for ten days and a month to come, of 100: it will end beyond 120.
            await api.ReportAsync([.. Enumerable.Range(1, 10).Select(d => UsageApi.Event(account, $"{d}", $""" "meter":"agent_executions","quantity":3,"time":"{UsageApi.At(now.AddDays(-d))}" """))]);
        }

        await portal.SettleAsync();
        await api.ReportAsync(UsageApi.Event(asked, "today", """ "meter":"agent_executions","quantity":1 """));
        await portal.SettleAsync();

        Assert.Equal(["projected agent_executions 100"], await AlertsAsync(asked));
        Assert.Empty(await AlertsAsync(other));
        var usage = (await api.GetReplyAsync($"accounts/{asked}/usage?meter=agent_executions")).Json.GetProperty("data")[0];
        Assert.InRange(usage.GetProperty("projected").GetDecimal(), 110m, 130m);
    }

    [Fact]
    public async Task What_stands_now_is_on_the_page_and_gone_when_it_is_over()
    {
        var (api, account) = (portal.Api(), GatingApi.NewAccount());
        await api.GrantAsync(account, 100, "usd");
        await api.PutAsync($"accounts/{account}/alert-settings", """{"thresholds":[50,70],"low_balance":60,"unit":"usd","by_mail":false}""");
        await api.ChargeAsync(account, """ "unit":"usd","amount":45 """);
        await api.ChargeAsync(account, """ "meter":"agent_executions","quantity":75 """);
        var low = await StandingAsync(account);
        await api.GrantAsync(account, 100, "usd");
        var topped = await StandingAsync(account);

        Assert.Equal(["low_balance usd 60", "quota agent_executions 70"], low);
        Assert.Equal(["quota agent_executions 70"], topped);
    }

    private async Task<string[]> StandingAsync(string account)
    {
        var id = new AccountId(await portal.ScalarAsync<Guid>("select account_id from accounts where external_id = $1", account));
        return [.. (await portal.Services.GetRequiredService<Alerts>().StandingAsync(id)).Select(a => AlertShown.Of(a)).Select(a => $"{a.Kind} {a.Subject} {a.Threshold}").Order()];
    }

    [Theory]
    [InlineData("80, 100,120 %", "80,100,120")]
    [InlineData("120;80 80", "80,120")]
    [InlineData("", "")]
    [InlineData("80, many", null)]
    [InlineData("-5", null)]
    [InlineData("1.5", null)]
    public void Percentages_are_read_as_people_write_them(string text, string? expected) =>
        Assert.Equal(expected, AlertSettings.TryRead(text, out var thresholds) ? string.Join(",", thresholds) : null);

    [Theory]
    [InlineData("""{"thresholds":[0]}""")]
    [InlineData("""{"thresholds":[1001]}""")]
    [InlineData("""{"low_balance":-1}""")]
    [InlineData("""{"spend_in_day":0}""")]
    [InlineData("""{"unit":"api_calls"}""")]
    public async Task Wishes_that_mean_nothing_change_nothing(string body)
    {
        var api = portal.Api();
        await api.PutAsync("accounts/wishes", "{}");
        Assert.Equal(HttpStatusCode.BadRequest, (await api.PutAsync("accounts/wishes/alert-settings", body)).Status);
        Assert.Equal(0, await portal.CountAsync("alert_settings", "wishes"));
    }

    [Fact]
    public async Task A_webhook_is_signed_tried_again_given_up_and_replayed_under_its_old_id()
    {
        var (api, account) = (portal.Api(), GatingApi.NewAccount());
        var made = await api.PostAsync("admin/webhook-endpoints", $$"""{"url":"{{portal.ListenerUrl}}/hook","events":["alert.quota"]}""");
        Assert.Equal(HttpStatusCode.Created, made.Status);
        var secret = Convert.FromBase64String(made.String("secret")!["whsec_".Length..]);
        portal.Answer = 307;
        await api.ReportAsync(UsageApi.Event(account, "e", """ "meter":"agent_executions","quantity":80 """));
        await portal.SettleAsync();
        await SendAsync(account);
        var failed = await DeliveryAsync(account);
        portal.Answer = 200;
        await portal.ExecuteAsync("update outbox_messages set state = 'Dead' where kind = 'webhook' and account_id = (select account_id from accounts where external_id = $1)", account);
        var replayed = await api.PostAsync($"admin/webhook-deliveries/{failed.Id}/replay", "{}");
        await SendAsync(account);

        Assert.Equal(("waiting", 1), (failed.State, failed.Attempts));
        Assert.Equal(HttpStatusCode.Accepted, replayed.Status);
        Assert.Equal("sent", (await DeliveryAsync(account)).State);
        var received = portal.Received.Where(r => r.Body.Contains(account, StringComparison.Ordinal)).ToList();
        Assert.Equal(2, received.Count);
        Assert.DoesNotContain(portal.Received, r => r.Id == "redirected");
        Assert.Equal(received[0].Id, received[1].Id);
        Assert.All(received, r => Assert.Equal("v1," + Convert.ToBase64String(HMACSHA256.HashData(secret, Encoding.UTF8.GetBytes($"{r.Id}.{r.At}.{r.Body}"))), r.Signature));
        Assert.Equal("alert.quota", JsonDocument.Parse(received[0].Body).RootElement.GetProperty("type").GetString());
        Assert.Equal(HttpStatusCode.NoContent, (await api.SendAsync(HttpMethod.Delete, $"admin/webhook-endpoints/{made.String("id")}", null, null)).Status);
        Assert.DoesNotContain(made.String("secret")!, (await api.GetReplyAsync("admin/webhook-endpoints")).Text, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("ftp://example.com/x")]
    [InlineData("https://user:secret@example.com/x")]
    [InlineData("not an address")]
    [InlineData("")]
    public async Task An_address_that_is_none_is_refused(string url) =>
        Assert.Equal(HttpStatusCode.BadRequest, (await portal.Api().PostAsync("admin/webhook-endpoints", JsonSerializer.Serialize(new { url }))).Status);

    /// <summary>Waits until the account's webhook was tried once, here or by the job's own turn, which may hold it just now.</summary>
    private async Task SendAsync(string account)
    {
        const string Untried = "select exists (select from outbox_messages where kind = 'webhook' and attempts = 0 and account_id = (select account_id from accounts where external_id = $1))";
        for (var patience = 0; patience < 200 && await portal.ScalarAsync<bool>(Untried, account); patience++)
        {
            await portal.Services.GetRequiredService<JobLoop>().RunNowAsync("send_outbox");
            await Task.Delay(20);
        }
    }

    private async Task<(string Id, string State, int Attempts)> DeliveryAsync(string account)
    {
        var id = await portal.ScalarAsync<Guid>("select id from outbox_messages where kind = 'webhook' and account_id = (select account_id from accounts where external_id = $1)", account);
        var shown = (await portal.Api().GetReplyAsync("admin/webhook-deliveries")).Json.GetProperty("data").EnumerateArray().Single(d => d.GetProperty("id").GetString() == $"msg_{id:N}");
        return (shown.GetProperty("id").GetString()!, shown.GetProperty("state").GetString()!, shown.GetProperty("attempts").GetInt32());
    }
}

/// <summary>Where webhooks may lead (QUALITY S10).</summary>
public class PublicAddressTests
{
    [Theory]
    [InlineData("8.8.8.8", true)]
    [InlineData("93.184.216.34", true)]
    [InlineData("2606:4700::1111", true)]
    [InlineData("127.0.0.1", false)]
    [InlineData("10.1.2.3", false)]
    [InlineData("172.16.0.1", false)]
    [InlineData("172.31.255.255", false)]
    [InlineData("192.168.1.1", false)]
    [InlineData("169.254.169.254", false)]
    [InlineData("100.64.0.1", false)]
    [InlineData("0.0.0.0", false)]
    [InlineData("224.0.0.1", false)]
    [InlineData("255.255.255.255", false)]
    [InlineData("::1", false)]
    [InlineData("::", false)]
    [InlineData("fe80::1", false)]
    [InlineData("fd00::1", false)]
    [InlineData("::ffff:127.0.0.1", false)]
    [InlineData("::ffff:10.0.0.1", false)]
    [InlineData("64:ff9b::a00:1", false)]
    [InlineData("2002:7f00:1::", false)]
    [InlineData("2001:db8::1", false)]
    public void Only_public_addresses_are_connected_to(string address, bool isPublic) => Assert.Equal(isPublic, PublicAddress.IsPublic(IPAddress.Parse(address)));
}
