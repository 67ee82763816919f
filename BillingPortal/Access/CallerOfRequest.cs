using System.Security.Claims;
using BillingPortal.Primitives;

namespace BillingPortal.Access;

/// <summary>Where the caller of a request stands, and how a signed-in person's claims say who they are.</summary>
public static class CallerOfRequest
{
    /// <summary>Claim with the shown id of an account the person belongs to; the first is the one they are signed in as.</summary>
    public const string AccountClaim = "account";
    /// <summary>Claim with the role in that account.</summary>
    public const string AccountRoleClaim = "account_role";
    /// <summary>Claim with the staff role.</summary>
    public const string StaffClaim = "staff";
    /// <summary>Claim with the id of the portal link that was used instead of a sign-in.</summary>
    public const string LinkClaim = "portal_link";

    /// <summary>Who is asking. Under <c>/api/</c> by the Authorization header alone, on pages by the cookie alone: a browser's cookie never reaches the API.</summary>
    public static Caller Caller(this HttpContext context) =>
        context.Features.Get<Caller>() ?? context.User.Caller();

    public static void SetCaller(this HttpContext context, Caller caller) => context.Features.Set(caller);

    /// <summary>Who is signed in, for pages: <c>(await AuthenticationState).User.Caller()</c>.</summary>
    public static Caller Caller(this ClaimsPrincipal user)
    {
        if (user.Identity is not { IsAuthenticated: true })
        {
            return Access.Caller.Nobody;
        }

        var staff = Enum.TryParse<StaffRole>(user.FindFirstValue(StaffClaim), ignoreCase: true, out var staffRole) ? staffRole : (StaffRole?)null;
        var role = Enum.TryParse<MemberRole>(user.FindFirstValue(AccountRoleClaim), ignoreCase: true, out var memberRole) ? memberRole : (MemberRole?)null;
        List<AccountId> accounts = [.. from claim in user.FindAll(AccountClaim) where AccountId.TryParse(claim.Value, out _) select Parse(claim.Value)];
        if (Guid.TryParse(user.FindFirstValue(LinkClaim), out var link))
        {
            return new() { Kind = CallerKind.PortalLink, Actor = $"link:{link:N}", CredentialId = link, Accounts = accounts, Role = role ?? MemberRole.Owner };
        }

        var id = Guid.TryParse(user.FindFirstValue(ClaimTypes.NameIdentifier), out var userId) ? userId : (Guid?)null;
        return new()
        {
            Kind = CallerKind.Person,
            Actor = $"user:{id:N}",
            CredentialId = id,
            Scopes = staff is StaffRole.Admin ? ScopeSet.All : default,
            Accounts = staff is null ? accounts : null,
            Staff = staff,
            Role = role,
        };
    }

    private static AccountId Parse(string shown) => AccountId.TryParse(shown, out var id) ? id : default;
}
