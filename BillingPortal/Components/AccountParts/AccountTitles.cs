using BillingPortal.Accounts;
using BillingPortal.Data;
using BillingPortal.Primitives;
using Microsoft.EntityFrameworkCore;

namespace BillingPortal.Components.AccountParts;

/// <summary>What staff call accounts: by name, else e-mail, else the product's id. Read once for all rows of a page, and kept while the page is.</summary>
public sealed class AccountTitles(Tenants tenants)
{
    private const int IdCharacters = 12;
    private readonly Dictionary<AccountId, string> known = [];

    /// <summary>The account's title; before <see cref="LearnAsync"/> the beginning of its id.</summary>
    public string this[AccountId account] => known.GetValueOrDefault(account) ?? account.ToString()[..IdCharacters] + "…";

    /// <summary>Reads in one round trip what is not known yet of these.</summary>
    public async Task LearnAsync(IEnumerable<AccountId> accounts, CancellationToken ct = default)
    {
        List<AccountId> unknown = [.. accounts.Distinct().Where(a => !known.ContainsKey(a))];
        if (unknown.Count == 0)
        {
            return;
        }

        await using var scope = await tenants.ForStaffAsync(ct);
        foreach (var found in await scope.Db.Set<Account>().AsNoTracking().Where(a => unknown.Contains(a.AccountId)).Select(a => new { a.AccountId, a.Name, a.Email, a.ExternalId }).ToListAsync(ct))
        {
            known[found.AccountId] = found.Name ?? found.Email ?? found.ExternalId;
        }
    }
}
