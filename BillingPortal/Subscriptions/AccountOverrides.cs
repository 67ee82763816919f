using BillingPortal.Audit;
using BillingPortal.Catalog;
using BillingPortal.Data;
using BillingPortal.Ledger;
using BillingPortal.Primitives;

namespace BillingPortal.Subscriptions;

/// <summary>What one customer has otherwise than the plan (E12): the one rule behind page and API. In force with the next decision, on the audit record in the same transaction.</summary>
public sealed class AccountOverrides(Ledger.Ledger ledger, LedgerReads reads, Tenants tenants, CatalogSnapshot catalog, AuditTrail audit)
{
    /// <param name="account">An account that exists.</param>
    public async Task<PlanOverrides> ReadAsync(AccountId account, CancellationToken ct = default) => PlanOverrides.Parse((await reads.StandingAsync(account, ct)).Overrides);

    /// <summary>Sets all of a customer's overrides; an empty object takes them away.</summary>
    /// <param name="actor">Who it is in the audit log.</param>
    /// <param name="utf8">JSON as <c>#/$defs/overrides</c> of catalogs/schema.json describes it.</param>
    /// <returns>What stands now; or a 400 whose errors carry the place of each wrong value, or a 409 for another version than was read.</returns>
    public async Task<(PlanOverrides? Standing, Refusal? Refusal)> ChangeAsync(string actor, AccountId account, ReadOnlyMemory<byte> utf8, string? key = null, CancellationToken ct = default)
    {
        var (wanted, errors) = CatalogJson.ReadOverrides(utf8, catalog.Current);
        if (wanted is null)
        {
            return (null, Refuse(errors));
        }

        var operation = new OverridesOperation(account, Origin.Api, key ?? $"overrides:{Guid.CreateVersion7():N}", wanted);
        await using var scope = await tenants.ForWriterAsync(ct);
        var (posted, refusal) = (await ledger.PostAsync(scope, operation, ct)).Match<(PostResult.Posted?, Refusal?)>(done => (done, null), refused => (null, refused));
        if (refusal is not null)
        {
            return (null, refusal);
        }

        var (before, after) = operation.Decided;
        if (!posted!.Replayed && before.Version != after.Version)
        {
            audit.Record(scope, actor, "overrides.changed", account.ToString(), before, after, account);
        }

        await scope.CommitAsync(ct);
        return (posted.Replayed ? await ReadAsync(account, ct) : after, null);
    }

    private static Refusal Refuse(IReadOnlyList<CatalogError> errors) =>
        new(ErrorCode.InvalidRequest, $"{errors[0]}. Nothing was changed.")
        {
            Errors = errors.GroupBy(e => e.Path).ToDictionary(e => e.Key.Length == 0 ? "body" : e.Key, e => e.Select(error => error.Message).ToArray()),
        };
}
