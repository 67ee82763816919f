using System.Buffers.Binary;
using System.Buffers.Text;
using System.Security.Cryptography;
using BillingPortal.Access;
using BillingPortal.Identity.ApiKeys;
using BillingPortal.Primitives;
using Microsoft.AspNetCore.DataProtection;

namespace BillingPortal.Identity.Tokens;

/// <summary>Short-lived bearer tokens for one account, for the product's front end (A14). Sealed by the data-protection keys, stored nowhere; each dies with the API key that made it.</summary>
public sealed class AccountTokens(IDataProtectionProvider protection, ApiKeyRing keys, TimeProvider time)
{
    public const string Prefix = "bp_acct_";
    public static readonly TimeSpan Longest = TimeSpan.FromHours(24);
    public static readonly TimeSpan Usual = TimeSpan.FromMinutes(15);
    private const int Length = 16 + 16 + 4 + 8;

    /// <summary>What such a token may hold: a browser has it, so no more than the customer's own reads and checkout.</summary>
    public static readonly IReadOnlyList<Scope> Allowed = [Scope.Read, Scope.Checkout];

    private readonly IDataProtector protector = protection.CreateProtector("account-token.v1");

    public string Issue(AccountId account, Guid issuer, ScopeSet scopes, DateTimeOffset expiresAt)
    {
        var plain = new byte[Length];
        account.Value.TryWriteBytes(plain);
        issuer.TryWriteBytes(plain.AsSpan(16));
        BinaryPrimitives.WriteInt32LittleEndian(plain.AsSpan(32), scopes.Bits);
        BinaryPrimitives.WriteInt64LittleEndian(plain.AsSpan(36), expiresAt.UtcTicks);
        return Prefix + Base64Url.EncodeToString(protector.Protect(plain));
    }

    /// <returns>Null: forged, expired, or its key is gone.</returns>
    public Caller? Find(string token)
    {
        if (!token.StartsWith(Prefix, StringComparison.Ordinal) || !Base64Url.IsValid(token.AsSpan(Prefix.Length)))
        {
            return null;
        }

        byte[] plain;
        try
        {
            plain = protector.Unprotect(Base64Url.DecodeFromChars(token.AsSpan(Prefix.Length)));
        }
        catch (CryptographicException)
        {
            return null;
        }

        var issuer = new Guid(plain.AsSpan(16, 16));
        if (BinaryPrimitives.ReadInt64LittleEndian(plain.AsSpan(36)) <= time.GetUtcNow().UtcTicks || !keys.IsLive(issuer))
        {
            return null;
        }

        var account = new AccountId(new Guid(plain.AsSpan(0, 16)));
        return new()
        {
            Kind = CallerKind.AccountToken,
            Actor = $"token:{account}",
            CredentialId = issuer,
            Scopes = new(BinaryPrimitives.ReadInt32LittleEndian(plain.AsSpan(32))),
            Accounts = [account],
            Role = MemberRole.Owner,
        };
    }
}
