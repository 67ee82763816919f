using BillingPortal.Catalog;

namespace BillingPortal.Rating;

/// <summary>What a quantity costs by tiers. Pure.</summary>
public static class TieredPrice
{
    /// <summary>The parts of a quantity, each with its tier's price. Their quantities add up to <paramref name="quantity"/>.</summary>
    /// <param name="before">What was used already of what the tiers count over, ≥ 0: tiers begin behind it.</param>
    public static IEnumerable<(decimal Quantity, decimal Price)> Parts(MeterRate rate, decimal before, decimal quantity)
    {
        if (rate.Tiering == Tiering.Volume)
        {
            yield return (quantity, rate.Tiers.First(tier => tier.UpTo is null || before + quantity <= tier.UpTo).Price);
            yield break;
        }

        var (at, end) = (before, before + quantity);
        foreach (var tier in rate.Tiers)
        {
            var until = tier.UpTo is { } last && last < end ? last : end;
            if (until > at)
            {
                yield return (until - at, tier.Price);
                at = until;
            }
        }
    }
}
