using BillingPortal.Observability;
using BillingPortal.Primitives;
using Microsoft.AspNetCore.Http.HttpResults;

namespace BillingPortal.Catalog;

/// <summary>What is sold and what it costs, open to everyone.</summary>
internal static class CatalogEndpoints
{
    public static RouteGroupBuilder MapCatalogReading(this RouteGroupBuilder api)
    {
        var open = api.MapGroup("").WithTags("Catalog");
        open.MapGet("/plans", Plans).WithName("ListPlans").WithSummary("Plans on sale, least first");
        open.MapGet("/credit-packs", CreditPacks).WithName("ListCreditPacks").WithSummary("Credit packs on sale");
        open.MapGet("/action-costs", ActionCosts).WithName("ListActionCosts").WithSummary("What each action costs");
        open.MapGet("/rate-cards", RateCards).WithName("ListRateCards").WithSummary("Rate cards in all their versions");
        open.MapGet("/providers", Providers).WithName("ListProviders").WithSummary("Providers of models, and whose keys they take");
        open.MapGet("/models", Models).WithName("ListModels").WithSummary("Models with price, availability and who brings the key");
        return api;
    }

    private static Results<Ok<CatalogPage<PlanView>>, ProblemHttpResult> Plans(CatalogSnapshot snapshot, [AsParameters] CatalogPaging paging)
    {
        var catalog = snapshot.Current;
        return Answer(paging.Of([.. catalog.PlansByRank().Where(p => p.IsPublic).Select(p => PlanView.Of(catalog, p))], p => p.Id));
    }

    private static Results<Ok<CatalogPage<CreditPackView>>, ProblemHttpResult> CreditPacks(CatalogSnapshot snapshot, [AsParameters] CatalogPaging paging) =>
        Answer(paging.Of([.. snapshot.Current.CreditPacks.Select(CreditPackView.Of)], p => p.Id));

    private static Results<Ok<CatalogPage<ActionCostView>>, ProblemHttpResult> ActionCosts(CatalogSnapshot snapshot, [AsParameters] CatalogPaging paging) =>
        Answer(paging.Of([.. snapshot.Current.Actions.Select(ActionCostView.Of)], a => a.Action));

    private static Results<Ok<CatalogPage<RateCardView>>, ProblemHttpResult> RateCards(CatalogSnapshot snapshot, TimeProvider time, [AsParameters] CatalogPaging paging)
    {
        var catalog = snapshot.Current;
        var now = time.Now();
        return Answer(paging.Of([.. catalog.RateCards.Select(c => RateCardView.Of(catalog, c, now))], c => $"{c.Id}.{c.Version}"));
    }

    private static Results<Ok<CatalogPage<ProviderView>>, ProblemHttpResult> Providers(CatalogSnapshot snapshot, [AsParameters] CatalogPaging paging)
    {
        var catalog = snapshot.Current;
        return Answer(paging.Of([.. catalog.Providers.Select(p => ProviderView.Of(catalog, p))], p => p.Id));
    }

    /// <param name="provider">Only models of this one.</param>
    /// <param name="plan">Prices as on this plan; absent: the default plan.</param>
    private static Results<Ok<CatalogPage<ModelView>>, ProblemHttpResult> Models(CatalogSnapshot snapshot, TimeProvider time, [AsParameters] CatalogPaging paging, string? provider = null, string? plan = null)
    {
        var catalog = snapshot.Current;
        if (catalog.FindPlan(plan ?? catalog.DefaultPlan) is not { } priced)
        {
            return Refusal.Invalid("plan", $"The catalog has no plan '{plan}'.").ToProblem();
        }

        var now = time.Now();
        return Answer(paging.Of([.. catalog.Models.Where(m => provider is null || m.Provider == provider).Select(m => ModelView.Of(catalog, m, priced, now))], m => m.Id));
    }

    private static Results<Ok<CatalogPage<T>>, ProblemHttpResult> Answer<T>((CatalogPage<T>? Page, Refusal? Refusal) asked) =>
        asked.Page is { } page ? TypedResults.Ok(page) : asked.Refusal!.ToProblem();
}
