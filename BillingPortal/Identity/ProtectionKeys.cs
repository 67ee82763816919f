using System.Security.Cryptography;
using System.Text;
using System.Xml.Linq;
using BillingPortal.Data;
using BillingPortal.Primitives;
using Microsoft.AspNetCore.DataProtection.KeyManagement;
using Microsoft.AspNetCore.DataProtection.Repositories;
using Microsoft.AspNetCore.DataProtection.XmlEncryption;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Options;

namespace BillingPortal.Identity;

/// <summary>Data-protection keys stand in the database, so that every instance reads every cookie and token, and a restart signs nobody out.</summary>
internal sealed class ProtectionKeys(IDbContextFactory<BillingDbContext> contexts, TimeProvider time) : IXmlRepository
{
    public IReadOnlyCollection<XElement> GetAllElements()
    {
        using var db = contexts.CreateDbContext();
        return [.. db.Set<ProtectionKey>().AsNoTracking().OrderBy(k => k.Id).Select(k => k.Xml).AsEnumerable().Select(XElement.Parse)];
    }

    public void StoreElement(XElement element, string friendlyName)
    {
        using var db = contexts.CreateDbContext();
        db.Add(new ProtectionKey { Id = Guid.CreateVersion7(), Xml = element.ToString(SaveOptions.DisableFormatting), CreatedAt = time.Now() });
        db.SaveChanges();
    }
}

/// <summary>Plugs the repository, and the encryption where keys for it are configured, into data protection.</summary>
internal sealed class ProtectionKeyOptions(ProtectionKeys repository, IConfiguration configuration) : IConfigureOptions<KeyManagementOptions>
{
    public void Configure(KeyManagementOptions options)
    {
        options.XmlRepository = repository;
        if (ProtectionKeyEncryption.KeysOf(configuration) is { Count: > 0 } keys)
        {
            options.XmlEncryptor = new ProtectionKeyEncryption.Encryptor(keys[0]);
        }
    }
}

/// <summary>AES-256-GCM under <c>Encryption:Keys</c>: the newest key encrypts, every one of them decrypts.</summary>
internal static class ProtectionKeyEncryption
{
    private const int NonceLength = 12;
    private const int TagLength = 16;

    /// <summary>Comma-separated, newest first. Any text of at least 32 characters; its SHA-256 is the key.</summary>
    public static IReadOnlyList<byte[]> KeysOf(IConfiguration configuration) =>
        [.. (configuration["Encryption:Keys"] ?? "").Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries).Select(key =>
            key.Length >= 32 ? SHA256.HashData(Encoding.UTF8.GetBytes(key)) : throw new InvalidOperationException("Each of Encryption:Keys needs at least 32 characters."))];

    internal sealed class Encryptor(byte[] key) : IXmlEncryptor
    {
        public EncryptedXmlInfo Encrypt(XElement plaintextElement)
        {
            var plain = Encoding.UTF8.GetBytes(plaintextElement.ToString(SaveOptions.DisableFormatting));
            var box = new byte[NonceLength + TagLength + plain.Length];
            RandomNumberGenerator.Fill(box.AsSpan(0, NonceLength));
            using var aes = new AesGcm(key, TagLength);
            aes.Encrypt(box.AsSpan(0, NonceLength), plain, box.AsSpan(NonceLength + TagLength), box.AsSpan(NonceLength, TagLength));
            CryptographicOperations.ZeroMemory(plain);
            return new(new XElement("sealed", Convert.ToBase64String(box)), typeof(Decryptor));
        }
    }

    internal sealed class Decryptor(IServiceProvider services) : IXmlDecryptor
    {
        public XElement Decrypt(XElement encryptedElement)
        {
            var box = Convert.FromBase64String(encryptedElement.Value);
            var plain = new byte[box.Length - NonceLength - TagLength];
            foreach (var key in KeysOf(services.GetRequiredService<IConfiguration>()))
            {
                using var aes = new AesGcm(key, TagLength);
                try
                {
                    aes.Decrypt(box.AsSpan(0, NonceLength), box.AsSpan(NonceLength + TagLength), box.AsSpan(NonceLength, TagLength), plain);
                    return XElement.Parse(Encoding.UTF8.GetString(plain));
                }
                catch (AuthenticationTagMismatchException)
                {
                    // An older key sealed it; try the next.
                }
            }

            throw new CryptographicException("None of Encryption:Keys opens a stored data-protection key.");
        }
    }
}
