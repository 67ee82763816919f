using BillingPortal.Primitives;

namespace BillingPortal.Catalog;

/// <summary>What the parts of a catalog say of each other: every name means something, no name means two things, nothing contradicts itself.</summary>
internal sealed partial class CatalogReferences
{
    private readonly CatalogDocument catalog;
    private readonly CatalogErrors errors;
    private readonly HashSet<string> meters;
    private readonly HashSet<string> counters;
    private readonly HashSet<string> cards;

    private CatalogReferences(CatalogDocument catalog, CatalogErrors errors)
    {
        this.catalog = catalog;
        this.errors = errors;
        meters = [.. catalog.Meters.Select(m => m.Id)];
        counters = [.. catalog.Meters.Where(m => m.Kind == MeterKind.Counter).Select(m => m.Id)];
        cards = [.. catalog.RateCards.Select(c => c.Id)];
    }

    public static void Check(CatalogDocument catalog, CatalogErrors errors)
    {
        var check = new CatalogReferences(catalog, errors);
        check.CheckIds();
        check.CheckDefaultPlan();
        check.CheckModels();
        Each("plans", catalog.Plans, check.CheckPlan);
        Each("actions", catalog.Actions, (action, path) =>
        {
            check.CheckPriceUnit(action.Unit, $"{path}.unit");
            check.CheckAmount(action.Price, $"{path}.price");
        });
        Each("credit_packs", catalog.CreditPacks, (pack, path) =>
        {
            check.CheckAmount(pack.Price, $"{path}.price");
            check.CheckAmount(pack.Credits, $"{path}.credits");
            check.CheckAmount(pack.Bonus, $"{path}.bonus");
        });
        check.CheckRateCards();
        check.CheckVersions();
        check.CheckReserve();
    }

    /// <summary>What one customer's overrides say of the catalog's parts.</summary>
    public static void Check(CatalogDocument catalog, PlanOverrides overrides, CatalogErrors errors) => new CatalogReferences(catalog, errors).CheckOverrides(overrides);

    private void CheckOverrides(PlanOverrides own)
    {
        if (own.Plan is { } plan && catalog.FindPlan(plan) is null)
        {
            errors.Add("plan", NoSuch("plan", plan, catalog.Plans.Select(p => p.Id)));
        }

        Unique("allowances", "meter", own.Allowances, a => a.Meter);
        Each("allowances", own.Allowances, CheckAllowance);
        CheckPatterns("features", "feature", own.Features ?? [], catalog.Features.Select(f => f.Id));
        CheckPatterns("models", "model", own.Models ?? [], catalog.Models.Select(m => m.Id));
        CheckPatterns("tools", "tool", own.Tools ?? [], catalog.Tools.Select(t => t.Id));
        CheckPatterns("providers", "provider", own.Providers ?? [], catalog.Providers.Select(p => p.Id));
        CheckFunding("funding", own.Funding);
        CheckRateCard("rate_card", own.RateCard);
        if (own.Prices is not { } prices)
        {
            return;
        }

        if (prices.Unit is { } unit)
        {
            CheckPriceUnit(unit, "prices.unit");
        }

        CheckRates("prices", prices.Unit ?? (catalog.RateCards.Count > 0 ? catalog.RateCards[0].Unit : catalog.Currency), prices.Models, prices.Meters);
        Unique("prices.actions", "action", prices.Actions, a => a.Action);
        Each("prices.actions", prices.Actions, (action, at) =>
        {
            if (catalog.FindAction(action.Action) is null)
            {
                errors.Add($"{at}.action", NoSuch("action", action.Action, catalog.Actions.Select(a => a.Id)));
            }
        });
    }

    private void CheckIds()
    {
        Unique("meters", "id", catalog.Meters, m => m.Id);
        Unique("features", "id", catalog.Features, f => f.Id);
        Unique("providers", "id", catalog.Providers, p => p.Id);
        Unique("models", "id", catalog.Models, m => m.Id);
        Unique("tools", "id", catalog.Tools, t => t.Id);
        Unique("plans", "id", catalog.Plans, p => p.Id);
        Unique("credit_packs", "id", catalog.CreditPacks, p => p.Id);
        Unique("actions", "id", catalog.Actions, a => a.Id);
        Unique("rate_cards", "version", catalog.RateCards, c => $"{c.Id} version {c.Version}");
        Unique("rate_cards", "effective_from", catalog.RateCards, c => $"{c.Id} from {c.EffectiveFrom.ToUniversalTime():u}");
    }

    private void CheckDefaultPlan()
    {
        if (catalog.Plans.FirstOrDefault(p => p.Id == catalog.DefaultPlan) is not { } plan)
        {
            errors.Add("default_plan", NoSuch("plan", catalog.DefaultPlan, catalog.Plans.Select(p => p.Id)));
        }
        else if (!plan.IsFree)
        {
            errors.Add("default_plan", $"'{plan.Id}' costs money; a new account stands on the default plan at once, so it must be free");
        }
    }

    private void CheckModels() => Each("models", catalog.Models, (model, path) =>
    {
        if (catalog.Providers.All(p => p.Id != model.Provider))
        {
            errors.Add($"{path}.provider", NoSuch("provider", model.Provider, catalog.Providers.Select(p => p.Id)));
        }
    });

