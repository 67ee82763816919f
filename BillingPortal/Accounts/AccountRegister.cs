using BillingPortal.Access;
using BillingPortal.Data;
using BillingPortal.Primitives;
using Microsoft.EntityFrameworkCore;

namespace BillingPortal.Accounts;

/// <summary>Reads and changes who the accounts are.</summary>
public sealed class AccountRegister(Tenants tenants, TimeProvider time)
{
    /// <returns>Null: there is no such account.</returns>
    public async Task<Account?> ReadAsync(AccountId id, CancellationToken ct = default)
    {
        await using var scope = await tenants.ForAccountAsync(id, ct);
        return await scope.Db.Set<Account>().AsNoTracking().SingleOrDefaultAsync(a => a.AccountId == id, ct);
    }

    /// <param name="changes">Already checked.</param>
    /// <returns>Null: there is no such account.</returns>
    public async Task<Account?> ChangeAsync(AccountId id, AccountChanges changes, CancellationToken ct = default)
    {
        await using var scope = await tenants.ForAccountAsync(id, ct);
        var account = await scope.Db.Set<Account>().SingleOrDefaultAsync(a => a.AccountId == id, ct);
        if (account is null)
        {
            return null;
        }

        changes.ApplyTo(account, time.Now());
        await scope.CommitAsync(ct);
        return account;
    }

    /// <summary>Newest first.</summary>
    /// <param name="caller">Sees their own accounts only.</param>
    /// <param name="query">The beginning of an external id, e-mail or name, or a whole shown id; blank: all.</param>
    /// <param name="after">The last account of the page before.</param>
    /// <param name="count">How many at most.</param>
    public async Task<IReadOnlyList<Account>> ListAsync(Caller caller, string? query, AccountId? after, int count, CancellationToken ct = default)
    {
        await using var scope = await tenants.ForStaffAsync(ct);
        var accounts = scope.Db.Set<Account>().AsNoTracking();
        if (caller.Accounts is { } own)
        {
            accounts = accounts.Where(a => own.Contains(a.AccountId));
        }

        if (AccountId.TryParse(query, out var id))
        {
            accounts = accounts.Where(a => a.AccountId == id);
        }
        else if (query is { Length: > 0 })
        {
            var (exact, folded) = (Escape(query) + "%", Escape(query).ToLowerInvariant() + "%");
            accounts = accounts.Where(a => EF.Functions.Like(a.ExternalId, exact) || EF.Functions.Like(a.SearchEmail!, folded) || EF.Functions.Like(a.SearchName!, folded));
        }

        if (after is { } last)
        {
            // Ids are in the order of making.
            accounts = accounts.Where(a => a.AccountId.CompareTo(last) < 0);
        }

        return await accounts.OrderByDescending(a => a.AccountId).Take(count).ToListAsync(ct);
    }

    private static string Escape(string text) =>
        text.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("%", "\\%", StringComparison.Ordinal).Replace("_", "\\_", StringComparison.Ordinal);
}
