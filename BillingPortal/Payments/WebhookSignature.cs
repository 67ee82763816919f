using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace BillingPortal.Payments;

/// <summary>Why a delivery was not believed; counted, so that a wrong setting is found quickly.</summary>
public enum SignatureFault
{
    None,
    /// <summary>No secret is configured.</summary>
    NoSecret,
    MissingHeader,
    /// <summary>No time, or no <c>v1</c> signature in the header.</summary>
    MalformedHeader,
    /// <summary>Right or wrong, it is more than 300 s away from our clock: a replay, or a clock that is wrong.</summary>
    OutsideTolerance,
    /// <summary>No secret fits: another endpoint's secret, or a changed body.</summary>
    Mismatch,
    /// <summary>Nothing fits and the event is of the other mode: a test secret on a live endpoint or the reverse.</summary>
    OtherMode,
    /// <summary>Nothing fits, and a secret in force is none: white space inside it, or not copied whole.</summary>
    MalformedSecret,
}

/// <summary>Stripe's signature scheme (https://docs.stripe.com/webhooks/signature): <c>t=…,v1=hex(HMAC-SHA256(secret, t.body))</c> over the raw bytes.</summary>
public static class WebhookSignature
{
    public const string Header = "Stripe-Signature";
    /// <summary>How far <c>t</c> may be from our clock, either way.</summary>
    public static readonly TimeSpan Tolerance = TimeSpan.FromSeconds(300);

    /// <param name="body">As received, byte for byte.</param>
    /// <param name="secrets">Any of them may have signed; white space around them is not part of them.</param>
    public static SignatureFault Check(string? header, ReadOnlySpan<byte> body, IReadOnlyList<string> secrets, DateTimeOffset now)
    {
        if (secrets.All(string.IsNullOrWhiteSpace))
        {
            return SignatureFault.NoSecret;
        }

        if (string.IsNullOrEmpty(header))
        {
            return SignatureFault.MissingHeader;
        }

        if (!TryParse(header, out var timestamp, out var signatures))
        {
            return SignatureFault.MalformedHeader;
        }

        if (!AnyMatches(timestamp, signatures, body, secrets))
        {
            return SignatureFault.Mismatch;
        }

        return Math.Abs((decimal)now.ToUnixTimeSeconds() - timestamp) > (decimal)Tolerance.TotalSeconds ? SignatureFault.OutsideTolerance : SignatureFault.None;
    }

    /// <returns>The header value that Stripe would send.</returns>
    public static string Sign(ReadOnlySpan<byte> body, string secret, DateTimeOffset at) =>
        $"t={at.ToUnixTimeSeconds()},v1={Convert.ToHexStringLower(Mac(at.ToUnixTimeSeconds(), body, secret))}";

    private static bool AnyMatches(long timestamp, List<byte[]> signatures, ReadOnlySpan<byte> body, IReadOnlyList<string> secrets)
    {
        var matches = false;
        foreach (var secret in secrets.Where(s => !string.IsNullOrWhiteSpace(s)))
        {
            var expected = Mac(timestamp, body, secret.Trim());
            foreach (var signature in signatures)
            {
                // No early exit: how long it takes tells nothing about which secret or byte was nearly right.
                matches |= CryptographicOperations.FixedTimeEquals(expected, signature);
            }
        }

        return matches;
    }

    private static byte[] Mac(long timestamp, ReadOnlySpan<byte> body, string secret)
    {
        using var hmac = IncrementalHash.CreateHMAC(HashAlgorithmName.SHA256, Encoding.UTF8.GetBytes(secret));
        hmac.AppendData(Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{timestamp}.")));
        hmac.AppendData(body);
        return hmac.GetHashAndReset();
    }

    private static bool TryParse(string header, out long timestamp, out List<byte[]> signatures)
    {
        timestamp = -1;
        signatures = [];
        foreach (var part in header.Split(','))
        {
            var equals = part.IndexOf('=', StringComparison.Ordinal);
            if (equals < 0)
            {
                continue;
            }

            var value = part[(equals + 1)..].Trim();
            switch (part[..equals].Trim())
            {
                case "t" when !long.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out timestamp):
                    return false;
                // v0 and schemes to come are ignored. A signature that is no hash cannot match.
                case "v1" when value.Length == 64 && IsHex(value):
                    signatures.Add(Convert.FromHexString(value));
                    break;
            }
        }

        return timestamp >= 0 && signatures.Count > 0;
    }

    private static bool IsHex(string text) => text.All(char.IsAsciiHexDigitLower);
}
