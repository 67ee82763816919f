using BillingPortal.Catalog;
using BillingPortal.Primitives;

namespace BillingPortal.Tests.Catalog;

public class CatalogDiffTests
{
    [Fact]
    public void A_change_is_named_by_ids_and_not_by_position()
    {
        var before = CatalogFiles.Read("metered-plans");
        var standard = before.FindPlan("standard")!;
        var dearer = standard with { Prices = [standard.Prices[0] with { Amount = Amount.Of(109m) }, standard.Prices[1]], Features = ["sso"] };
        var after = before with
        {
            Plans = [before.Plans[2], dearer, before.Plans[0]],
            Meters = [.. before.Meters, new("exports", "Exports")],
            Tools = [],
            RateCards = [],
        };

        Assert.Equal(
            [
                "+ meters[exports]: {\"id\":\"exports\",\"name\":\"Exports\",\"kind\":\"counter\",\"unit_label\":\"unit\",\"level_rating\":\"max\",\"step\":1}",
                "~ plans[standard].prices[month usd].amount: 99 → 109",
                "~ plans[standard].features: [\"audit_log\"] → [\"sso\"]",
            ],
            CatalogDiff.Between(before, after).Where(c => c.After is not null).Select(c => c.ToString()));
        Assert.Equal("rate_cards[tokens v1]", Assert.Single(CatalogDiff.Between(before, after), c => c.After is null).Path);
    }

    [Fact]
    public void Against_no_catalog_everything_is_new() =>
        Assert.All(CatalogDiff.Between(null, CatalogFiles.Read("chat-tiers")), c => Assert.Null(c.Before));
}
