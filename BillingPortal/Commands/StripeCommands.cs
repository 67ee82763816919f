using BillingPortal.Payments;
using BillingPortal.Payments.Sync;

namespace BillingPortal.Commands;

/// <summary>The set-up looked at, and Stripe brought to what the catalog sells, from the machine itself (A12).</summary>
internal static class StripeCommands
{
    public static readonly Command Doctor = new(["doctor"], "", "looks at the setup: database, keys, prices, webhooks, each with how to mend it; exit code 1 when something is in error", NeedsDatabase: true, LookAsync);
    public static readonly Command Sync = new(["stripe", "sync"], "[--dry-run]", "brings Stripe to what the catalog sells; --dry-run only says what it would do", NeedsDatabase: true, SyncAsync);

    private static async Task<int> LookAsync(IServiceProvider services, Arguments arguments, CancellationToken ct)
    {
        var diagnosis = await services.GetRequiredService<Doctor>().LookAsync(ct);
        foreach (var finding in diagnosis.Findings.OrderByDescending(f => f.State))
        {
            Console.WriteLine($"{finding.State switch { FindingState.Ok => "ok     ", FindingState.Warning => "warning", _ => "ERROR  " }}  {finding.Check}: {finding.Message}");
            if (finding is { Mend: { } mend, State: not FindingState.Ok })
            {
                Console.WriteLine($"         {mend}");
            }
        }

        return diagnosis.Ok ? 0 : 1;
    }

    private static async Task<int> SyncAsync(IServiceProvider services, Arguments arguments, CancellationToken ct)
    {
        var result = await services.GetRequiredService<StripeSync>().RunAsync("command:stripe", arguments.Options.Contains("--dry-run"), ct);
        return result.Match(Print, refusal =>
        {
            Console.Error.WriteLine(refusal.Detail);
            return 1;
        });
    }

    private static int Print(SyncReport report)
    {
        foreach (var step in report.Steps.Where(s => s.Act != SyncAct.InOrder))
        {
            Console.WriteLine($"{step.Act switch { SyncAct.Create => "+", SyncAct.Update => "~", SyncAct.Replace => "±", _ => "!" }} {step.What}: {step.Detail}");
        }

        var inOrder = report.Steps.Count(s => s.Act == SyncAct.InOrder);
        var left = report.Steps.Count(s => s.Act is SyncAct.Blocked or SyncAct.Failed);
        if (left > 0)
        {
            Console.WriteLine($"{left} marked with ! {(left == 1 ? "is" : "are")} left for a person.");
        }

        Console.WriteLine(report.Changes == 0 ? $"Nothing to change; {inOrder} in order." : report.DryRun ? $"{report.Changes} to change, {inOrder} in order. Nothing was done: this was a dry run." : $"{report.Changes} changed, {inOrder} were in order.");
        return report.Ok ? 0 : 1;
    }
}
