using BillingPortal.Tests.Testing;
using FsCheck;
using FsCheck.Fluent;

namespace BillingPortal.Tests.Ledger;

public class HistoryTests
{
    [Fact]
    public void Whatever_happens_the_ledger_adds_up()
    {
        Check.One(LongForm.Properties.WithEndSize(60), Prop.ForAll(Arb.From(History.Steps, Shorter), steps =>
        {
            var history = new History();
            for (var i = 0; i < steps.Length; i++)
            {
                if (history.Run(steps[i]) is { } broken)
                {
                    return false.Label($"step {i} ({steps[i]}): {broken}");
                }
            }

            return true.Label("");
        }));
    }

    private static IEnumerable<Step[]> Shorter(Step[] steps)
    {
        for (var i = 0; i < steps.Length; i++)
        {
            yield return [.. steps[..i], .. steps[(i + 1)..]];
        }
    }
}
