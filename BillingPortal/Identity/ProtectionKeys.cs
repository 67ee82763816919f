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
internal sealed class ProtectionKeys(IDbContextFactory<BillingDbContext> contexts, SecretBox box, TimeProvider time) : IXmlRepository, ISealedSecrets
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

    public async Task<int> ResealAsync(CancellationToken ct)
    {
        await using var db = await contexts.CreateDbContextAsync(ct);
        var resealed = 0;
        foreach (var key in await db.Set<ProtectionKey>().ToListAsync(ct))
        {
            var element = XElement.Parse(key.Xml);
            if (ProtectionKeyEncryption.Reseal(element, box))
            {
                key.Xml = element.ToString(SaveOptions.DisableFormatting);
                resealed++;
            }
        }

        await db.SaveChangesAsync(ct);
        return resealed;
    }
}

/// <summary>Plugs the repository, and the encryption where keys for it are configured, into data protection.</summary>
internal sealed class ProtectionKeyOptions(ProtectionKeys repository, SecretBox box) : IConfigureOptions<KeyManagementOptions>
{
    public void Configure(KeyManagementOptions options)
    {
        options.XmlRepository = repository;
        if (box.HasKeys)
        {
            options.XmlEncryptor = new ProtectionKeyEncryption.Encryptor(box);
        }
    }
}

/// <summary>How a data-protection key stands in a <see cref="SecretBox"/>.</summary>
internal static class ProtectionKeyEncryption
{
    private const string Purpose = "";
    private const string Sealed = "sealed";
    // Names of data protection's own format (https://learn.microsoft.com/aspnet/core/security/data-protection/implementation/key-storage-format).
    private static readonly XNamespace Format = "http://schemas.asp.net/2015/03/dataProtection";

    internal sealed class Encryptor(SecretBox box) : IXmlEncryptor
    {
        public EncryptedXmlInfo Encrypt(XElement plaintextElement) => new(Seal(plaintextElement, box), typeof(Decryptor));
    }

    internal sealed class Decryptor(IServiceProvider services) : IXmlDecryptor
    {
        public XElement Decrypt(XElement encryptedElement) =>
            services.GetRequiredService<SecretBox>().Open(Convert.FromBase64String(encryptedElement.Value), Purpose) is { } opened
                ? XElement.Parse(opened.Text)
                : throw new CryptographicException("None of Encryption:Keys opens a stored data-protection key.");
    }

    /// <summary>Seals anew what an older key sealed, and what was stored before there was any key. What no key opens stays as it is.</summary>
    /// <returns>Whether anything changed.</returns>
    public static bool Reseal(XElement key, SecretBox box)
    {
        var changed = false;
        foreach (var element in key.Descendants(Sealed).ToList())
        {
            if (box.Open(Convert.FromBase64String(element.Value), Purpose) is { IsNewest: false } opened)
            {
                element.Value = Convert.ToBase64String(box.Seal(opened.Plain, Purpose));
                changed = true;
            }
        }

        foreach (var element in key.Descendants().Where(e => (string?)e.Attribute(Format + "requiresEncryption") == "true").ToList())
        {
            element.ReplaceWith(new XElement(Format + "encryptedSecret", new XAttribute("decryptorType", typeof(Decryptor).AssemblyQualifiedName!), Seal(element, box)));
            changed = true;
        }

        return changed;
    }

    private static XElement Seal(XElement plain, SecretBox box)
    {
        var text = Encoding.UTF8.GetBytes(plain.ToString(SaveOptions.DisableFormatting));
        var box64 = Convert.ToBase64String(box.Seal(text, Purpose));
        CryptographicOperations.ZeroMemory(text);
        return new(Sealed, box64);
    }
}
