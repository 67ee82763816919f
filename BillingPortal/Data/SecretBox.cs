using System.Security.Cryptography;
using System.Text;

namespace BillingPortal.Data;

/// <summary>
/// Seals what must not be readable in a dump: AES-256-GCM under <c>Encryption:Keys</c>, which never stand in the database. The newest key seals, every one of them opens.
/// </summary>
public sealed class SecretBox(IConfiguration configuration)
{
    private const int NonceLength = 12;
    private const int TagLength = 16;
    private const int LeastKeyLength = 32;

    /// <summary>Whether anything can be sealed at all.</summary>
    public bool HasKeys => Keys().Count > 0;

    /// <param name="purpose">Where it will stand: a box moved elsewhere does not open.</param>
    /// <exception cref="ConfigurationException">There are no keys; ask <see cref="HasKeys"/> first.</exception>
    public byte[] Seal(ReadOnlySpan<byte> plain, string purpose)
    {
        var keys = Keys();
        if (keys.Count == 0)
        {
            throw new ConfigurationException("Encryption__Keys is not set, so no secret can be kept.");
        }

        var box = new byte[NonceLength + TagLength + plain.Length];
        RandomNumberGenerator.Fill(box.AsSpan(0, NonceLength));
        using var aes = new AesGcm(keys[0], TagLength);
        aes.Encrypt(box.AsSpan(0, NonceLength), plain, box.AsSpan(NonceLength + TagLength), box.AsSpan(NonceLength, TagLength), Encoding.UTF8.GetBytes(purpose));
        return box;
    }

    public byte[] Seal(string plain, string purpose) => Seal(Encoding.UTF8.GetBytes(plain), purpose);

    /// <returns>Null when none of the keys opens it.</returns>
    public OpenedSecret? Open(ReadOnlySpan<byte> box, string purpose)
    {
        if (box.Length < NonceLength + TagLength)
        {
            return null;
        }

        var plain = new byte[box.Length - NonceLength - TagLength];
        var keys = Keys();
        for (var i = 0; i < keys.Count; i++)
        {
            using var aes = new AesGcm(keys[i], TagLength);
            try
            {
                aes.Decrypt(box[..NonceLength], box[(NonceLength + TagLength)..], box.Slice(NonceLength, TagLength), plain, Encoding.UTF8.GetBytes(purpose));
                return new(plain, IsNewest: i == 0);
            }
            catch (AuthenticationTagMismatchException)
            {
                // Another key sealed it; try the next.
            }
        }

        return null;
    }

    // Comma-separated, newest first. Any text of at least 32 characters; its SHA-256 is the key.
    private List<byte[]> Keys() =>
        [.. (configuration["Encryption:Keys"] ?? "").Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries).Select(key =>
            key.Length >= LeastKeyLength ? SHA256.HashData(Encoding.UTF8.GetBytes(key)) : throw new ConfigurationException($"Each of Encryption__Keys needs at least {LeastKeyLength} characters."))];
}

/// <param name="IsNewest">False: an older key sealed it, and it should be sealed again.</param>
public sealed record OpenedSecret(byte[] Plain, bool IsNewest)
{
    public string Text => Encoding.UTF8.GetString(Plain);

    // Secrets do not belong in logs, where a record's own text would put them.
    public override string ToString() => "(a secret)";
}

/// <summary>Something that keeps sealed secrets.</summary>
public interface ISealedSecrets
{
    /// <summary>Seals again, under the newest key, whatever an older one sealed.</summary>
    /// <returns>How many were sealed again.</returns>
    Task<int> ResealAsync(CancellationToken ct);
}

/// <summary>At each start brings every sealed secret under the newest key, so that an old one can be taken out of <c>Encryption:Keys</c> afterwards (C11).</summary>
internal sealed partial class ResealSecrets(IEnumerable<ISealedSecrets> holders, SecretBox box, ILogger<ResealSecrets> log) : IHostedService
{
    public async Task StartAsync(CancellationToken cancellationToken)
    {
        if (!box.HasKeys)
        {
            return;
        }

        foreach (var holder in holders)
        {
            if (await holder.ResealAsync(cancellationToken) is > 0 and var count)
            {
                LogResealed(count, holder.GetType().Name);
            }
        }
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    [LoggerMessage(1003, LogLevel.Information, "Sealed {Count} secrets of {Holder} under the newest key")]
    private partial void LogResealed(int count, string holder);
}
