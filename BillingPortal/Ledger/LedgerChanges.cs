using System.Collections.Concurrent;
using BillingPortal.Primitives;

namespace BillingPortal.Ledger;

/// <summary>Tells open pages of this instance that an account's ledger has moved. A hint to look again, after the commit; other instances' commits are not heard.</summary>
public sealed class LedgerChanges
{
    private readonly ConcurrentDictionary<AccountId, ConcurrentDictionary<Subscription, byte>> listeners = new();

    /// <summary>Calls <paramref name="changed"/> from the writer's thread after each commit that touched the account: it must return at once.</summary>
    public IDisposable Subscribe(AccountId account, Action changed)
    {
        var subscription = new Subscription(this, account, changed);
        listeners.GetOrAdd(account, _ => new()).TryAdd(subscription, 0);
        return subscription;
    }

    internal void Raise(AccountId account)
    {
        if (listeners.IsEmpty || !listeners.TryGetValue(account, out var here))
        {
            return;
        }

        foreach (var (subscription, _) in here)
        {
            subscription.Changed();
        }
    }

    private sealed class Subscription(LedgerChanges changes, AccountId account, Action changed) : IDisposable
    {
        public Action Changed { get; } = changed;

        public void Dispose()
        {
            // The account's empty set stays: removing it would race with a subscriber who just got it.
            if (changes.listeners.TryGetValue(account, out var here))
            {
                here.TryRemove(this, out _);
            }
        }
    }
}
