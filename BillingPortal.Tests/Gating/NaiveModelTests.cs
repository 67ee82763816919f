using BillingPortal.Tests.Testing;

namespace BillingPortal.Tests.Gating;

/// <summary>
/// Random histories through the API, each answer and each wallet against <see cref="NaiveModel"/>, which was written from the design alone.
/// Short: 25 histories. With BILLING_LONG=1: 2,000 more, from a seed that is told.
/// </summary>
public sealed class NaiveModelTests(NaiveModelTests.Portal portal) : IClassFixture<NaiveModelTests.Portal>
{
    private static readonly bool IsLong = LongForm.IsAsked;
    /// <summary>Histories that were answered wrongly before.</summary>
    private static readonly int[] OnceWrong = [605_022];

    [Fact]
    public async Task Whatever_happens_answers_and_balances_are_those_of_plain_lists_and_sums()
    {
        var api = portal.Api();
        foreach (var run in OnceWrong.Concat(Enumerable.Range(LongForm.Seed, IsLong ? 2_000 : 25)))
        {
            var steps = NaiveStep.History(run);
            if (await TryAsync(api, steps, run) is { } different)
            {
                var (fewest, what) = await ShrinkAsync(api, steps, run, different);
                Assert.Fail($"BILLING_SEED={run}: {what}\n{string.Join('\n', fewest)}");
            }
        }
    }

    // Each begins on another day of another month.
    private Task<string?> TryAsync(HttpClient api, IReadOnlyList<NaiveStep> steps, int run) =>
        NaiveHistory.RunAsync(portal, api, steps, new DateTimeOffset(2027, 1, 31, 10, 0, 0, TimeSpan.Zero).AddDays(run % 365).AddHours(run % 7));

    /// <summary>Leaves out whatever may be left out while it still goes wrong.</summary>
    private async Task<(IReadOnlyList<NaiveStep> Steps, string What)> ShrinkAsync(HttpClient api, List<NaiveStep> steps, int run, string what)
    {
        for (var i = steps.Count - 1; i >= 0; i--)
        {
            List<NaiveStep> fewer = [.. steps[..i], .. steps[(i + 1)..]];
            if (await TryAsync(api, fewer, run) is { } still)
            {
                (steps, what) = (fewer, still);
            }
        }

        return (steps, what);
    }

    public sealed class Portal : PortalFixture
    {
        private readonly string file = Path.Combine(Path.GetTempPath(), $"catalog-{Guid.NewGuid():N}.json");

        protected override void Configure(IDictionary<string, string?> settings)
        {
            File.WriteAllText(file, NaiveCatalog.Json);
            settings["Catalog:File"] = file;
            settings["Billing:Enforcement"] = "enforce";
            settings["RateLimits:KeyPerSecond"] = "0";
            settings["RateLimits:AccountPerSecond"] = "0";
        }

        public override async Task DisposeAsync()
        {
            await base.DisposeAsync();
            File.Delete(file);
        }
    }
}
