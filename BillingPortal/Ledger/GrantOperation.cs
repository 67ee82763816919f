using System.Text.Json;
using BillingPortal.Primitives;

namespace BillingPortal.Ledger;

/// <summary>Puts value into wallets: one grant or, for a pack and its bonus, several in one step.</summary>
/// <param name="grants">At least one.</param>
/// <param name="reason">For people; erasable.</param>
public sealed class GrantOperation(AccountId account, Origin origin, string key, IReadOnlyList<GrantTerms> grants, string? reason = null)
    : Operation(account, origin, key)
{
    public GrantOperation(AccountId account, Origin origin, string key, GrantTerms grant, string? reason = null)
        : this(account, origin, key, [grant], reason) { }

    public override string Kind => "grant";
    public override string? Details { get; } = reason is null ? null : DetailsJson.OfReason(reason);
    public override byte[] BodyHash => Hash();

    public override Refusal? Decide(AccountState account)
    {
        foreach (var terms in grants)
        {
            if (terms.ExpiresAt <= account.Now)
            {
                return Refusal.Invalid("expires_at", "A grant must expire in the future.");
            }

            if (account.Grant(terms) is { } refusal)
            {
                return refusal;
            }
        }

        return null;
    }

    private byte[] Hash()
    {
        var digest = new DigestWriter(stackalloc byte[512]);
        digest.Add(Kind);
        digest.Add(Details);
        foreach (var terms in grants)
        {
            digest.Add(terms.Unit);
            digest.Add(terms.Amount);
            digest.Add(terms.Source.ToString());
            digest.Add((long)terms.BurnPriority);
            digest.Add(terms.ExpiresAt);
            digest.Add(terms.Reference);
        }

        return digest.Sha256();
    }
}

/// <summary>The erasable text of an operation as JSON.</summary>
public static class DetailsJson
{
    public static string OfReason(string reason) => JsonSerializer.Serialize(new Dictionary<string, string> { ["reason"] = reason });
}
