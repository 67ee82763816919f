using BillingPortal.Access;
using BillingPortal.Primitives;
using Microsoft.AspNetCore.Identity;

namespace BillingPortal.Identity.Users;

/// <summary>Makes users: by themselves with an account of their own, or as staff.</summary>
public sealed class Registration(UserManager<User> users, Memberships memberships, TimeProvider time)
{
    /// <summary>One @ with something before it and a dotted name behind it; whether mail arrives only mail can tell.</summary>
    public static bool IsEmail(string? text) =>
        text is { Length: <= 256 } && text.IndexOf('@') is > 0 and var at && at == text.LastIndexOf('@') && text.IndexOf('.', at) > at + 1 && text[^1] != '.'
        && text.All(c => c is > ' ' and not ((>= '\x7f' and <= '\x9f') or '<' or '>' or '"' or ',' or ';' or ':' or '\\') && !char.IsSurrogate(c));

    /// <summary>Makes a user and, with them, an account on the default plan of which they are the owner.</summary>
    /// <param name="email">Also their sign-in name; unique.</param>
    /// <param name="password">Null: they sign in by another way (Google, demo).</param>
    public async Task<(IdentityResult Result, User User)> RegisterAsync(string email, string? password, string? name, string? externalId = null, CancellationToken ct = default)
    {
        var user = new User { UserName = email, Email = email, Name = name, CreatedAt = time.Now() };
        var made = password is null ? await users.CreateAsync(user) : await users.CreateAsync(user, password);
        if (made.Succeeded)
        {
            await memberships.EnsureOwnAccountAsync(user, externalId, ct);
        }

        return (made, user);
    }

    /// <summary>Makes a staff user unless one with the e-mail exists.</summary>
    public async Task<IdentityResult> EnsureStaffAsync(string email, string? password, StaffRole role, CancellationToken ct = default)
    {
        ct.ThrowIfCancellationRequested();
        if (await users.FindByEmailAsync(email) is not null)
        {
            return IdentityResult.Success;
        }

        var user = new User { UserName = email, Email = email, EmailConfirmed = true, Staff = role, CreatedAt = time.Now() };
        return password is null ? await users.CreateAsync(user) : await users.CreateAsync(user, password);
    }

    /// <summary>Makes a customer and their account unless one with the e-mail exists.</summary>
    public async Task EnsureCustomerAsync(string email, string name, string externalId, CancellationToken ct = default)
    {
        if (await users.FindByEmailAsync(email) is null)
        {
            await RegisterAsync(email, password: null, name, externalId, ct);
        }
    }
}
