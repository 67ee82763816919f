using System.Collections.Concurrent;
using BillingPortal.Accounts;
using BillingPortal.Data;
using BillingPortal.Primitives;
using Microsoft.EntityFrameworkCore;

namespace BillingPortal.Gating;

/// <summary>From an account to the product's own id for it, which never changes.</summary>
internal sealed class AccountNames(Tenants tenants)
{
    private const int Remembered = 100_000;
    private readonly ConcurrentDictionary<AccountId, string> known = new();

    public async ValueTask<string> OfAsync(AccountId account, CancellationToken ct)
    {
        if (known.TryGetValue(account, out var name))
        {
            return name;
        }

        await using var scope = await tenants.ForAccountAsync(account, ct);
        name = await scope.Db.Set<Account>().Where(a => a.AccountId == account).Select(a => a.ExternalId).FirstOrDefaultAsync(ct) ?? account.ToString();
        if (known.Count >= Remembered)
        {
            known.Clear();
        }

        known[account] = name;
        return name;
    }
}
