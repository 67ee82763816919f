using BillingPortal.Primitives;

namespace BillingPortal.Ledger;

/// <summary>The one way to change a ledger.</summary>
public sealed class Ledger
{
    /// <summary>Posts through the group-commit writer: many callers' operations are decided under their accounts' locks and committed together, then answered.</summary>
    /// <returns>Posted (now, or earlier under the same key) or refused; refused with <c>OVERLOADED</c> or <c>DATABASE_UNAVAILABLE</c> when it must be tried again with the same key.</returns>
    public Task<PostResult> PostAsync(Operation operation, CancellationToken ct = default) => throw new InvalidOperationException("The writer is not running.");

    /// <summary>Opens the account's ledger where it has none (first allowances, free uses) and crosses every border that it has passed.</summary>
    public Task AdvanceAsync(AccountId account, CancellationToken ct = default) => PostAsync(new AdvanceOperation(account), ct);
}
