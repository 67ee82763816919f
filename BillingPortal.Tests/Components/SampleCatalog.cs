using BillingPortal.Catalog;
using BillingPortal.Primitives;

namespace BillingPortal.Tests.Components;

/// <summary>A small catalog with one of everything that pages show.</summary>
internal static class SampleCatalog
{
    private static readonly Unit usd = Unit.Of("usd");

    public static CatalogDocument Document { get; } = new()
    {
        Name = "Sample",
        Currency = usd,
        DefaultPlan = "free",
        Meters =
        [
            new("llm_tokens", "LLM tokens") { UnitLabel = "token" },
            new("api_calls", "API calls") { UnitLabel = "call" },
            new("seats", "Seats", MeterKind.Level) { UnitLabel = "seat" },
        ],
        Features = [new("support", "Support within a day"), new("sso", "Single sign-on")],
        Providers = [new("anthropic", "Anthropic"), new("openai", "OpenAI")],
        Models = [new("claude-haiku", "Claude Haiku", "anthropic"), new("gpt-4", "GPT-4", "openai")],
        Plans =
        [
            new("free", "Free")
            {
                Description = "To look around.", Rank = 0,
                Allowances = [new("llm_tokens", Amount.Of(10_000)), new("api_calls", Amount.Of(1_000)), new("seats", Amount.Of(3))],
                Models = ["claude-haiku"], Providers = ["anthropic"],
            },
            new("standard", "Standard")
            {
                Description = "For teams at work.", Rank = 1, IsHighlighted = true, TrialDays = 14,
                Prices = [new(BillingInterval.Month, Amount.Of(99), usd), new(BillingInterval.Year, Amount.Of(990), usd)],
                Allowances =
                [
                    new("llm_tokens", Amount.Of(1_000_000)) { Cap = Cap.Soft, Overage = new(0.01m, usd, 1000) },
                    new("api_calls", Amount.Of(100_000)) { Cap = Cap.Soft, Overage = new(0.001m, usd, 1) },
                    new("seats", Amount.Of(25)) { Overage = new(5m, usd, 1) },
                ],
                Features = ["support"],
            },
            new("enterprise", "Enterprise")
            {
                Description = "For many teams.", Rank = 2,
                Prices = [new(BillingInterval.Month, Amount.Of(499), usd), new(BillingInterval.Year, Amount.Of(4990), usd)],
                Allowances = [new("llm_tokens", Amount.Of(10_000_000)) { Cap = Cap.Soft, Overage = new(0.005m, usd, 1000) }, new("api_calls", Amount.Of(1_000_000)), new("seats", null)],
                Features = ["support", "sso"], BringYourOwnKey = true,
            },
        ],
        CreditPacks =
        [
            new("starter", "Starter", Amount.Of(5), usd, Amount.Of(500)),
            new("plus", "Plus", Amount.Of(20), usd, Amount.Of(2000)) { Bonus = Amount.Of(500), ExpiresAfterDays = 365 },
        ],
        Actions = [new("profile_my_data", "Profile my data", Amount.Of(20)), new("master_my_data", "Master my data", Amount.Of(150)) { Description = "Finds and merges duplicates." }],
        Questions = [new("Can I cancel at any time?", "Yes. The plan runs on to the end of the period that is paid.")],
    };
}
