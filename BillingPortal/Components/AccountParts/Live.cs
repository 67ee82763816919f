using BillingPortal.Ledger;
using BillingPortal.Primitives;
using Microsoft.AspNetCore.Components;

namespace BillingPortal.Components.AccountParts;

/// <summary>Calls back when an account's ledger moved: at once for commits of this instance, by looking every few seconds for those of others. Renders nothing.</summary>
public sealed class Live(LedgerChanges changes, TimeProvider time) : ComponentBase, IDisposable
{
    /// <summary>A busy account moves a page at most this often.</summary>
    private static readonly TimeSpan atMost = TimeSpan.FromMilliseconds(400);
    private static readonly TimeSpan atLeast = TimeSpan.FromSeconds(8);

    private IDisposable? subscription;
    private ITimer? slow;
    private ITimer? soon;
    private AccountId watched;
    private int pending;

    [Parameter, EditorRequired]
    public AccountId Account { get; set; }

    [Parameter, EditorRequired]
    public EventCallback Moved { get; set; }

    protected override void OnParametersSet()
    {
        if (!RendererInfo.IsInteractive || watched == Account || Account == default)
        {
            return;
        }

        subscription?.Dispose();
        watched = Account;
        subscription = changes.Subscribe(Account, Hint);
        soon ??= time.CreateTimer(_ => Tell(), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        slow ??= time.CreateTimer(_ => Tell(), null, atLeast, atLeast);
    }

    // From the writer's thread: only sets the timer.
    private void Hint()
    {
        if (Interlocked.Exchange(ref pending, 1) == 0)
        {
            soon?.Change(atMost, Timeout.InfiniteTimeSpan);
        }
    }

    private void Tell()
    {
        Interlocked.Exchange(ref pending, 0);
        _ = InvokeAsync(Moved.InvokeAsync);
    }

    public void Dispose()
    {
        subscription?.Dispose();
        slow?.Dispose();
        soon?.Dispose();
    }
}
