using BillingPortal.Primitives;

namespace BillingPortal.Catalog;

// Rate cards: one price for everything, tiers without gap or overlap, versions in order.
internal sealed partial class CatalogReferences
{
    private void CheckRateCards() => Each("rate_cards", catalog.RateCards, (card, path) =>
    {
        CheckPriceUnit(card.Unit, $"{path}.unit");
        CheckRates(path, card.Unit, card.Models, card.Meters);
        if (catalog.UnpricedModel == UnpricedModelPolicy.Fallback && card.Fallback is null)
        {
            errors.Add($"{path}.fallback", "is missing: the catalog prices models without a rate by it");
        }
    });

    private void CheckRates(string path, Unit unit, IReadOnlyList<ModelRate> models, IReadOnlyList<MeterRate> ofMeters)
    {
        Unique($"{path}.meters", "meter", ofMeters, r => r.Meter);
        Unique($"{path}.models", "model", models, r => $"{r.Provider}/{r.Model}");
        Each($"{path}.meters", ofMeters, (rate, at) =>
        {
            if (!counters.Contains(rate.Meter))
            {
                errors.Add($"{at}.meter", meters.Contains(rate.Meter) ? $"'{rate.Meter}' stands at a level: it is priced by a plan's overage" : NoSuch("meter", rate.Meter, counters));
            }

            CheckMeterRate(unit, rate, at);
        });
        Each($"{path}.models", models, (rate, at) =>
        {
            CheckPatterns($"{at}.provider", "provider", [rate.Provider], catalog.Providers.Select(p => p.Id), isList: false);
            CheckModelRate(unit, rate, at);
        });
    }

    /// <summary>A later version takes effect later: numbers and borders tell the same order.</summary>
    private void CheckVersions()
    {
        for (var i = 0; i < catalog.RateCards.Count; i++)
        {
            var card = catalog.RateCards[i];
            if (catalog.RateCards.FirstOrDefault(other => other.Id == card.Id && other.Version < card.Version && other.EffectiveFrom > card.EffectiveFrom) is { } earlier)
            {
                errors.Add($"rate_cards[{i}].effective_from", $"version {card.Version} of '{card.Id}' takes effect before version {earlier.Version}, which it follows");
            }
        }
    }

    private void CheckModelRate(Unit unit, ModelRate rate, string path)
    {
        CheckAmount(rate.Minimum, $"{path}.minimum");
        if (rate.Prices is null == rate.MarkupPercent is null)
        {
            errors.Add($"{path}.prices", rate.Prices is null ? "is missing: a rate has prices or a markup_percent" : "a rate has prices or a markup_percent, not both");
        }
        else if (rate.MarkupPercent is not null && unit != catalog.Currency)
        {
            errors.Add($"{path}.markup_percent", $"costs are in {catalog.Currency} and these prices are in {unit}: name prices");
        }
    }

    private void CheckMeterRate(Unit unit, MeterRate rate, string path)
    {
        CheckAmount(rate.Minimum, $"{path}.minimum");
        if (rate.Price is null == (rate.Tiers.Count == 0))
        {
            errors.Add($"{path}.price", rate.Price is null ? "is missing: a rate has a price or tiers" : "a rate has a price or tiers, not both");
        }
        else if (rate.Tiers.Count > 0 && rate.TiersOver == TierSpan.Period && unit.Code == rate.Meter)
        {
            errors.Add($"{path}.tiers_over", "a meter that is priced in itself cannot have tiers over its own use: say charge");
        }

        for (var i = 0; i < rate.Tiers.Count; i++)
        {
            var isLast = i == rate.Tiers.Count - 1;
            if (rate.Tiers[i].UpTo is not { } upTo)
            {
                if (!isLast)
                {
                    errors.Add($"{path}.tiers[{i}].up_to", "is missing: only the last tier has no end, and the next one overlaps it");
                }
            }
            else if (isLast)
            {
                errors.Add($"{path}.tiers[{i}].up_to", $"the last tier has no end, or quantities above {upTo} have no price");
            }
            else if (i > 0 && rate.Tiers[i - 1].UpTo >= upTo)
            {
                errors.Add($"{path}.tiers[{i}].up_to", $"must be above {rate.Tiers[i - 1].UpTo}, where the tier before it ends");
            }
            else if (!Amount.TryOf(upTo, out _))
            {
                errors.Add($"{path}.tiers[{i}].up_to", "has more than six decimals");
            }
        }
    }
}
