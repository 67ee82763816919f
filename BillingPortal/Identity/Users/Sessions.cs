using System.Security.Claims;
using BillingPortal.Access;
using BillingPortal.Data;
using BillingPortal.Primitives;
using Microsoft.AspNetCore.Authentication.Cookies;
using Microsoft.AspNetCore.Identity;
using Microsoft.EntityFrameworkCore;

namespace BillingPortal.Identity.Users;

/// <summary>Opens, ends and re-checks sessions.</summary>
public sealed class Sessions(IDbContextFactory<BillingDbContext> contexts, TimeProvider time)
{
    /// <summary>Claim with the session's id.</summary>
    public const string Claim = "session";
    /// <summary>How old a cookie's rights may be before they are read again; open circuits look three times a minute.</summary>
    public static readonly TimeSpan Recheck = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan OfPerson = TimeSpan.FromDays(30);
    private static readonly TimeSpan OfLink = TimeSpan.FromHours(8);

    public async Task<Claim> OpenAsync(Guid? user, Guid? portalLink, CancellationToken ct = default)
    {
        await using var db = await contexts.CreateDbContextAsync(ct);
        var now = time.Now();
        var session = new Session { Id = Guid.CreateVersion7(), UserId = user, PortalLinkId = portalLink, CreatedAt = now, ExpiresAt = now + (user is null ? OfLink : OfPerson) };
        db.Add(session);
        await db.SaveChangesAsync(ct);
        return new(Claim, session.Id.ToString("N"));
    }

    public async Task EndAsync(ClaimsPrincipal principal, CancellationToken ct = default)
    {
        if (IdOf(principal) is { } id)
        {
            await using var db = await contexts.CreateDbContextAsync(ct);
            await db.Set<Session>().Where(s => s.Id == id && s.EndedAt == null).ExecuteUpdateAsync(s => s.SetProperty(x => x.EndedAt, time.Now()), ct);
        }
    }

    /// <summary>Reads a signed-in principal's rights again.</summary>
    /// <returns>The principal as it is now; null when the session, the user or their rights to be here are gone.</returns>
    internal async Task<ClaimsPrincipal?> RereadAsync(ClaimsPrincipal principal, IServiceProvider services, CancellationToken ct = default)
    {
        if (IdOf(principal) is not { } id)
        {
            return null;
        }

        await using var db = await contexts.CreateDbContextAsync(ct);
        var now = time.Now();
        var session = await db.Set<Session>().AsNoTracking().SingleOrDefaultAsync(s => s.Id == id && s.EndedAt == null && s.ExpiresAt > now, ct);
        if (session is null)
        {
            return null;
        }

        if (session.PortalLinkId is not null)
        {
            return principal;
        }

        var signIn = services.GetRequiredService<SignInManager<User>>();
        var user = await signIn.ValidateSecurityStampAsync(principal);
        if (user is null || user.Id != session.UserId || user.LockoutEnd > now)
        {
            return null;
        }

        var fresh = await signIn.CreateUserPrincipalAsync(user);
        fresh.Identities.First().AddClaim(new(Claim, id.ToString("N")));
        return fresh;
    }

    /// <summary>Whether two principals may do the same.</summary>
    internal static bool SameRights(ClaimsPrincipal one, ClaimsPrincipal other) => RightsOf(one).SequenceEqual(RightsOf(other));

    /// <summary>Called for every request that brings a cookie.</summary>
    internal static async Task ValidateCookieAsync(CookieValidatePrincipalContext context)
    {
        var services = context.HttpContext.RequestServices;
        var now = services.GetRequiredService<TimeProvider>().GetUtcNow();
        if (context.Principal is null || (context.Properties.IssuedUtc is { } issued && now - issued < Recheck && now >= issued))
        {
            return;
        }

        if (await services.GetRequiredService<Sessions>().RereadAsync(context.Principal, services, context.HttpContext.RequestAborted) is { } fresh)
        {
            context.ReplacePrincipal(fresh);
            context.ShouldRenew = true;
        }
        else
        {
            context.RejectPrincipal();
            await context.HttpContext.RequestServices.GetRequiredService<SignInManager<User>>().SignOutAsync();
        }
    }

    private static Guid? IdOf(ClaimsPrincipal principal) => Guid.TryParse(principal.FindFirstValue(Claim), out var id) ? id : null;

    private static IEnumerable<string> RightsOf(ClaimsPrincipal principal) =>
        from claim in principal.Claims
        where claim.Type is CallerOfRequest.StaffClaim or CallerOfRequest.AccountClaim or CallerOfRequest.AccountRoleClaim or ClaimTypes.NameIdentifier
        orderby claim.Type, claim.Value
        select $"{claim.Type}={claim.Value}";
}
