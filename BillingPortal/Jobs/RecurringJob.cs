namespace BillingPortal.Jobs;

/// <summary>
/// Work that comes back, on one instance at a time. It must do the right thing when it is run twice or stopped half way: leadership can move at any moment.
/// Registered with <c>services.AddRecurringJob&lt;T&gt;()</c>.
/// </summary>
public abstract class RecurringJob
{
    /// <summary>Stable name, shown on the health page: <c>advance_accounts</c>.</summary>
    public abstract string Name { get; }
    /// <summary>Time from one end to the next start; up to a tenth is added or taken at random, so that instances and jobs spread.</summary>
    public abstract TimeSpan Every { get; }

    public abstract Task RunAsync(CancellationToken ct);
}
