using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using BillingPortal.Tests.Payments;

namespace BillingPortal.Tests.Charging;

/// <summary>"Why was I charged?" and the dispute button behind it.</summary>
public sealed class ChargeCaseTests(ChargeCaseTests.Portal portal) : IClassFixture<ChargeCaseTests.Portal>
{
    public sealed class Portal : StripeFixture
    {
        protected override void Configure(IDictionary<string, string?> settings)
        {
            base.Configure(settings);
            settings["Billing:Enforcement"] = "enforce";
        }
    }

    private async Task<(HttpStatusCode Status, JsonElement Body)> PostAsync(string path, object body)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, path) { Content = JsonContent.Create(body), Headers = { { "Idempotency-Key", Guid.NewGuid().ToString("N") } } };
        using var answer = await portal.Api().SendAsync(request);
        return (answer.StatusCode, await answer.Content.ReadFromJsonAsync<JsonElement>());
    }

    private async Task<string> ChargeAsync(string account)
    {
        await PostAsync("admin/grants", new { account, amount = 100, reason = "x" });
        var (_, charge) = await PostAsync("charges", new { account, unit = "credit", amount = 30, reason = "x" });
        Assert.Equal(1, charge.GetProperty("funding").GetArrayLength());
        return charge.GetProperty("id").GetString()!;
    }

    [Fact]
    public async Task A_disputed_charge_is_one_case_and_accepting_it_gives_the_charge_back_once()
    {
        var charge = await ChargeAsync("objector");
        var opened = await Task.WhenAll(Enumerable.Range(0, 5).Select(i => PostAsync($"charges/{charge}/dispute", new { reason = $"I did not do this {i}" })));
        Assert.All(opened, o => Assert.Equal(HttpStatusCode.Created, o.Status));
        var id = Assert.Single(opened.Select(o => o.Body.GetProperty("id").GetString()).Distinct());
        var decided = await Task.WhenAll(Enumerable.Range(0, 3).Select(_ => PostAsync($"admin/cases/{id}/decision", new { accept = true, answer = "You are right." })));
        Assert.Single(decided, d => d.Status == HttpStatusCode.OK);
        Assert.Equal(2, decided.Count(d => d.Status == HttpStatusCode.Conflict));
        // Whichever wallet paid for it has it back, once.
        Assert.Equal(1, await portal.ScalarAsync<long>("select count(*) from charge_refunds r join accounts a using (account_id) where a.external_id = 'objector'"));
        Assert.Equal(0, await portal.ScalarAsync<decimal>("select sum(case when is_credit then amount else -amount end) from transfers t join accounts a using (account_id) where a.external_id = 'objector' and kind in ('Charge', 'Refund')"));
    }

    [Fact]
    public async Task A_rejected_case_leaves_the_charge_and_tells_the_customer()
    {
        using var named = await portal.Api().PutAsJsonAsync("accounts/rejected", new { email = "rejected@example.com" });
        var charge = await ChargeAsync("rejected");
        var (_, opened) = await PostAsync($"charges/{charge}/dispute", new { reason = "too dear" });
        var (status, decided) = await PostAsync($"admin/cases/{opened.GetProperty("id").GetString()}/decision", new { accept = false, answer = "As priced." });
        Assert.Equal((HttpStatusCode.OK, "rejected"), (status, decided.GetProperty("status").GetString()));
        Assert.Equal(0, await portal.ScalarAsync<long>("select count(*) from charge_refunds r join accounts a using (account_id) where a.external_id = 'rejected'"));
        Assert.Contains("As priced.", await portal.ScalarAsync<string>("select body from outbox_messages where recipient = 'rejected@example.com'"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_cannot_be_disputed_or_decided_is_refused()
    {
        var charge = await ChargeAsync("strict");
        Assert.Equal(HttpStatusCode.BadRequest, (await PostAsync($"charges/{charge}/dispute", new { reason = " " })).Status);
        Assert.Equal(HttpStatusCode.BadRequest, (await PostAsync($"charges/{charge}/dispute", new { reason = new string('x', 1001) })).Status);
        Assert.Equal(HttpStatusCode.NotFound, (await PostAsync($"charges/chg_{new string('0', 64)}/dispute", new { reason = "x" })).Status);
        Assert.Equal(HttpStatusCode.NotFound, (await PostAsync($"admin/cases/case_{new string('0', 32)}/decision", new { accept = true, answer = "x" })).Status);
        Assert.Equal(HttpStatusCode.BadRequest, (await PostAsync($"admin/cases/case_{new string('0', 32)}/decision", new { answer = "x" })).Status);
    }
}