    private void CheckPlan(Plan plan, string path)
    {
        Unique($"{path}.prices", "interval", plan.Prices, p => $"{p.Currency} by the {p.Interval.ToString().ToLowerInvariant()}");
        Each($"{path}.prices", plan.Prices, (price, at) => CheckAmount(price.Amount, $"{at}.amount"));
        Unique($"{path}.allowances", "meter", plan.Allowances, a => a.Meter);
        Each($"{path}.allowances", plan.Allowances, CheckAllowance);
        CheckPatterns($"{path}.features", "feature", plan.Features, catalog.Features.Select(f => f.Id));
        CheckPatterns($"{path}.models", "model", plan.Models, catalog.Models.Select(m => m.Id));
        CheckPatterns($"{path}.tools", "tool", plan.Tools, catalog.Tools.Select(t => t.Id));
        CheckPatterns($"{path}.providers", "provider", plan.Providers, catalog.Providers.Select(p => p.Id));
        CheckFunding($"{path}.funding", plan.Funding);
        CheckRateCard($"{path}.rate_card", plan.RateCard);
        CheckAmount(plan.IncludedCredits, $"{path}.included_credits");
        CheckAmount(plan.OverdraftLimit, $"{path}.overdraft_limit");
    }

    private void CheckFunding(string path, IReadOnlyDictionary<Unit, IReadOnlyList<FundingStep>> chains)
    {
        foreach (var (unit, chain) in chains)
        {
            CheckPriceUnit(unit, $"{path}.{unit}");
            Unique($"{path}.{unit}", "wallet", chain, s => s.Wallet.Code);
            Each($"{path}.{unit}", chain, CheckFundingStep);
        }
    }

    private void CheckRateCard(string path, string? card)
    {
        if (card is not null && !cards.Contains(card))
        {
            errors.Add(path, NoSuch("rate card", card, cards));
        }
    }

    private void CheckAllowance(Allowance allowance, string path)
    {
        if (!meters.Contains(allowance.Meter))
        {
            errors.Add($"{path}.meter", NoSuch("meter", allowance.Meter, meters));
            return;
        }

        if (allowance.Included is { } included)
        {
            CheckAmount(included, $"{path}.included");
        }

        var isLevel = !counters.Contains(allowance.Meter);
        if (allowance.Overage is not null && allowance.Included is null)
        {
            errors.Add($"{path}.overage", "an unlimited allowance has no overage");
        }
        else if (allowance.Overage is not null && allowance.Cap == Cap.Hard)
        {
            errors.Add($"{path}.overage", "a hard cap refuses at the limit, so there is no overage to sell; set cap to soft");
        }

        if (allowance.RolloverPercent > 0 && isLevel)
        {
            errors.Add($"{path}.rollover_percent", $"'{allowance.Meter}' stands at a level, of which nothing is left over");
        }
    }

    private void CheckFundingStep(FundingStep step, string path)
    {
        if (step.Wallet == Unit.FreeUse)
        {
            if (!step.PerUse)
            {
                errors.Add($"{path}.per_use", "free uses pay whole uses: must be true");
            }
        }
        else
        {
            CheckPriceUnit(step.Wallet, $"{path}.wallet");
        }
    }

    private void CheckReserve()
    {
        if (catalog.ReserveTopUp is not { } reserve)
        {
            return;
        }

        CheckAmount(reserve.Minimum, "reserve_top_up.minimum");
        CheckAmount(reserve.Maximum, "reserve_top_up.maximum");
        if (reserve.Maximum < reserve.Minimum)
        {
            errors.Add("reserve_top_up.maximum", "is below the minimum");
        }

        Each("reserve_top_up.suggested", reserve.Suggested, (amount, path) =>
        {
            if (amount < reserve.Minimum || amount > reserve.Maximum)
            {
                errors.Add(path, $"{amount} is not between the minimum and the maximum");
            }
        });
    }

    /// <summary>A unit that a price can be in: credits, the catalog's currency, or a meter that counts.</summary>
    private void CheckPriceUnit(Unit unit, string path)
    {
        if (unit == Unit.FreeUse)
        {
            errors.Add(path, "free_use is no unit of price; it may pay in a funding chain");
        }
        else if (unit.IsCurrency && unit != catalog.Currency)
        {
            errors.Add(path, $"'{unit}' is not the catalog's currency '{catalog.Currency}'");
        }
        else if (unit.IsMeter && !counters.Contains(unit.Code))
        {
            errors.Add(path, meters.Contains(unit.Code) ? $"'{unit}' stands at a level: nothing can be paid with it" : NoSuch("unit", unit.Code, counters.Append("credit").Append(catalog.Currency.Code)));
        }
    }

    private void CheckAmount(Amount amount, string path)
    {
        if (!amount.IsWithinRequestLimit)
        {
            errors.Add(path, $"{amount} is above 1,000,000,000");
        }
    }

    private void CheckPatterns(string path, string what, IReadOnlyList<string> patterns, IEnumerable<string> known, bool isList = true)
    {
        for (var i = 0; i < patterns.Count; i++)
        {
            if (!patterns[i].EndsWith('*') && !known.Contains(patterns[i]))
            {
                errors.Add(isList ? $"{path}[{i}]" : path, NoSuch(what, patterns[i], known));
            }
        }
    }

    private void Unique<T>(string path, string field, IReadOnlyList<T> list, Func<T, string> key)
    {
        var seen = new HashSet<string>(StringComparer.Ordinal);
        for (var i = 0; i < list.Count; i++)
        {
            if (!seen.Add(key(list[i])))
            {
                errors.Add($"{path}[{i}].{field}", $"'{key(list[i])}' is there twice");
            }
        }
    }

    private static void Each<T>(string path, IReadOnlyList<T> list, Action<T, string> check)
    {
        for (var i = 0; i < list.Count; i++)
        {
            check(list[i], $"{path}[{i}]");
        }
    }

    private static string NoSuch(string what, string name, IEnumerable<string> known) => $"no such {what} '{name}'{CatalogErrors.Suggest(name, known)}";
}
