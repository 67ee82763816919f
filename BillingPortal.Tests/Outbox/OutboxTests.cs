using System.Net;
using BillingPortal.Data;
using BillingPortal.Outbox;
using BillingPortal.Tests.Testing;
using Microsoft.Extensions.DependencyInjection;
using OutboxOfMails = BillingPortal.Outbox.Outbox;

namespace BillingPortal.Tests.Outbox;

public sealed class OutboxTests(OutboxTests.FlakyPortal portal) : IClassFixture<OutboxTests.FlakyPortal>
{
    private readonly OutboxOfMails outbox = portal.Services.GetRequiredService<OutboxOfMails>();
    private readonly Tenants tenants = portal.Services.GetRequiredService<Tenants>();

    private async Task PutAsync(string key, string kind = "mail", bool commit = true)
    {
        await using var scope = await tenants.ForStaffAsync();
        await outbox.PutAsync(scope, new("ann@example.com", "Receipt <1>", "See https://example.com/r?a=1&b=2 now", key));
        if (commit)
        {
            await scope.CommitAsync();
            await portal.ExecuteAsync("update outbox_messages set kind = $2 where key = $1", key, kind);
        }
    }

    private Task SendAsync() => portal.Services.GetServices<BillingPortal.Jobs.RecurringJob>().Single(j => j.Name == "send_outbox").RunAsync(default);

    [Fact]
    public async Task A_mail_is_written_once_sent_once_and_shown_to_the_developer()
    {
        await PutAsync("once");
        await PutAsync("once");
        await PutAsync("rolled-back", commit: false);
        await SendAsync();
        await SendAsync();
        var sent = Assert.Single(await portal.RowsAsync("select state, attempts from outbox_messages where key in ('once', 'rolled-back')"));
        Assert.Equal(["Sent", 1], sent);
        var page = await portal.Client().GetStringAsync("/dev/mail");
        Assert.Contains("Receipt &lt;1&gt;", page, StringComparison.Ordinal);
        Assert.Contains("<a href=\"https://example.com/r?a=1&amp;b=2\">", page, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_fails_is_tried_again_later_and_given_up_after_twelve_attempts()
    {
        await PutAsync("failing", kind: "flaky");
        await SendAsync();
        await SendAsync();
        Assert.Equal(["Waiting", 1], Assert.Single(await portal.RowsAsync("select state, attempts from outbox_messages where key = 'failing'")));
        await portal.ExecuteAsync("update outbox_messages set attempts = 11, due_at = created_at where key = 'failing'");
        await SendAsync();
        Assert.Equal(["Dead", 12, "The other side is down."], Assert.Single(await portal.RowsAsync("select state, attempts, last_error from outbox_messages where key = 'failing'")));
    }

    [Fact]
    public async Task One_failure_holds_up_nobody_else()
    {
        await PutAsync("before", kind: "flaky");
        await PutAsync("after");
        await SendAsync();
        Assert.Equal("Sent", await portal.ScalarAsync<string>("select state from outbox_messages where key = 'after'"));
    }

    public sealed class FlakyPortal : PortalFixture
    {
        protected override void Configure(IDictionary<string, string?> settings) => settings["Jobs:Enabled"] = "false";

        protected override void ConfigureServices(IServiceCollection services) => services.AddSingleton<IDelivery, Flaky>();
    }

    private sealed class Flaky : IDelivery
    {
        public string Kind => "flaky";

        public Task DeliverAsync(OutboxMessage message, CancellationToken ct) => throw new HttpRequestException("The other side is down.", null, HttpStatusCode.BadGateway);
    }
}
