using System.Globalization;
using BillingPortal.Ledger;

namespace BillingPortal.Tests.Ledger;

/// <summary>Hashes that were stored must come out the same in every later version.</summary>
public sealed class DigestWriterTests
{
    [Theory]
    [InlineData("0", "0")]
    [InlineData("1", "1")]
    [InlineData("1.00", "1")]
    [InlineData("-1", "-1")]
    [InlineData("0.5", "0.5")]
    [InlineData("2147483647", "2147483647")]
    [InlineData("-2147483648", "-2147483648")]
    [InlineData("2147483648", "2147483648")]
    [InlineData("79228162514264337593543950335", "79228162514264337593543950335")]
    [InlineData("0.000001", "0.000001")]
    public void A_number_counts_as_its_shortest_text(string number, string text)
    {
        var asNumber = new DigestWriter(stackalloc byte[8]);
        var asText = new DigestWriter(stackalloc byte[64]);
        asNumber.Add(decimal.Parse(number, CultureInfo.InvariantCulture));
        asText.Add(text);

        Assert.Equal(asText.Sha256(), asNumber.Sha256());
    }
}
