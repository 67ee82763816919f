using BillingPortal.Catalog;
using BillingPortal.Ledger;
using BillingPortal.Primitives;
using BillingPortal.Rating;
using BillingPortal.Subscriptions;

namespace BillingPortal.Charging;

/// <summary>What a refusal says besides no (F2): what is missing, what would be affordable, which plan would allow it.</summary>
internal static class RefusalAdvice
{
    private const int MostModels = 5;

    /// <param name="shortage">The bare refusal of the chain's last link.</param>
    public static Refusal Add(Refusal shortage, AccountState account, ChargeSubject subject, FundingQuote quote)
    {
        var payable = quote.Demand.Amount - quote.Uncovered;
        return shortage with
        {
            Affordable = Affordable(account, subject, quote.Demand, payable),
            CheaperModels = CheaperModels(account, subject, payable),
            UpgradePlan = shortage.Unit is { } unit ? Upgrade(account, unit)?.Id : null,
        };
    }

    /// <param name="exceeded">The bare refusal of a budget.</param>
    /// <param name="room">What the budget leaves.</param>
    public static Refusal Add(Refusal exceeded, AccountState account, ChargeSubject subject, IReadOnlyList<FundingQuote> quotes, BudgetRoom room)
    {
        if (quotes is not [{ } quote] || room.Available.IsZero)
        {
            return exceeded;
        }

        // What other wallets pay stands; of what this one would, as much as the budget leaves.
        var payable = Amount.Zero;
        foreach (var part in quote.Parts)
        {
            payable += part.Wallet == room.Budget.Unit ? Amount.Of(decimal.Round(part.Covers.Value * room.Available.Value / part.Amount.Value, Amount.Scale, MidpointRounding.ToZero)) : part.Covers;
        }

        return exceeded with { Affordable = Affordable(account, subject, quote.Demand, payable), CheaperModels = CheaperModels(account, subject, payable) };
    }

    private static Affordable? Affordable(AccountState account, ChargeSubject subject, Demand demand, Amount payable)
    {
        if (subject.Tokens is { } tokens)
        {
            return AffordableOutput(account, subject, tokens, payable);
        }

        if (subject.Amount is not null)
        {
            return null;
        }

        var quantity = subject.Quantity * payable.Value / demand.Amount.Value;
        var isWhole = decimal.Truncate(subject.Quantity) == subject.Quantity;
        return new(Quantity: decimal.Round(quantity, isWhole ? 0 : Amount.Scale, MidpointRounding.ToZero));
    }

    /// <summary>The input stands; what is left of the payable amount buys output tokens.</summary>
    private static Affordable? AffordableOutput(AccountState account, ChargeSubject subject, TokenCounts tokens, Amount payable)
    {
        if (PriceOf(account, subject with { Tokens = tokens with { Output = 0 } }) is not { } input || PriceOf(account, subject) is not { } whole)
        {
            return null;
        }

        var output = whole - input;
        if (tokens.Output == 0 || !output.IsPositive || payable < input)
        {
            return null;
        }

        return new(OutputTokens: (long)decimal.Floor((payable - input).Value * tokens.Output / output.Value));
    }

    private static List<string>? CheaperModels(AccountState account, ChargeSubject subject, Amount payable)
    {
        if (subject.Tokens is null || !payable.IsPositive)
        {
            return null;
        }

        List<(string Id, Amount Price)>? cheaper = null;
        foreach (var model in account.Catalog.Models)
        {
            var other = subject with { Model = model.Id, Provider = model.Provider };
            if (model.Id != subject.Model && Entitlements.Check(account.Catalog, account.Plan, other) is null
                && PriceOf(account, other) is { } price && price <= payable)
            {
                (cheaper ??= []).Add((model.Id, price));
            }
        }

        // The dearest that is still affordable is likely the nearest in quality.
        return cheaper?.OrderByDescending(c => c.Price).Take(MostModels).Select(c => c.Id).ToList();
    }

    private static Amount? PriceOf(AccountState account, ChargeSubject subject) =>
        Rater.Rate(account.Catalog, account.Plan, subject, account.Now).TryGet(out var rated, out _)
            ? rated.Demands.Aggregate(Amount.Zero, (sum, demand) => sum + demand.Amount)
            : null;

    /// <summary>The next plan that includes more of what ran out, or bills it as overage.</summary>
    public static Plan? Upgrade(AccountState account, Unit unit)
    {
        foreach (var plan in account.Catalog.PlansByRank())
        {
            if (plan.IsPublic && plan.Rank > account.Plan.Rank && IncludesMore(plan, account.Plan, unit))
            {
                return plan;
            }
        }

        return null;
    }

    private static bool IncludesMore(Plan plan, Plan than, Unit unit)
    {
        if (!unit.IsMeter)
        {
            return unit == Unit.Credit && plan.IncludedCredits > than.IncludedCredits;
        }

        if (plan.AllowanceOf(unit.Code) is not { } there)
        {
            return false;
        }

        return than.AllowanceOf(unit.Code) is not { } here || there.Included is null || there.Included > here.Included || (there.Overage is not null && here.Overage is null);
    }
}
