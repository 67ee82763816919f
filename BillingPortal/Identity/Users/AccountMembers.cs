using System.Buffers.Text;
using System.Text;
using BillingPortal.Access;
using BillingPortal.Accounts;
using BillingPortal.Audit;
using BillingPortal.Data;
using BillingPortal.Outbox;
using BillingPortal.Primitives;
using Microsoft.AspNetCore.Identity;
using Microsoft.EntityFrameworkCore;

namespace BillingPortal.Identity.Users;

/// <summary>A person in an account.</summary>
public sealed record MemberView(Guid User, string? Email, string? Name, MemberRole Role, DateTimeOffset Since);

/// <summary>Who belongs to an account, and as what: the one rule behind page and API. Each change is on the audit record in the same transaction.</summary>
public sealed class AccountMembers(IServiceScopeFactory services, Tenants tenants, Outbox.Outbox outbox, AuditTrail audit, TimeProvider time)
{
    /// <summary>Owners first.</summary>
    public async Task<IReadOnlyList<MemberView>> ListAsync(AccountId account, CancellationToken ct = default)
    {
        List<Member> members;
        await using (var own = await tenants.ForAccountAsync(account, ct))
        {
            members = await own.Db.Set<Member>().AsNoTracking().Where(m => m.AccountId == account).ToListAsync(ct);
        }

        // Users belong to no account; only those who are members of this one are read.
        Guid[] ids = [.. members.Select(m => m.UserId)];
        await using var scope = await tenants.ForStaffAsync(ct);
        var known = await scope.Db.Set<User>().AsNoTracking().Where(u => ids.Contains(u.Id)).ToDictionaryAsync(u => u.Id, ct);
        return [.. members.OrderByDescending(m => m.Role).ThenBy(m => m.CreatedAt).Select(m => new MemberView(m.UserId, known.GetValueOrDefault(m.UserId)?.Email, known.GetValueOrDefault(m.UserId)?.Name, m.Role, m.CreatedAt))];
    }

    /// <summary>Adds a person by e-mail, or changes their role. Who is not known yet is invited: a mail with a link to choose a password.</summary>
    /// <param name="actor">Who it is in the audit log.</param>
    /// <param name="portal">Where the portal is reached, for the link; without a slash at its end.</param>
    /// <returns>The member, and whether they are new in the account; 409 for somebody of another account, and for the last owner.</returns>
    public async Task<(MemberView? Member, bool IsNew, Refusal? Refusal)> SetAsync(string actor, AccountId account, string? email, MemberRole role, string portal, CancellationToken ct = default)
    {
        if (!Registration.IsEmail(email?.Trim()))
        {
            return (null, false, Refusal.Invalid("email", "Must be an e-mail address. Nothing was changed."));
        }

        // Identity's own store keeps a context, so it lives as long as this one change.
        await using var identity = services.CreateAsyncScope();
        var users = identity.ServiceProvider.GetRequiredService<UserManager<User>>();
        var (user, isInvited) = await FindOrMakeAsync(users, email!.Trim());
        if (user is null)
        {
            return (null, false, new(ErrorCode.Conflict, "This address cannot be added. Nothing was changed."));
        }

        await using var scope = await tenants.ForStaffAsync(ct);
        // Two changes of one account's members at once must not leave it without an owner; nor two additions of one person.
        await scope.Db.Database.ExecuteSqlAsync($"select 1 from accounts where account_id = {account.Value} for update", ct);
        await scope.Db.Database.ExecuteSqlAsync($"select 1 from users where id = {user.Id} for update", ct);
        var elsewhere = await scope.Db.Set<Member>().AnyAsync(m => m.UserId == user.Id && m.AccountId != account, ct);
        if (elsewhere || user.Staff is not null)
        {
            return (null, false, new(ErrorCode.Conflict, "This person belongs to another account already, and a person belongs to one. Nothing was changed."));
        }

        var member = await scope.Db.Set<Member>().SingleOrDefaultAsync(m => m.AccountId == account && m.UserId == user.Id, ct);
        if (member is { Role: MemberRole.Owner } && role != MemberRole.Owner && await IsLastOwnerAsync(scope, account, user.Id, ct))
        {
            return (null, false, LastOwner);
        }

        var before = member?.Role;
        if (member is null)
        {
            member = scope.Db.Add(new Member { AccountId = account, UserId = user.Id, Role = role, CreatedAt = time.Now() }).Entity;
        }

        member.Role = role;
        if (before != role)
        {
            audit.Record(scope, actor, before is null ? "member.added" : "member.changed", $"user:{user.Id:N}", before is null ? null : new { role = before }, new { role }, account);
        }

        if (isInvited)
        {
            await InviteAsync(scope, user, account, portal, await users.GeneratePasswordResetTokenAsync(user), ct);
        }

        await scope.CommitAsync(ct);
        return (new(user.Id, user.Email, user.Name, role, member.CreatedAt), before is null, null);
    }

    /// <returns>Null when they are no member any more; 404 when they were none, 409 for the last owner.</returns>
    public async Task<Refusal?> RemoveAsync(string actor, AccountId account, Guid user, CancellationToken ct = default)
    {
        await using var scope = await tenants.ForStaffAsync(ct);
        await scope.Db.Database.ExecuteSqlAsync($"select 1 from accounts where account_id = {account.Value} for update", ct);
        if (await scope.Db.Set<Member>().SingleOrDefaultAsync(m => m.AccountId == account && m.UserId == user, ct) is not { } member)
        {
            return new(ErrorCode.NotFound, "There is no such member. Nothing was changed.");
        }

        if (member.Role == MemberRole.Owner && await IsLastOwnerAsync(scope, account, user, ct))
        {
            return LastOwner;
        }

        scope.Db.Remove(member);
        audit.Record(scope, actor, "member.removed", $"user:{user:N}", new { member.Role }, null, account);
        await scope.CommitAsync(ct);
        return null;
    }

    private static Refusal LastOwner { get; } = new(ErrorCode.Conflict, "This is the account's last owner. Nothing was changed; make somebody else an owner before.");

    private static async Task<bool> IsLastOwnerAsync(TenantScope scope, AccountId account, Guid user, CancellationToken ct) =>
        !await scope.Db.Set<Member>().AnyAsync(m => m.AccountId == account && m.UserId != user && m.Role == MemberRole.Owner, ct);

    private async Task<(User? User, bool IsInvited)> FindOrMakeAsync(UserManager<User> users, string email)
    {
        if (await users.FindByEmailAsync(email) is { } known)
        {
            return (known, false);
        }

        var user = new User { UserName = email, Email = email, CreatedAt = time.Now() };
        return (await users.CreateAsync(user)).Succeeded ? (user, true) : (await users.FindByEmailAsync(email), false);
    }

    private Task InviteAsync(TenantScope scope, User user, AccountId account, string portal, string token, CancellationToken ct)
    {
        var link = $"{portal}/reset?user={user.Id:N}&token={Base64Url.EncodeToString(Encoding.UTF8.GetBytes(token))}";
        return outbox.PutAsync(scope, new Mail(
            user.Email!, "You were added to an account",
            $"You may now see the account's plan, use and balance.\n\nChoose a password within an hour:\n{link}\n\nLater: {portal}/forgot sends another link.", $"invite:{account.Value:N}:{user.Id:N}"), ct: ct);
    }
}
