using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using BillingPortal.Tests.Gating;
using BillingPortal.Tests.Payments;
using BillingPortal.Tests.Testing;
using Xunit.Abstractions;

namespace BillingPortal.Tests.Purchases;

/// <summary>A payment that the bank takes back: frozen while open, gone when lost, returned when won; each once.</summary>
[Collection(nameof(SharedStripe))]
public sealed class DisputeTests(StripeFixture portal, ITestOutputHelper output)
{
    private const string Fraudulent = "4000000000000259", Inquiry = "4000000000001976";

    private async Task<string> BuyAsync(string account, string card)
    {
        using var paid = await portal.PayAsync(await portal.CheckoutAsync(account, new { kind = "credits", pack = "pack_2500" }), card);
        await StripeFixture.UntilAsync(async () => await DisputeAsync(account) is not null, "the dispute is known");
        await portal.SettledAsync();
        return (await DisputeAsync(account))!;
    }

    private Task<string?> DisputeAsync(string account) => portal.ScalarAsync<string>("select d.id from disputes d join accounts a using (account_id) where a.external_id = $1", account);

    private async Task EvidenceAsync(string dispute, string text)
    {
        await portal.StripeAsync(HttpMethod.Post, $"/v1/disputes/{dispute}", ("evidence[uncategorized_text]", text), ("submit", "true"));
        await portal.SettledAsync();
    }

    private async Task SpendAsync(string account, int amount)
    {
        using var spent = new HttpRequestMessage(HttpMethod.Post, "admin/adjustments") { Content = JsonContent.Create(new { account, unit = "credit", amount = -amount, reason = "as if used" }), Headers = { { "Idempotency-Key", $"spend-{account}" } } };
        Assert.Equal(HttpStatusCode.Created, (await portal.Api().SendAsync(spent)).StatusCode);
    }

    [Fact]
    public async Task What_a_disputed_payment_bought_is_frozen_and_returned_when_won()
    {
        var dispute = await BuyAsync("winner", Fraudulent);
        Assert.Equal(0, await portal.BalanceAsync("winner", "credit"));
        Assert.Equal("needs_response", await portal.ScalarAsync<string>("select status from disputes where id = $1", dispute));
        await EvidenceAsync(dispute, "winning_evidence");
        Assert.Equal(2500, await portal.BalanceAsync("winner", "credit"));
        await ReplayAllAsync(dispute);
        Assert.Equal(2500, await portal.BalanceAsync("winner", "credit"));
    }

    [Fact]
    public async Task A_lost_dispute_takes_what_was_spent_too_and_once()
    {
        using (var grant = new HttpRequestMessage(HttpMethod.Post, "admin/grants") { Content = JsonContent.Create(new { account = "loser", amount = 1, reason = "x" }), Headers = { { "Idempotency-Key", "loser" } } })
        {
            await portal.Api().SendAsync(grant);
        }

        // The dispute waits for the inbox: meanwhile the customer spends.
        using var paid = await portal.PayAsync(await portal.CheckoutAsync("loser", new { kind = "credits", pack = "pack_2500" }), Inquiry);
        await portal.SettledAsync();
        Assert.Equal(2501, await portal.BalanceAsync("loser", "credit"));
        await SpendAsync("loser", 2000);
        var dispute = (await DisputeAsync("loser"))!;
        // The inquiry becomes a dispute.
        await portal.ExecuteAsync("update simulator_objects set body = jsonb_set(body, '{status}', '\"needs_response\"') where id = $1", dispute);
        await ReplayAllAsync(dispute);
        Assert.Equal(0, await portal.BalanceAsync("loser", "credit"));
        await EvidenceAsync(dispute, "losing_evidence");
        Assert.Equal(-1999, await portal.BalanceAsync("loser", "credit"));
        await ReplayAllAsync(dispute);
        Assert.Equal(-1999, await portal.BalanceAsync("loser", "credit"));
        Assert.Null(await portal.Api().LedgerProblemsAsync());
    }

    [Fact]
    public async Task An_inquiry_moves_nothing()
    {
        var dispute = await BuyAsync("asked", Inquiry);
        Assert.Equal(2500, await portal.BalanceAsync("asked", "credit"));
        await EvidenceAsync(dispute, "winning_evidence");
        Assert.Equal(2500, await portal.BalanceAsync("asked", "credit"));
        var listed = (await portal.Api().GetFromJsonAsync<JsonElement>("admin/disputes?status=all")).GetProperty("data").EnumerateArray().Single(d => d.GetProperty("id").GetString() == dispute);
        Assert.Equal(("warning_closed", 0m), (listed.GetProperty("status").GetString(), listed.GetProperty("drawn_back").GetDecimal()));
    }

    private async Task ReplayAllAsync(string dispute)
    {
        var events = (await portal.RowsAsync("select id, payload from webhook_events where object_id = $1 order by received_at, id", dispute)).Select(e => ((string)e[0]!, (string)e[1]!)).ToArray();
        new Random(LongForm.Seed).Shuffle(events);
        output.WriteLine($"BILLING_SEED={LongForm.Seed}: {string.Join(' ', events.Select(e => e.Item1))}");
        foreach (var (id, payload) in events)
        {
            await portal.DeliverAsync(payload.Replace(id, $"{id}_{Guid.NewGuid():N}", StringComparison.Ordinal));
        }

        await portal.SettledAsync();
    }
}

/// <summary>The catalog may ask for more: the whole account stands still until the bank has decided.</summary>
public sealed class SuspendingDisputeTests(SuspendingDisputeTests.Portal portal) : IClassFixture<SuspendingDisputeTests.Portal>
{
    public sealed class Portal : StripeFixture
    {
        private readonly string file = Path.Combine(Path.GetTempPath(), $"catalog-{Guid.NewGuid():N}.json");

        protected override void Configure(IDictionary<string, string?> settings)
        {
            base.Configure(settings);
            var text = File.ReadAllText(Repository.Path("catalogs/chat-tiers.json"));
            File.WriteAllText(file, text.Insert(text.IndexOf('{', StringComparison.Ordinal) + 1, "\"reversals\": { \"dispute\": \"suspend\" },"));
            settings["Catalog:File"] = file;
        }

        public override async Task DisposeAsync()
        {
            await base.DisposeAsync();
            File.Delete(file);
        }
    }

    [Fact]
    public async Task An_account_is_suspended_while_its_payment_is_disputed_and_opened_when_decided()
    {
        var pack = (await portal.Api().GetFromJsonAsync<JsonElement>("credit-packs")).GetProperty("data")[0].GetProperty("id").GetString()!;
        using var paid = await portal.PayAsync(await portal.CheckoutAsync("held", new { kind = "credits", pack }), "4000000000000259");
        await StripeFixture.UntilAsync(async () => await StatusAsync() == "Suspended", "suspended");
        var dispute = await portal.ScalarAsync<string>("select id from disputes");
        await portal.StripeAsync(HttpMethod.Post, $"/v1/disputes/{dispute}/close");
        await StripeFixture.UntilAsync(async () => await StatusAsync() == "Active", "open again");
    }

    private Task<string?> StatusAsync() => portal.ScalarAsync<string>("select h.status from ledger_heads h join accounts a using (account_id) where a.external_id = 'held'");
}
