namespace BillingPortal.Usage;

/// <summary>
/// Whether events are being taken just now. Callers wait for their events to be durable, not for what comes of them: while many pour in, charging rests after each piece of work,
/// so that the machine is there for taking. Nothing waits longer than <see cref="Patience"/> for it.
/// </summary>
internal sealed class IngestLoad
{
    /// <summary>Events are counted within a minute (E4); half of it may be spent giving way.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);
    private const int RestForWork = 4;
    private static readonly TimeSpan LongestRest = TimeSpan.FromSeconds(2);
    private int underWay;

    public bool IsBusy => Volatile.Read(ref underWay) > 0;

    /// <summary>To be disposed when the events are written.</summary>
    public Taking Begin()
    {
        Interlocked.Increment(ref underWay);
        return new(this);
    }

    /// <param name="worked">How long the piece of work took that lies behind.</param>
    public Task GiveWayAsync(TimeSpan worked, CancellationToken ct) => IsBusy ? Task.Delay(worked * RestForWork < LongestRest ? worked * RestForWork : LongestRest, ct) : Task.CompletedTask;

    internal readonly struct Taking(IngestLoad load) : IDisposable
    {
        public void Dispose() => Interlocked.Decrement(ref load.underWay);
    }
}
