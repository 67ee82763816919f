using BillingPortal.Catalog;
using BillingPortal.Primitives;
using BillingPortal.Rating;
using BillingPortal.Tests.Testing;
using FsCheck;
using FsCheck.Fluent;
using Outcome = BillingPortal.Catalog.Outcome;

namespace BillingPortal.Tests.Rating;

/// <summary>Prices against the slowest way of reckoning them: one unit after another.</summary>
public class RatingPropertyTests
{
    private static readonly Unit Usd = Unit.Of("usd");
    private static readonly DateTimeOffset Now = new(2026, 1, 15, 0, 0, 0, TimeSpan.Zero);

    /// <param name="Borders">Where tiers end, ascending; after the last there is one more.</param>
    /// <param name="Prices">Of the tiers, in millionths of a millionth of the unit so that rounding has something to do.</param>
    private sealed record Sample(int[] Borders, long[] Prices, bool IsVolume, int Per, int Minimum, int Before, int Quantity, int Share);

    private static readonly Gen<Sample> Samples =
        from count in Gen.Choose(0, 3)
        from steps in Gen.ArrayOf(Gen.Choose(1, 60), 3)
        from prices in Gen.ArrayOf(Gen.Frequency((1, Gen.Constant(0)), (6, Gen.Choose(1, 2_000_000_000))), 4)
        from isVolume in Gen.Elements(true, false)
        from per in Gen.Elements(1, 3, 1_000)
        from minimum in Gen.Frequency((3, Gen.Constant(0)), (1, Gen.Choose(1, 5_000_000)))
        from before in Gen.Choose(0, 150)
        from quantity in Gen.Choose(1, 150)
        from share in Gen.Elements(100, 100, 50, 33, 0)
        select new Sample([.. steps.Take(count).Scan()], [.. prices.Take(count + 1).Select(p => (long)p)], isVolume, per, minimum, before, quantity, share);

    [Fact]
    public void A_tiered_price_is_the_sum_of_its_units_rounded_once_and_never_to_nothing() =>
        Check.One(LongForm.Properties, Prop.ForAll(Arb.From(Samples), sample =>
        {
            var exact = 0m;
            for (var unit = 1; unit <= sample.Quantity; unit++)
            {
                exact += PriceOf(sample, sample.IsVolume ? sample.Before + sample.Quantity : sample.Before + unit) / sample.Per;
            }

            exact = Math.Max(exact, sample.Minimum / 1_000_000m) * sample.Share / 100m;
            var expected = exact == 0m ? 0m : Math.Max(0.000001m, HalfAwayFromZero(exact));
            var rated = Rate(sample);
            // Dividing unit by unit leaves other last digits than dividing once: at a border of rounding either neighbour is right.
            return (Math.Abs(rated - expected) <= (sample.Per == 3 ? 0.000001m : 0m) && rated >= 0m && decimal.Round(rated, 6) == rated && (rated == 0m) == (exact == 0m))
                .Label($"{sample} with {string.Join(' ', sample.Borders)} at {string.Join(' ', sample.Prices)}: expected {expected} of {exact}, rated {rated}");
        }));

    [Fact]
    public void More_of_the_same_never_costs_less_by_graduated_tiers_and_two_charges_cost_what_one_does() =>
        Check.One(LongForm.Properties, Prop.ForAll(Arb.From(Samples), sample =>
        {
            var graduated = sample with { IsVolume = false, Minimum = 0, Share = 100 };
            var (all, less) = (Rate(graduated), Rate(graduated with { Quantity = Math.Max(1, graduated.Quantity / 2) }));
            var rest = graduated.Quantity > 1 ? Rate(graduated with { Before = graduated.Before + (graduated.Quantity / 2), Quantity = graduated.Quantity - (graduated.Quantity / 2) }) : 0m;
            return (less <= all && Math.Abs(less + rest - all) <= 0.000002m).Label($"{sample}: {less} and {rest} are not {all}");
        }));

    private static decimal Rate(Sample sample)
    {
        var tiers = sample.Prices.Select((price, i) => new PriceTier(i < sample.Borders.Length ? sample.Borders[i] : null, price / 1_000_000_000m));
        var catalog = new CatalogDocument
        {
            Name = "Properties", Currency = Usd, DefaultPlan = "only", Meters = [new("pages", "Pages")], Plans = [new("only", "Only")],
            RateCards =
            [
                new("list", 1, DateTimeOffset.UnixEpoch, Usd)
                {
                    Meters = [new("pages", Per: sample.Per) { Tiers = [.. tiers], Tiering = sample.IsVolume ? Tiering.Volume : Tiering.Graduated, Minimum = Amount.Of(sample.Minimum / 1_000_000m) }],
                },
            ],
            OutcomeShares = new Dictionary<Outcome, decimal> { [Outcome.Timeout] = sample.Share / 100m },
        };
        var subject = new ChargeSubject { Meter = "pages", Quantity = sample.Quantity, Outcome = Outcome.Timeout };
        return Rater.Rate(catalog, catalog.Plans[0], subject, Now, Amount.Of((decimal)sample.Before)).Match(rated => rated.Demands.Sum(d => d.Amount.Value), refusal => throw new InvalidOperationException(refusal.Detail));
    }

    private static decimal PriceOf(Sample sample, int unit)
    {
        var tier = Array.FindIndex(sample.Borders, border => unit <= border);
        return sample.Prices[tier < 0 ? sample.Borders.Length : tier] / 1_000_000_000m;
    }

    private static decimal HalfAwayFromZero(decimal value) => Math.Floor((value * 1_000_000m) + 0.5m) / 1_000_000m;
}

file static class Running
{
    /// <summary>Running sums.</summary>
    public static IEnumerable<int> Scan(this IEnumerable<int> steps)
    {
        var sum = 0;
        foreach (var step in steps)
        {
            yield return sum += step;
        }
    }
}
