using BillingPortal.Catalog;
using BillingPortal.Primitives;
using BillingPortal.Rating;

namespace BillingPortal.Subscriptions;

/// <summary>Whether a plan includes what is asked for: feature, tool, provider, model, own key (A5, A8). Pure.</summary>
public static class Entitlements
{
    /// <returns>Null when the plan includes it all; otherwise the refusal, which names the least plan that would.</returns>
    public static Refusal? Check(CatalogDocument catalog, Plan plan, ChargeSubject subject)
    {
        if (Missing(catalog, plan, subject) is not { } missing)
        {
            return null;
        }

        var upgrade = LeastPlanAllowing(catalog, plan, subject);
        var advice = upgrade is null ? "No other plan includes it." : $"The plan {upgrade.Name} includes it.";
        return new Refusal(missing.Code, $"{missing.Reason} {advice} Nothing was charged.") { UpgradePlan = upgrade?.Id };
    }

    private static Plan? LeastPlanAllowing(CatalogDocument catalog, Plan current, ChargeSubject subject)
    {
        foreach (var plan in catalog.PlansByRank())
        {
            if (plan.IsPublic && plan.Id != current.Id && Missing(catalog, plan, subject) is null)
            {
                return plan;
            }
        }

        return null;
    }

    private static (ErrorCode Code, string Reason)? Missing(CatalogDocument catalog, Plan plan, ChargeSubject subject)
    {
        if (subject.Feature is { } feature && !Pattern.AnyMatches(plan.Features, feature))
        {
            return (ErrorCode.FeatureNotInPlan, $"The plan {plan.Name} does not include the feature '{feature}'.");
        }

        if (subject.Tool is { } tool && !Pattern.AnyMatches(plan.Tools, tool))
        {
            return (ErrorCode.ToolNotInPlan, $"The plan {plan.Name} does not include the tool '{tool}'.");
        }

        var model = subject.Model is { } id ? catalog.FindModel(id) : null;
        var provider = subject.Provider ?? model?.Provider;
        if (provider is not null && !Pattern.AnyMatches(plan.Providers, provider))
        {
            return (ErrorCode.ProviderNotInPlan, $"The plan {plan.Name} does not include the provider '{provider}'.");
        }

        if (subject.Model is not null && !Pattern.AnyMatches(plan.Models, subject.Model))
        {
            return (ErrorCode.ModelNotInPlan, $"The plan {plan.Name} does not include the model '{subject.Model}'.");
        }

        if (model is { Available: false })
        {
            return (ErrorCode.ModelNotInPlan, $"The model '{model.Id}' is not offered at present.");
        }

        return subject.Byok ? MissingOwnKey(catalog, plan, provider) : null;
    }

    private static (ErrorCode Code, string Reason)? MissingOwnKey(CatalogDocument catalog, Plan plan, string? provider)
    {
        if (!plan.BringYourOwnKey)
        {
            return (ErrorCode.FeatureNotInPlan, $"The plan {plan.Name} does not include calls with keys of your own.");
        }

        return provider is not null && catalog.FindProvider(provider) is { BringYourOwnKey: false } known
            ? (ErrorCode.FeatureNotInPlan, $"Calls to {known.Name} are made with our key only.")
            : null;
    }
}
