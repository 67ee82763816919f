using BillingPortal.Access;
using BillingPortal.Accounts;
using BillingPortal.Data;
using BillingPortal.Primitives;
using Microsoft.EntityFrameworkCore;

namespace BillingPortal.Identity.Users;

/// <summary>An account that somebody belongs to.</summary>
public sealed record Membership(AccountId Account, MemberRole Role);

/// <summary>Which accounts a user belongs to. Whoever registers gets an account of their own, on the catalog's default plan from its first reading on.</summary>
public sealed class Memberships(Tenants tenants, TimeProvider time)
{
    /// <summary>Oldest first; the first is the one they are signed in as.</summary>
    public async Task<IReadOnlyList<Membership>> OfAsync(Guid user, CancellationToken ct = default)
    {
        await using var scope = await tenants.ForStaffAsync(ct);
        return await scope.Db.Set<Member>().AsNoTracking().Where(m => m.UserId == user).OrderBy(m => m.CreatedAt).ThenBy(m => m.AccountId)
            .Select(m => new Membership(m.AccountId, m.Role)).ToListAsync(ct);
    }

    /// <summary>Makes the account and the membership in one transaction, unless the user belongs to one already; safe to repeat.</summary>
    public async Task<AccountId> EnsureOwnAccountAsync(User user, string? externalId = null, CancellationToken ct = default)
    {
        await using var scope = await tenants.ForStaffAsync(ct);
        // Two sign-ins at once must not make two accounts.
        await scope.Db.Database.ExecuteSqlAsync($"select 1 from users where id = {user.Id} for update", ct);
        var first = await scope.Db.Set<Member>().Where(m => m.UserId == user.Id).OrderBy(m => m.CreatedAt).FirstOrDefaultAsync(ct);
        if (first is not null)
        {
            return first.AccountId;
        }

        var now = time.Now();
        var external = externalId ?? $"user_{user.Id:N}";
        var account = await scope.Db.Set<Account>().SingleOrDefaultAsync(a => a.ExternalId == external, ct);
        if (account is null)
        {
            account = new() { AccountId = AccountId.New(), ExternalId = external, Email = user.Email, Name = user.Name, CreatedAt = now };
            scope.Db.Add(account);
        }

        scope.Db.Add(new Member { AccountId = account.AccountId, UserId = user.Id, Role = MemberRole.Owner, CreatedAt = now });
        await scope.CommitAsync(ct);
        return account.AccountId;
    }
}
