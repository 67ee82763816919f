using System.Buffers.Text;
using System.Security.Claims;
using System.Security.Cryptography;
using System.Text;
using BillingPortal.Access;
using BillingPortal.Data;
using BillingPortal.Identity.Users;
using BillingPortal.Primitives;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Identity;
using Microsoft.EntityFrameworkCore;

namespace BillingPortal.Identity.Tokens;

/// <summary>Makes one-time ways into the portal, and lets in who opens one: once, within five minutes (F11).</summary>
public sealed class PortalLinks(Tenants tenants, Sessions sessions, TimeProvider time)
{
    public const string Path = "/signin/link/";
    public const string ReturnUrlClaim = "return_url";
    private const string EntryPage = "/portal";
    private static readonly TimeSpan Lives = TimeSpan.FromMinutes(5);

    /// <summary>Whether a page may be landed on: a path under <c>/portal</c>, nothing that leads elsewhere.</summary>
    public static bool MayLandOn(string page) =>
        (page == EntryPage || page.StartsWith("/portal/", StringComparison.Ordinal)) && page.Length <= 500
        && !page.Contains("..", StringComparison.Ordinal) && page.All(c => c is > ' ' and <= '~' and not '\\');

    /// <returns>The path to hand out, under the portal's own address, and when it dies.</returns>
    public async Task<(string Path, DateTimeOffset ExpiresAt)> MakeAsync(AccountId account, string actor, string? page, string? returnUrl, CancellationToken ct)
    {
        var token = Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(32));
        var now = time.Now();
        await using var scope = await tenants.ForAccountAsync(account, ct);
        var link = new PortalLink
        {
            AccountId = account,
            Id = Guid.CreateVersion7(),
            TokenDigest = Digest(token),
            Page = page ?? EntryPage,
            ReturnUrl = returnUrl,
            CreatedBy = actor,
            CreatedAt = now,
            ExpiresAt = now + Lives,
        };
        scope.Db.Add(link);
        await scope.CommitAsync(ct);
        return (Path + token, link.ExpiresAt);
    }

    /// <summary>Uses the link up and signs the browser in as its account.</summary>
    /// <returns>The page to go to; null: unknown, used or too old.</returns>
    public async Task<string?> OpenAsync(HttpContext context, string token, CancellationToken ct)
    {
        if (token.Length != 43)
        {
            return null;
        }

        var now = time.Now();
        var digest = Digest(token);
        PortalLink? link;
        await using (var scope = await tenants.ForStaffAsync(ct))
        {
            // One statement decides: of two who open it at once, one gets in.
            var used = await scope.Db.Set<PortalLink>().Where(l => l.TokenDigest == digest && l.UsedAt == null && l.ExpiresAt > now)
                .ExecuteUpdateAsync(l => l.SetProperty(x => x.UsedAt, now), ct);
            link = used == 1 ? await scope.Db.Set<PortalLink>().AsNoTracking().SingleAsync(l => l.TokenDigest == digest, ct) : null;
            await scope.CommitAsync(ct);
        }

        if (link is null)
        {
            return null;
        }

        await sessions.EndAsync(context.User, ct);
        var identity = new ClaimsIdentity(
            [
                new(CallerOfRequest.LinkClaim, link.Id.ToString("N")),
                new(CallerOfRequest.AccountClaim, link.AccountId.ToString()),
                new(CallerOfRequest.AccountRoleClaim, nameof(MemberRole.Owner)),
                await sessions.OpenAsync(user: null, link.Id, ct),
            ],
            IdentityConstants.ApplicationScheme);
        if (link.ReturnUrl is not null)
        {
            identity.AddClaim(new(ReturnUrlClaim, link.ReturnUrl));
        }

        await context.SignInAsync(IdentityConstants.ApplicationScheme, new(identity), new AuthenticationProperties { IsPersistent = false });
        return link.Page;
    }

    private static byte[] Digest(string token) => SHA256.HashData(Encoding.UTF8.GetBytes(token));
}
