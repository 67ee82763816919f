using System.Text;
using BillingPortal.Identity.ApiKeys;

namespace BillingPortal.Tests.Identity;

public class Argon2idTests
{
    [Fact]
    public void The_vector_of_RFC_9106_comes_out()
    {
        static byte[] Repeat(byte value, int times) => [.. Enumerable.Repeat(value, times)];

        var hash = Argon2id.Hash(Repeat(1, 32), Repeat(2, 16), memoryKiB: 32, passes: 3, length: 32, secret: Repeat(3, 8), data: Repeat(4, 12), lanes: 4);

        Assert.Equal("0D640DF58D78766C08C037A34A8B53C9D01EF0452D75B65EB52520E96B01E659", Convert.ToHexString(hash));
    }

    /// <summary>From the tests of the reference implementation (P-H-C/phc-winner-argon2, test.c).</summary>
    [Theory]
    [InlineData("password", "somesalt", 65536, 2, "09316115D5CF24ED5A15A31A3BA326E5CF32EDC24702987C02B6566F61913CF7")]
    [InlineData("password", "somesalt", 256, 2, "9DFEB910E80BAD0311FEE20F9C0E2B12C17987B4CAC90C2EF54D5B3021C68BFE")]
    public void What_the_reference_implementation_says_comes_out(string password, string salt, int memoryKiB, int passes, string expected)
    {
        var hash = Argon2id.Hash(Encoding.ASCII.GetBytes(password), Encoding.ASCII.GetBytes(salt), memoryKiB, passes, length: 32);

        Assert.Equal(expected, Convert.ToHexString(hash));
    }
}
