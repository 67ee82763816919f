using BillingPortal.Accounts;
using BillingPortal.Ledger;
using BillingPortal.Primitives;

namespace BillingPortal.Commands;

/// <summary>Proves every ledger, or one account's, from its rows.</summary>
internal static class VerifyLedger
{
    public static readonly Command Command = new(["ledger", "verify"], "[ACCOUNT]", "proves numbers, hash chains, balances and anchors of every ledger, or of one account's", NeedsDatabase: true, RunAsync);

    private static async Task<int> RunAsync(IServiceProvider services, Arguments arguments, CancellationToken ct)
    {
        AccountId? only = null;
        if (arguments.Operands is [var account, ..])
        {
            only = await services.GetRequiredService<AccountDirectory>().FindAsync(account, ct);
            if (only is null)
            {
                await Console.Error.WriteLineAsync($"There is no account {account}.");
                return 1;
            }
        }

        var report = await services.GetRequiredService<LedgerVerification>().RunAsync(only, new Shown(), ct);
        foreach (var problem in report.Problems)
        {
            await Console.Error.WriteLineAsync($"{problem.Account} {problem.Unit} {(problem.Seq == 0 ? "" : $"row {problem.Seq}")}: {problem.What}");
        }

        await Console.Out.WriteLineAsync($"{report.Wallets} wallets, {report.Transfers} transfers, {(report.Ok ? "no problems" : $"{report.Problems.Count} problems")}");
        return report.Ok ? 0 : 1;
    }

    /// <summary>Progress on standard error: one line that changes on a terminal, a line for each tenth in a log.</summary>
    private sealed class Shown : IProgress<VerificationProgress>
    {
        private int tenths;

        public void Report(VerificationProgress value)
        {
            if (!Console.IsErrorRedirected)
            {
                Console.Error.Write(value.Percent < 100 ? $"\r{value.Percent} %" : "\r     \r");
            }
            else if (value.Percent / 10 > tenths && value.Percent < 100)
            {
                tenths = value.Percent / 10;
                Console.Error.WriteLine($"{10 * tenths} %, {value.Rows} rows");
            }
        }
    }
}
