using System.Security.Claims;
using BillingPortal.Access;
using Microsoft.AspNetCore.Identity;
using Microsoft.Extensions.Options;

namespace BillingPortal.Identity.Users;

/// <summary>What a cookie says about a user: name, staff role, accounts. It is read afresh from the database every few seconds.</summary>
internal sealed class UserClaims(UserManager<User> users, IOptions<IdentityOptions> options, Memberships memberships) : UserClaimsPrincipalFactory<User>(users, options)
{
    protected override async Task<ClaimsIdentity> GenerateClaimsAsync(User user)
    {
        var identity = await base.GenerateClaimsAsync(user);
        if (user.Staff is { } staff)
        {
            identity.AddClaim(new(CallerOfRequest.StaffClaim, staff.ToString()));
        }

        foreach (var (index, membership) in (await memberships.OfAsync(user.Id)).Index())
        {
            identity.AddClaim(new(CallerOfRequest.AccountClaim, membership.Account.ToString()));
            if (index == 0)
            {
                identity.AddClaim(new(CallerOfRequest.AccountRoleClaim, membership.Role.ToString()));
            }
        }

        return identity;
    }
}
