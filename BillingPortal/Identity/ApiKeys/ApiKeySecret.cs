using System.Buffers;
using System.Security.Cryptography;
using System.Text;

namespace BillingPortal.Identity.ApiKeys;

/// <summary>The written form of a key: <c>bp_live_</c> or <c>bp_test_</c>, a lookup part that is not secret, and 256 random bits.</summary>
internal static class ApiKeySecret
{
    public const int LookupLength = 12;
    private const string Live = "bp_live_";
    private const string Test = "bp_test_";
    private const string Alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    private static readonly SearchValues<char> Allowed = SearchValues.Create(Alphabet);
    /// <summary>62^43 is just above 2^256.</summary>
    private const int RandomLength = 43;
    private const int LeastLength = 32;
    private const int MostLength = 128;

    // OWASP's first choice for Argon2id: 19 MiB, two passes. About 40 ms, once for each key and process.
    private const int MemoryKiB = 19 * 1024;
    private const int Passes = 2;

    public static string PrefixOf(bool isLive) => isLive ? Live : Test;

    public static string New(bool isLive) => PrefixOf(isLive) + RandomNumberGenerator.GetString(Alphabet, LookupLength + RandomLength);

    /// <returns>False: this is no key of ours, by its looks alone.</returns>
    public static bool TryRead(ReadOnlySpan<char> text, out bool isLive, out ReadOnlySpan<char> lookup)
    {
        isLive = text.StartsWith(Live, StringComparison.Ordinal);
        lookup = default;
        if (!isLive && !text.StartsWith(Test, StringComparison.Ordinal))
        {
            return false;
        }

        var rest = text[Live.Length..];
        if (rest.Length is < LeastLength or > MostLength || rest.ContainsAnyExcept(Allowed))
        {
            return false;
        }

        lookup = rest[..LookupLength];
        return true;
    }

    /// <summary>The row that keeps a key, without the key.</summary>
    public static ApiKey Seal(string secret, string name, IEnumerable<string> scopes, Guid[]? boundAccounts, string createdBy, DateTimeOffset now, Guid? rotatedFrom = null)
    {
        if (!TryRead(secret, out var isLive, out var lookup))
        {
            throw new ArgumentException("A key is bp_live_ or bp_test_ and 32 to 128 letters and digits.", nameof(secret));
        }

        var salt = RandomNumberGenerator.GetBytes(16);
        return new()
        {
            Id = Guid.CreateVersion7(),
            Name = name,
            IsLive = isLive,
            Lookup = lookup.ToString(),
            Salt = salt,
            Hash = Hash(secret, salt, MemoryKiB, Passes),
            MemoryKiB = MemoryKiB,
            Passes = Passes,
            Scopes = [.. scopes],
            BoundAccounts = boundAccounts,
            CreatedBy = createdBy,
            CreatedAt = now,
            RotatedFrom = rotatedFrom,
        };
    }

    public static bool Proves(string secret, ApiKey key) =>
        CryptographicOperations.FixedTimeEquals(Hash(secret, key.Salt, key.MemoryKiB, key.Passes), key.Hash);

    private static byte[] Hash(string secret, byte[] salt, int memoryKiB, int passes) =>
        Argon2id.Hash(Encoding.ASCII.GetBytes(secret), salt, memoryKiB, passes, length: 32);
}
