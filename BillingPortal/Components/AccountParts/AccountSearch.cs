using BillingPortal.Access;
using BillingPortal.Accounts;
using BillingPortal.Data;
using BillingPortal.Ledger;
using BillingPortal.Primitives;
using Microsoft.EntityFrameworkCore;

namespace BillingPortal.Components.AccountParts;

/// <summary>One account in a list of many.</summary>
/// <param name="Plan">Null, as <paramref name="Status"/>: the account's ledger was not opened yet.</param>
/// <param name="Credits">Balance of credits; null: no wallet yet.</param>
public sealed record AccountRow(AccountId Id, string ExternalId, string? Name, string? Email, string? Plan, AccountStatus? Status, Amount? Credits, DateTimeOffset CreatedAt)
{
    public string Title => Name ?? Email ?? ExternalId;
}

/// <summary>Finds accounts for staff as they type, newest first, with where they stand.</summary>
public sealed class AccountSearch(AccountRegister register, Tenants tenants)
{
    /// <inheritdoc cref="AccountRegister.ListAsync"/>
    public async Task<IReadOnlyList<AccountRow>> FindAsync(Caller caller, string? query, int count, CancellationToken ct = default)
    {
        var found = await register.ListAsync(caller, query?.Trim(), after: null, count, ct);
        List<AccountId> ids = [.. found.Select(a => a.AccountId)];
        await using var scope = await tenants.ForStaffAsync(ct);
        var heads = await scope.Db.Set<LedgerHead>().AsNoTracking().Where(h => ids.Contains(h.AccountId)).ToDictionaryAsync(h => h.AccountId, ct);
        var credits = await scope.Db.Set<Wallet>().AsNoTracking().Where(w => ids.Contains(w.AccountId) && w.Unit == Unit.Credit).ToDictionaryAsync(w => w.AccountId, w => w.Balance, ct);
        return [.. found.Select(a => new AccountRow(a.AccountId, a.ExternalId, a.Name, a.Email, heads.GetValueOrDefault(a.AccountId)?.Plan, heads.GetValueOrDefault(a.AccountId)?.Status,
            credits.TryGetValue(a.AccountId, out var balance) ? balance : null, a.CreatedAt))];
    }
}
