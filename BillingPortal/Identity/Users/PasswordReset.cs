using System.Buffers.Text;
using System.Text;
using BillingPortal.Access;
using BillingPortal.Data;
using BillingPortal.Outbox;
using Microsoft.AspNetCore.Identity;

namespace BillingPortal.Identity.Users;

/// <summary>A new password by mail. The link works once and for an hour: its token is bound to the security stamp, which the change renews.</summary>
public sealed class PasswordReset(UserManager<User> users, Tenants tenants, Outbox.Outbox outbox, ReturnUrls urls, TimeProvider time)
{
    private const int LongestPassword = 200;

    /// <summary>Puts the mail into the outbox when there is such a user; says nothing either way. At most one mail in five minutes.</summary>
    public async Task SendLinkAsync(string? email, HttpRequest request, CancellationToken ct)
    {
        if (!Registration.IsEmail(email?.Trim()) || await users.FindByEmailAsync(email!.Trim()) is not { } user)
        {
            return;
        }

        var token = Base64Url.EncodeToString(Encoding.UTF8.GetBytes(await users.GeneratePasswordResetTokenAsync(user)));
        var link = $"{urls.Own(request)}/reset?user={user.Id:N}&token={token}";
        var window = time.GetUtcNow().ToUnixTimeSeconds() / 300;
        await using var scope = await tenants.ForStaffAsync(ct);
        await outbox.PutAsync(scope, new Mail(
            user.Email!, "Choose a new password", $"Somebody, hopefully you, asked for a new password.\n\nOpen this link within an hour to choose one:\n{link}\n\nIf it was not you, do nothing: the password stays.", $"reset:{user.Id:N}:{window}"), ct: ct);
        await scope.CommitAsync(ct);
    }

    /// <returns>Null when changed; else a sentence that says why not.</returns>
    public async Task<string?> ChangeAsync(string? userId, string? token, string? password)
    {
        const string Dead = "This link was used before, is older than an hour, or was cut. Ask for a new one.";
        if (!Guid.TryParseExact(userId, "N", out var id) || token is not { Length: > 0 and < 2000 } || !Base64Url.IsValid(token) || await users.FindByIdAsync(id.ToString()) is not { } user)
        {
            return Dead;
        }

        if (password is not { Length: > 0 and <= LongestPassword })
        {
            return $"A password has 10 to {LongestPassword} characters.";
        }

        var changed = await users.ResetPasswordAsync(user, Encoding.UTF8.GetString(Base64Url.DecodeFromChars(token)), password);
        if (!changed.Succeeded)
        {
            return changed.Errors.Any(e => e.Code == nameof(IdentityErrorDescriber.InvalidToken)) ? Dead : string.Join(' ', changed.Errors.Select(e => e.Description));
        }

        await users.SetLockoutEndDateAsync(user, null);
        return null;
    }
}
