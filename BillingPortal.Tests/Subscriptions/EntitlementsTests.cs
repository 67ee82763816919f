using BillingPortal.Catalog;
using BillingPortal.Primitives;
using BillingPortal.Rating;
using BillingPortal.Subscriptions;

namespace BillingPortal.Tests.Subscriptions;

public class EntitlementsTests
{
    private static readonly CatalogDocument Catalog = new()
    {
        Name = "Tiers", Currency = Unit.Of("usd"), DefaultPlan = "seeker",
        Providers = [new("anthropic", "Anthropic") { BringYourOwnKey = true }, new("groq", "Groq")],
        Models = [new("claude-haiku", "Haiku", "anthropic"), new("claude-sonnet", "Sonnet", "anthropic"), new("claude-opus", "Opus", "anthropic"), new("llama", "Llama", "groq"), new("old", "Old", "anthropic") { Available = false }],
        Tools = [new("web_search", "Web search")],
        Features = [new("api_access", "API access")],
        Plans =
        [
            new("adept", "Adept") { Rank = 2, Features = ["api_access"], BringYourOwnKey = true },
            new("seeker", "Seeker") { Rank = 0, Models = ["claude-haiku*"], Tools = [], Providers = ["anthropic"] },
            new("alchemist", "Alchemist") { Rank = 1, Models = ["claude-haiku*", "claude-sonnet"], Providers = ["anthropic"], BringYourOwnKey = true },
        ],
    };

    public static TheoryData<string, ChargeSubject, string?, string?> Asked => new()
    {
        { "seeker", new() { Meter = "messages", Model = "claude-haiku" }, null, null },
        { "seeker", new() { Meter = "messages", Model = "claude-haiku-next" }, null, null },
        { "seeker", new() { Meter = "messages" }, null, null },
        { "seeker", new() { Model = "claude-sonnet" }, "BILLING_MODEL_NOT_IN_PLAN", "alchemist" },
        { "seeker", new() { Model = "claude-opus" }, "BILLING_MODEL_NOT_IN_PLAN", "adept" },
        { "seeker", new() { Model = "llama" }, "BILLING_PROVIDER_NOT_IN_PLAN", "adept" },
        { "seeker", new() { Provider = "groq" }, "BILLING_PROVIDER_NOT_IN_PLAN", "adept" },
        { "seeker", new() { Tool = "web_search" }, "BILLING_TOOL_NOT_IN_PLAN", "alchemist" },
        { "seeker", new() { Tool = "web_search", Model = "claude-opus" }, "BILLING_TOOL_NOT_IN_PLAN", "adept" },
        { "alchemist", new() { Tool = "web_search" }, null, null },
        { "alchemist", new() { Feature = "api_access" }, "BILLING_FEATURE_NOT_IN_PLAN", "adept" },
        { "adept", new() { Feature = "api_access", Model = "llama", Tool = "web_search" }, null, null },
        { "adept", new() { Feature = "time_travel" }, "BILLING_FEATURE_NOT_IN_PLAN", null },
        { "adept", new() { Model = "old" }, "BILLING_MODEL_NOT_IN_PLAN", null },
        { "seeker", new() { Byok = true, Model = "claude-haiku" }, "BILLING_FEATURE_NOT_IN_PLAN", "alchemist" },
        { "alchemist", new() { Byok = true, Model = "claude-haiku" }, null, null },
        { "adept", new() { Byok = true, Model = "llama" }, "BILLING_FEATURE_NOT_IN_PLAN", null },
    };

    [Theory, MemberData(nameof(Asked))]
    public void A_refusal_names_the_least_plan_that_would_allow_it(string plan, ChargeSubject subject, string? code, string? upgrade)
    {
        var refusal = Entitlements.Check(Catalog, Catalog.FindPlan(plan)!, subject);
        Assert.Equal((code, upgrade), (refusal?.Code.Name, refusal?.UpgradePlan));
    }
}
