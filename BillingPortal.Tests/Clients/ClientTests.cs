using System.Diagnostics;
using BillingPortal.Tests.Gating;
using BillingPortal.Tests.Testing;

namespace BillingPortal.Tests.Clients;

/// <summary>The three small client libraries take the same walk over a good line and bad ones, and the ledger shows each charge once.</summary>
public sealed class ClientTests(AgentCreditsPortal portal) : IClassFixture<AgentCreditsPortal>
{
    // 100 − 10, − 3 × 10 over bad lines, − 5 captured, − 1 by the gate.
    private const decimal Left = 54;
    private const string Expected = """
        charge succeeded true
        refused 402 BILLING_INSUFFICIENT_CREDITS 910
        check false true
        /lost succeeded
        /slow succeeded
        /busy succeeded
        /away unavailable walk-away
        /later 429 RATE_LIMITED
        hold the work failed
        gate true 200
        gate false 402 BILLING_INSUFFICIENT_CREDITS
        """;

    [Fact]
    public async Task The_CSharp_client_walks() =>
        await WalkAsync((url, account) => new Walk(url, PortalFixture.ApiKey, account).RunAsync());

    [Fact]
    public async Task The_Python_client_walks() =>
        await WalkAsync((url, account) => RunAsync("python3", ["-B", Repository.Path("clients/python/walk.py")], url, account));

    [Fact]
    public async Task The_TypeScript_client_compiles_strictly_and_walks()
    {
        var folder = Directory.CreateTempSubdirectory("billing-client-").FullName;
        try
        {
            await File.WriteAllTextAsync(Path.Combine(folder, "package.json"), """{"type":"module"}""");
            await RunAsync("tsc", ["--strict", "--noUnusedLocals", "--noImplicitReturns", "--target", "es2022", "--module", "es2022", "--moduleResolution", "node", "--lib", "es2022,dom", "--outDir", folder, Repository.Path("clients/typescript/walk.ts")], "", "");
            await WalkAsync((url, account) => RunAsync("node", [Path.Combine(folder, "walk.js")], url, account));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private async Task WalkAsync(Func<string, string, Task<string>> walkAsync)
    {
        await using var front = await FlakyFront.StartAsync(portal);
        var account = await portal.Api().AccountWithAsync(100);

        var said = await walkAsync(front.Url, account);

        Assert.Equal(Expected.ReplaceLineEndings("\n"), string.Join('\n', said.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => line.TrimEnd())));
        Assert.Equal(Left, await portal.BalanceAsync(account));
        Assert.Equal(0m, await portal.ScalarAsync<decimal>("select w.held from wallets w join accounts a using (account_id) where a.external_id = $1 and w.unit = 'credit'", account));
    }

    private static async Task<string> RunAsync(string program, string[] arguments, string url, string account)
    {
        var start = new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment["BILLING_URL"] = url;
        start.Environment["BILLING_KEY"] = PortalFixture.ApiKey;
        start.Environment["ACCOUNT"] = account;
        using var process = Process.Start(start)!;
        var (said, complained) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
        await process.WaitForExitAsync();
        Assert.True(process.ExitCode == 0, $"{program}: {await said}{await complained}");
        return await said;
    }
}
