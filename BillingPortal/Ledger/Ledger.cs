using BillingPortal.Catalog;
using BillingPortal.Data;
using BillingPortal.Primitives;

namespace BillingPortal.Ledger;

/// <summary>The one way to change a ledger.</summary>
public sealed class Ledger
{
    private readonly LedgerWriter writer;
    private readonly CatalogSnapshot catalog;

    internal Ledger(LedgerWriter writer, CatalogSnapshot catalog)
    {
        this.writer = writer;
        this.catalog = catalog;
    }

    /// <summary>Posts through the group-commit writer: many callers' operations are decided under their accounts' locks and committed together, then answered.</summary>
    /// <param name="ct">Stops the waiting only: what was queued may still take effect, and the same key finds it.</param>
    /// <returns>Posted (now, or earlier under the same key) or refused; refused with <c>OVERLOADED</c> or <c>DATABASE_UNAVAILABLE</c> when it must be tried again with the same key.</returns>
    public Task<PostResult> PostAsync(Operation operation, CancellationToken ct = default)
    {
        var item = new QueuedOperation(operation);
        if (writer.TryAdd(item) is { } refusal)
        {
            return Task.FromResult<PostResult>(new PostResult.Refused(refusal));
        }

        return ct.CanBeCanceled ? item.Answer.WaitAsync(ct) : item.Answer;
    }

    /// <summary>Posts several at once, in order; each is taken or refused on its own.</summary>
    public Task<PostResult[]> PostAllAsync(IReadOnlyList<Operation> operations, CancellationToken ct = default) =>
        Task.WhenAll(operations.Select(operation => PostAsync(operation, ct)));

    /// <summary>Posts inside a transaction of the caller's, opened with <see cref="Tenants.ForWriterAsync"/>, so that the ledger and what goes with it commit together. The account stays locked until then.</summary>
    /// <returns>As above; after a refusal the transaction is still usable and holds nothing of the operation.</returns>
    public async Task<PostResult> PostAsync(TenantScope scope, Operation operation, CancellationToken ct = default) =>
        (await PostAtAsync(scope, [operation], writer.Clock, ct))[0];

    /// <summary>The same for several operations, decided as of an instant of the past: what is taken over from elsewhere, and demo data. An account's own clock still never goes back, so post its operations in time order.</summary>
    /// <param name="at">Null: now.</param>
    internal async Task<IReadOnlyList<PostResult>> PostAtAsync(TenantScope scope, IReadOnlyList<Operation> operations, DateTimeOffset? at, CancellationToken ct = default)
    {
        var batch = new Batch(operations, catalog.Current, writer.MayLackHead, at);
        await batch.ReadAsync(scope.Connection, begin: false, ct);
        batch.Decide();
        await batch.WriteAsync(scope.Connection, commit: false, ct);
        scope.OnCommitted(() => writer.Committed(batch));
        for (var i = 0; i < operations.Count; i++)
        {
            if (batch.ErrorOf(i) is { } error)
            {
                throw new InvalidOperationException($"The rule of {operations[i].Kind} broke.", error);
            }
        }

        return batch.Results;
    }

    /// <summary>Opens the account's ledger where it has none (first allowances, free uses) and crosses every border that it has passed.</summary>
    public Task AdvanceAsync(AccountId account, CancellationToken ct = default) => PostAsync(new AdvanceOperation(account), ct);
}
