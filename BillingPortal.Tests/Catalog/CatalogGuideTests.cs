using System.Text;
using System.Text.RegularExpressions;
using BillingPortal.Catalog;
using BillingPortal.Tests.Testing;

namespace BillingPortal.Tests.Catalog;

public partial class CatalogGuideTests
{
    [Fact]
    public void The_example_of_the_guide_is_a_catalog()
    {
        var guide = File.ReadAllText(Repository.Path("docs/catalog.md"));
        var example = Example().Match(guide).Groups[1].Value;
        var catalog = CatalogJson.Read(Encoding.UTF8.GetBytes(example)).Match(read => read, errors => throw new InvalidOperationException(string.Join("\n", errors)));
        Assert.Equal(3, catalog.RateCards[0].Meters[0].Tiers.Count);
    }

    [GeneratedRegex("```json\n(.*?)```", RegexOptions.Singleline)]
    private static partial Regex Example();
}
