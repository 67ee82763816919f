using System.Net;
using System.Text;
using BillingPortal.Tests.Testing;

namespace BillingPortal.Tests.Ledger;

/// <summary>Verifying a ledger takes as little memory for many rows as for few. Short: 20,000 charges, which would fit anyway. With BILLING_LONG=1: 400,000, which would take twice what is there.</summary>
[Collection(nameof(PowerCuts))]
public sealed class LargeLedgerTests(KillablePortal portal)
{
    private static readonly int Charges = LongForm.IsAsked ? 400_000 : 20_000;

    [Fact]
    public async Task A_large_ledger_is_verified_in_little_memory_and_tells_how_far_it_is()
    {
        await ChargeAsync();

        // It dies when it needs more memory than it is given.
        var (exitCode, output) = await portal.CommandAsync(["ledger", "verify"], ("DOTNET_gcServer", "0"), ("DOTNET_GCHeapHardLimit", $"{64 << 20:x}"));

        Assert.True(exitCode == 0, output);
        Assert.Contains($"{await portal.ScalarAsync<long>("select count(*) from transfers")} transfers, no problems", output, StringComparison.Ordinal);
        Assert.Contains("50 %, ", output, StringComparison.Ordinal);
    }

    private async Task ChargeAsync()
    {
        using var api = portal.Api();
        await PostAsync(api, "admin/grants", """{"account":"large","amount":1000000,"reason":"large"}""");
        await Parallel.ForEachAsync(Enumerable.Range(0, Charges / 1_000), new ParallelOptions { MaxDegreeOfParallelism = 4 }, async (number, _) =>
        {
            var charges = Enumerable.Range(0, 1_000).Select(i => $$"""{"account":"large","unit":"credit","amount":1,"idempotency_key":"large-{{number}}-{{i}}"}""");
            Assert.DoesNotContain("\"problem\"", await PostAsync(api, "charges/batch", $$"""{"charges":[{{string.Join(',', charges)}}]}"""), StringComparison.Ordinal);
        });
    }

    private static async Task<string> PostAsync(HttpClient api, string path, string body)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, path) { Content = new StringContent(body, Encoding.UTF8, "application/json") };
        request.Headers.Add("Idempotency-Key", "large");
        using var answer = await api.SendAsync(request);
        var text = await answer.Content.ReadAsStringAsync();
        Assert.True(answer.StatusCode is HttpStatusCode.OK or HttpStatusCode.Created, text);
        return text;
    }
}
