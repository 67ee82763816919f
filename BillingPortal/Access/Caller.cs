using BillingPortal.Primitives;

namespace BillingPortal.Access;

/// <summary>What vouches for a caller.</summary>
public enum CallerKind
{
    /// <summary>Nothing does.</summary>
    Nobody,
    /// <summary>A product's key.</summary>
    ApiKey,
    /// <summary>A short-lived token for one account, held by the product's front end.</summary>
    AccountToken,
    /// <summary>Somebody signed in with a user of their own.</summary>
    Person,
    /// <summary>Somebody who came through a one-time portal link, as one account.</summary>
    PortalLink,
}

/// <summary>What a member may do in their account. <see cref="Viewer"/> sees everything but settings, <see cref="Member"/> their own use.</summary>
public enum MemberRole { Viewer, Member, Admin, Owner }

/// <summary>Staff roles. <see cref="Admin"/> may do everything, <see cref="Finance"/> moves value and reads payments, <see cref="Support"/> reads without secrets or payloads.</summary>
public enum StaffRole { Support, Finance, Admin }

/// <summary>Who is asking, and what they may do: the one answer for API and pages. Immutable; known before a request's body is read.</summary>
public sealed class Caller
{
    public static readonly Caller Nobody = new() { Kind = CallerKind.Nobody, Actor = "anonymous", Accounts = [] };

    public required CallerKind Kind { get; init; }
    /// <summary>Who it is in the audit log, without secrets: <c>key:Backend</c>, <c>user:018f…</c>, <c>link:acc_…</c>.</summary>
    public required string Actor { get; init; }
    /// <summary>Id of the key, user or link that vouches.</summary>
    public Guid? CredentialId { get; init; }
    public ScopeSet Scopes { get; init; }
    /// <summary>The only accounts this caller may reach; null: all.</summary>
    public IReadOnlyList<AccountId>? Accounts { get; init; }
    /// <summary>Set for staff.</summary>
    public StaffRole? Staff { get; init; }
    /// <summary>Role in <see cref="Account"/>, for customers.</summary>
    public MemberRole? Role { get; init; }

    public bool IsKnown => Kind != CallerKind.Nobody;

    /// <summary>The account that a customer is signed in as; null for product and staff.</summary>
    public AccountId? Account => Kind is CallerKind.Person or CallerKind.PortalLink or CallerKind.AccountToken && Accounts is { Count: > 0 } ? Accounts[0] : null;

    public bool Has(Scope scope) => Scopes.Contains(scope);

    public bool HasAny(IReadOnlyList<Scope> anyOf)
    {
        foreach (var scope in anyOf)
        {
            if (Has(scope))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Whether the account is one of this caller's. What is not is answered like what does not exist: 404.</summary>
    public bool MayReach(AccountId account)
    {
        if (Accounts is null)
        {
            return true;
        }

        foreach (var own in Accounts)
        {
            if (own == account)
            {
                return true;
            }
        }

        return false;
    }
}
